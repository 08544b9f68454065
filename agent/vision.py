"""The vision process: frames in, records out, no network.

Started by the supervisor as `python -m agent.vision`; its settings are one line of JSON
on stdin, the end of stdin means stop, its records leave on the descriptor that was stdout.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from agent import assemble_vision
from agent.capture.channel import FrameReceiver, StreamEnded
from agent.config.schema import Config
from agent.debug_view.link import ViewerLink
from agent.debug_view.settings import TapSettings
from agent.records import Frame, Hello, PipeRecord, VisionProgress
from agent.sandbox import die_with_parent, forbid_network
from agent.wire import RecordWriter, private_record_pipe, stdin_has_ended

#: Progress is sent at least so often; also the replay's tick, in video time.
PROGRESS_INTERVAL_S = 0.1
#: Frame times are sums of fractions: 0.3 - 0.2 is a little less than 0.1.
_ROUNDING_S = 1e-6
#: Longest wait for a frame, so that deadlines of the batcher are met.
WAIT_S = 0.02


class VisionSettings(BaseModel):
    """What the supervisor writes on the first line of stdin."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    config: Config
    socket_path: str
    lossless: bool
    debug_view: TapSettings | None = None


class FrameSource(Protocol):
    """Where frames come from; `FrameReceiver` is one."""

    @property
    def all_ended(self) -> bool:
        """Whether the end of every recording has been given out."""
        ...

    def next(self, timeout_s: float) -> Frame | StreamEnded | None:
        """Return the next frame or end, or None when neither came in time."""
        ...


class FramePipeline(Protocol):
    """What works on frames; `Pipeline` is one."""

    def process(self, frame: Frame) -> list[PipeRecord]:
        """Return what a frame shows."""
        ...

    def idle(self, now_s: float) -> list[PipeRecord]:
        """Return what is due without a frame."""
        ...

    def finish(self, at_s: float) -> list[PipeRecord]:
        """Return what is still open."""
        ...

    def progress(self, at_s: float, finished: bool = False) -> VisionProgress:
        """Return the totals."""
        ...


class VisionLoop:
    """Takes frames as they come and reports what they show."""

    def __init__(
        self, receiver: FrameSource, pipeline: FramePipeline, writer: RecordWriter, lossless: bool
    ) -> None:
        self._receiver = receiver
        self._pipeline = pipeline
        self._writer = writer
        self._lossless = lossless
        self._progress_at_s = -PROGRESS_INTERVAL_S
        self._last_at_s = 0.0

    def step(self) -> bool:
        """Work through one frame; return False when a replay is over."""
        item = self._receiver.next(WAIT_S)
        if isinstance(item, Frame):
            self._last_at_s = max(self._last_at_s, item.at_s)
            self._writer.write(self._pipeline.process(item))
        elif isinstance(item, StreamEnded):
            return not (self._lossless and self._receiver.all_ended)
        elif not self._lossless:
            self._last_at_s = time.monotonic()
            self._writer.write(self._pipeline.idle(self._last_at_s))
        if self._last_at_s - self._progress_at_s >= PROGRESS_INTERVAL_S - _ROUNDING_S:
            self._progress_at_s = self._last_at_s
            if not self._lossless:
                # A camera that went away must not keep its visits open while others go on.
                self._writer.write(self._pipeline.idle(self._last_at_s))
            self._writer.write([self._progress()])
        return True

    def finish(self) -> None:
        """Report what is still open, then the end."""
        self._writer.write(self._pipeline.finish(self._last_at_s))
        self._writer.write([self._progress(finished=True)])

    def _progress(self, finished: bool = False) -> VisionProgress:
        return self._pipeline.progress(self._last_at_s, finished=finished)


def main() -> None:
    """Run until stdin ends or the replay is over."""
    die_with_parent()
    writer = RecordWriter(private_record_pipe())
    line = sys.stdin.buffer.readline()
    if not line:  # the agent was gone before it told us anything
        return
    settings = VisionSettings.model_validate_json(line)
    config = settings.config
    camera_ids = [camera.id for camera in config.cameras]
    receiver = FrameReceiver(settings.socket_path, camera_ids, lossless=settings.lossless)
    view, viewer = settings.debug_view, None
    if view is not None:
        viewer = ViewerLink(view.socket_path, view.key, camera_ids)
    forbid_network()
    tap = assemble_vision.tap(config, viewer, view.duration_s) if viewer and view else None
    pipeline = assemble_vision.pipeline(config, tap)
    description = assemble_vision.runtime_description(config.estimate)
    writer.write([Hello("vision", os.getpid(), description)])
    loop = VisionLoop(receiver, pipeline, writer, settings.lossless)
    while loop.step():
        if tap is not None:
            tap.attend()
        if stdin_has_ended():
            break
    else:
        loop.finish()
    receiver.close()


if __name__ == "__main__":
    main()
