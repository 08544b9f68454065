"""One child process: its settings in, its lines out, and its end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from typing import IO

from agent import wire

#: Taken from a pipe at once; what is left waits for the next poll, so no child starves another.
_READ_BYTES = 262144
_TAIL_LINES = 20
_TAIL_LINE_BYTES = 1000


class LineBuffer:
    """Cuts bytes into lines; a line longer than `max_bytes` is dropped and counted."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._rest = b""
        self._skipping = False
        self.too_long = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are complete now, without their line breaks."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        complete = [line for line in lines if self._keep(line)]
        if len(self._rest) > self._max_bytes:
            self.too_long += not self._skipping
            self._skipping = True
            self._rest = b""
        return complete

    def _keep(self, line: bytes) -> bool:
        if self._skipping:
            self._skipping = False
            return False
        if len(line) > self._max_bytes:
            self.too_long += 1
            return False
        return bool(line)


class ChildProcess:
    """A running child. Nothing here blocks but `reap` after `kill`.

    Args:
        command: Program and arguments; no secret, everybody can read them.
        settings: Written to its stdin as one line.
        environment: All of its environment.
    """

    def __init__(
        self, command: Sequence[str], settings: bytes, environment: Mapping[str, str]
    ) -> None:
        # A session of its own: Ctrl-C at a terminal is the agent's to handle.
        self._process = subprocess.Popen(  # noqa: S603 (our own modules, no shell)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            start_new_session=True,
        )
        self._stdin, self._stdout, self._stderr = _pipes(self._process)
        self._records = LineBuffer(wire.MAX_RECORD_BYTES)
        self._noise = LineBuffer(_TAIL_LINE_BYTES)
        self.last_words: deque[str] = deque(maxlen=_TAIL_LINES)
        self._open = [self._stdout, self._stderr]
        for pipe in self._open:
            os.set_blocking(pipe.fileno(), False)
        self._write_settings(settings + b"\n")

    @property
    def process_id(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def descriptors(self) -> list[int]:
        """What to wait on: readable when there is something to read, or the end."""
        return [pipe.fileno() for pipe in self._open]

    @property
    def lines_too_long(self) -> int:
        """How many record lines were dropped for their length."""
        return self._records.too_long

    def read(self, *, to_end: bool = False) -> tuple[list[bytes], list[str]]:
        """Return the record lines and the lines of noise that have arrived.

        Args:
            to_end: Take everything, from a child that has ended; else a fair share.
        """
        lines = self._records.feed(self._take(self._stdout, to_end))
        raw_noise = self._noise.feed(self._take(self._stderr, to_end))
        noise = [line.decode(errors="replace") for line in raw_noise]
        self.last_words.extend(noise)
        return lines, noise

    def has_ended(self) -> bool:
        """Return whether it is gone; `read` to the end afterwards for its last lines."""
        return self._process.poll() is not None

    @property
    def end(self) -> str:
        """How it ended, for a technician."""
        code = self._process.returncode
        if code is None:
            return "is running"
        if code >= 0:
            return f"ended with exit code {code}"
        if -code == signal.SIGKILL:
            return "was killed by SIGKILL, by hand or because memory ran out"
        return f"was killed by {signal.Signals(-code).name}"

    def ask_to_stop(self) -> None:
        """Close its stdin."""
        with contextlib.suppress(OSError):
            self._stdin.close()

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()

    def reap(self, timeout_s: float) -> bool:
        """Wait for its end, then close its pipes; return whether it has ended."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        self.ask_to_stop()
        for pipe in (self._stdout, self._stderr):
            pipe.close()
        self._open = []
        return True

    def _take(self, pipe: IO[bytes], to_end: bool) -> bytes:
        taken = b""
        # Until it would block, not until its end: a grandchild may hold the pipe open.
        while pipe in self._open:
            try:
                data = os.read(pipe.fileno(), _READ_BYTES)
            except BlockingIOError:
                break
            if not data:
                self._open.remove(pipe)
            taken += data
            if not to_end:
                break
        return taken

    def _write_settings(self, line: bytes) -> None:
        # Room for all of it (16 cameras with all their polygons are 400 kB), so that a child
        # that does not read cannot hold the agent up.
        with contextlib.suppress(OSError):
            if len(line) > 65536:
                fcntl.fcntl(self._stdin.fileno(), fcntl.F_SETPIPE_SZ, len(line))
            os.set_blocking(self._stdin.fileno(), False)
            os.write(self._stdin.fileno(), line)


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise AssertionError("all three are pipes")
    return process.stdin, process.stdout, process.stderr
