"""What a child process may say, and what is made of its noise."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from agent import wire
from agent.errors import ProtocolError
from agent.masking import mask_camera_addresses
from agent.processes.child_process import ChildProcess
from agent.records import (
    AgeEstimate,
    CaptureEnded,
    CaptureProgress,
    Hello,
    PipeRecord,
    VisionProgress,
    VisitEnded,
    VisitStarted,
)

logger = logging.getLogger(__name__)

#: A last line of a traceback: the class is for programmers, the message for the technician.
_EXCEPTION_NAME_PREFIX = "agent.errors."
#: What MediaPipe logs as information or warning is never why a process ended.
_CHATTER = re.compile(r"(I\d{4}|W\d{4}|INFO:|WARNING:) ")
#: FFmpeg's own lines; the address in them changes from run to run.
_FFMPEG = re.compile(r"\[\w+ @ 0x[0-9a-f]+\] (.*)")


@dataclass(slots=True)
class Lane:
    """What both keepers do with a child's pipes; `accepts` bounds what it may say.

    Attributes:
        name: For logs.
        accepts: A record of a wrong kind, or about another camera, is refused.
        is_quiet: Noise is kept for error messages but not logged.
        mask: Takes secrets out of noise.
    """

    name: str
    accepts: Callable[[PipeRecord], bool]
    is_quiet: bool
    mask: Callable[[str], str] = mask_camera_addresses
    protocol_errors: int = 0

    def read(self, child: ChildProcess, *, to_end: bool = False) -> list[PipeRecord]:
        """Return the good records that have arrived; count the bad ones.

        Args:
            child: Whose pipes are read.
            to_end: It has ended: take everything that it left.
        """
        too_long_before = child.lines_too_long
        lines, noise = child.read(to_end=to_end)
        self.protocol_errors += child.lines_too_long - too_long_before
        if not self.is_quiet:
            for line in noise:
                logger.debug("child_says process=%s text=%s", self.name, self.mask(line))
        return [record for line in lines if (record := self._decoded(line)) is not None]

    def last_word(self, child: ChildProcess) -> str:
        """Return the last line of its noise, fit for a technician, or empty."""
        words = [line for line in child.last_words if not _CHATTER.match(line)]
        if not words:
            return ""
        line = self.mask(words[-1]).strip()
        if line.startswith(_EXCEPTION_NAME_PREFIX):
            return line.partition(": ")[2]
        return line

    def decoder_cause(self, child: ChildProcess) -> str:
        """Return what FFmpeg said last, such as `401 Unauthorized`, or empty."""
        said = [match[1] for line in child.last_words if (match := _FFMPEG.match(line))]
        return self.mask(said[-1]).strip() if said else ""

    def _decoded(self, line: bytes) -> PipeRecord | None:
        try:
            record = wire.decode(line)
            if not self.accepts(record):
                raise ProtocolError(f"a {record.kind} is not this process's to send")
        except ProtocolError as error:
            self.protocol_errors += 1
            logger.warning("record_refused process=%s reason=%s", self.name, error)
            return None
        return record


def is_from_vision(record: PipeRecord) -> bool:
    """Return whether the vision process may say this."""
    return isinstance(record, Hello | AgeEstimate | VisitStarted | VisitEnded | VisionProgress)


def is_from_capture(record: PipeRecord, camera_id: str) -> bool:
    """Return whether this camera's capture process may say this."""
    if isinstance(record, CaptureProgress | CaptureEnded):
        return record.camera_id == camera_id
    return isinstance(record, Hello)


def is_from_viewer(record: PipeRecord) -> bool:
    """Return whether the viewer may say this: nothing but that it serves."""
    return isinstance(record, Hello) and record.process == "viewer"
