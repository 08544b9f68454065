"""The capture process: one camera in, frames out, nothing else.

Started by the supervisor as `python -m agent.capture.process`. Its settings are one line
of JSON on stdin, and stdin's end means stop; records leave on the descriptor that was
stdout. It may be killed at any moment, and is when `read()` hangs.
"""

from __future__ import annotations

import os
import select
import sys
import threading

from agent.capture.address import kind_of
from agent.capture.camera import open_source
from agent.capture.novelty import Novelty, is_black
from agent.capture.pictures import Mailbox, Picture, PictureSource
from agent.capture.sender import FrameSender
from agent.capture.settings import CaptureSettings
from agent.capture.slots import size_is_plausible
from agent.clock import Clock, SystemClock
from agent.errors import AgentError, SourceError
from agent.masking import mask_camera_addresses
from agent.records import CaptureEnded, CaptureProgress, Hello, PipeRecord
from agent.sandbox import die_with_parent, forbid_network
from agent.wire import RecordWriter, private_record_pipe

_STDIN = 0
PROGRESS_INTERVAL_S = 0.5
#: How often a vision process that is not there is looked for.
CONNECT_INTERVAL_S = 0.1


class Reader:
    """Reads the source in a thread of its own, so that a hanging read hangs nothing else."""

    def __init__(self, settings: CaptureSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._stopping = threading.Event()
        self.mailbox = Mailbox(keeps_newest=settings.mode == "live")
        self._novelty = Novelty()
        self.frames_read = 0
        self.frames_repeated = 0
        self.is_black = False
        self.frames_expected = 0
        self.at_s = 0.0
        self.error = ""
        self.warning = ""
        self.ended = False
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)

    def start(self) -> None:
        """Open the source and begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; it may hang for ever, which the process does not."""
        self._stopping.set()
        self.mailbox.close()

    def _run(self) -> None:
        try:
            self._read_all(open_source(self._settings, self._clock, self._stopping))
        except AgentError as error:
            self.error = str(error)
        except Exception as error:  # OpenCV raises what it likes; it is reported
            self.error = f"{self._settings.shown_source}: {type(error).__name__}: {error}"
        self.ended = True
        self.mailbox.wake()

    def _read_all(self, source: PictureSource) -> None:
        self.frames_expected = source.frames_expected
        while not self._stopping.is_set():
            picture = source.read()
            if picture is None:
                self.warning = source.warning
                return
            self._check(picture)
            self.frames_read += 1
            self.at_s = picture.at_s
            if self._is_news(picture):
                self.mailbox.put(picture)

    def _is_news(self, picture: Picture) -> bool:
        """Return whether a picture may be shown as live; of a recording every one may."""
        if self._settings.mode != "live":
            return True
        self.is_black = is_black(picture.pixels_bgr)
        is_new = self._novelty.is_new(picture.pixels_bgr)
        self.frames_repeated += not is_new
        return is_new

    def _check(self, picture: Picture) -> None:
        height_px, width_px = picture.pixels_bgr.shape[:2]
        if picture.pixels_bgr.ndim != 3 or not size_is_plausible(height_px, width_px):
            raise SourceError(
                f"{self._settings.shown_source}: refused a picture of {width_px} x {height_px} px"
            )


class CaptureLoop:
    """Hands pictures on as they are wanted and reports what was read."""

    def __init__(
        self, settings: CaptureSettings, reader: Reader, writer: RecordWriter, clock: Clock
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._sender = FrameSender(settings.socket_path, settings.camera_id)
        self._progress_due_s = clock.now_s()
        self._connect_due_s = clock.now_s()

    def run(self) -> int:
        """Work until stdin ends (0), the recording does (0), or the source fails (1)."""
        while not self._wait():
            self._connect_if_due()
            self._pass_on()
            self._report_if_due()
            if self._reader.ended and self._is_passed_on():
                return self._finish()
        return 0

    def _is_passed_on(self) -> bool:
        # A camera's last picture is not worth waiting for: its failure is the news.
        return self._settings.mode == "live" or self._reader.mailbox.is_empty

    def _wait(self) -> bool:
        """Sleep until there is something to do; return whether stdin has ended."""
        connection = self._sender.connected
        mailbox = self._reader.mailbox
        due_s = self._progress_due_s if connection else self._connect_due_s
        waited_for = [_STDIN, mailbox.fileno()]
        if connection is not None:
            waited_for.append(connection.fileno())
        timeout_s = max(0.0, due_s - self._clock.now_s())
        readable, _, _ = select.select(waited_for, [], [], timeout_s)
        if mailbox.fileno() in readable:
            mailbox.sleep_again()
        if connection is not None and connection.fileno() in readable:
            self._sender.receive()
        return _STDIN in readable

    def _connect_if_due(self) -> None:
        if self._sender.connected is None and self._clock.now_s() >= self._connect_due_s:
            self._connect_due_s = self._clock.now_s() + CONNECT_INTERVAL_S
            self._sender.connect()

    def _pass_on(self) -> None:
        if not self._sender.is_wanted:
            return
        picture = self._reader.mailbox.take()
        if picture is not None:
            self._sender.send(picture, self._reader.mailbox.dropped)

    def _report_if_due(self) -> None:
        if self._clock.now_s() >= self._progress_due_s:
            self._progress_due_s = self._clock.now_s() + PROGRESS_INTERVAL_S
            self._report()

    def _report(self) -> None:
        reader = self._reader
        self.write(
            CaptureProgress(
                camera_id=self._settings.camera_id,
                at_s=reader.at_s,
                frames_read=reader.frames_read,
                frames_dropped=reader.mailbox.dropped,
                frames_expected=reader.frames_expected,
                frames_repeated=reader.frames_repeated,
                is_black=reader.is_black,
            )
        )

    def _finish(self) -> int:
        self._report()
        if not self._reader.error:
            self._sender.end()
        error = self._masked(self._reader.error)
        ended = CaptureEnded(
            self._settings.camera_id, self._reader.at_s, error, self._masked(self._reader.warning)
        )
        self.write(ended)
        return 1 if error else 0

    def _masked(self, text: str) -> str:
        """Return a message for the agent: one line, without any password."""
        shown = text.replace(self._settings.address, self._settings.shown_source)
        return " ".join(mask_camera_addresses(shown).split())

    def write(self, record: PipeRecord) -> None:
        """Send one record; blocks while the agent is busy."""
        self._writer.write([record])


def main() -> int:
    """Run one camera until stdin ends."""
    die_with_parent()
    writer = RecordWriter(private_record_pipe())
    # Unbuffered: nothing may wait where select does not see it.
    with os.fdopen(_STDIN, "rb", buffering=0, closefd=False) as stdin:
        line = stdin.readline()
    if not line:
        return 0
    settings = CaptureSettings.model_validate_json(line)
    if kind_of(settings.address) != "stream":
        forbid_network(may_connect_locally=True, required=False)
    clock = SystemClock()
    reader = Reader(settings, clock)
    loop = CaptureLoop(settings, reader, writer, clock)
    loop.write(Hello("capture", os.getpid(), settings.camera_id))
    reader.start()
    status = loop.run()
    reader.stop()
    return status


if __name__ == "__main__":
    # Not sys.exit: it would wait for a reading thread that hangs in the camera's driver.
    status = main()
    sys.stderr.flush()
    os._exit(status)
