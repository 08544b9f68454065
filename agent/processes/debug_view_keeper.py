"""Keeps the viewer process while the debug view is on, and ends it when its time is over."""

from __future__ import annotations

import json
import logging
import os
import random
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.capture.reconnect import Backoff
from agent.clock import Clock
from agent.config.debug_view import LONGEST_S, DebugViewSection
from agent.debug_view.settings import TapSettings
from agent.processes.child_process import ChildProcess
from agent.processes.child_records import Lane, is_from_viewer
from agent.processes.private_folder import PrivateFolder
from agent.records import Hello

logger = logging.getLogger(__name__)

_BACKOFF_INITIAL_S = 0.5
_BACKOFF_MAX_S = 10.0
_JITTER_RATIO = 0.3
#: The viewer's own clock began a moment before ours.
_TOGETHER_S = 1.0
#: Of a stop: how long it is asked before it is killed.
_STOP_S = 0.3
_REAP_S = 1.0
#: All that the viewer gets of the agent's environment, which may hold passwords.
_ENVIRONMENT = ("LANG", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "TMPDIR")


@dataclass(frozen=True, slots=True)
class ViewerStart:
    """How the viewer is started.

    Attributes:
        token: What a browser has to show.
        camera_ids: What there is to see.
        place: Store and register.
        command: Program and arguments; tests put a script of their own here.
        runtime_folder: For the socket; None: the system's temporary folder.
    """

    token: str
    camera_ids: tuple[str, ...]
    place: str
    command: tuple[str, ...] = (sys.executable, "-m", "agent.viewer.process")
    runtime_folder: Path | None = None


class DebugViewKeeper:
    """The debug view, from `start` until its time is over; then it stays off.

    Its time begins when the viewer has joined the vision process, which also keep it, each for
    itself; without that it is over after LONGEST_S. Who is started again gets what is left.

    Use it from the thread that uses the supervisor: a child dies with that thread.

    Args:
        section: Port and duration.
        how: How the viewer is started.
        clock: Measures the time.
        announce: Called once, when there is something to see.
    """

    def __init__(
        self,
        section: DebugViewSection,
        how: ViewerStart,
        clock: Clock,
        announce: Callable[[], None],
    ) -> None:
        self._section = section
        self._how = how
        self._clock = clock
        self._announce = announce
        self._key = secrets.token_hex(16)
        self._lane = Lane("viewer", is_from_viewer, is_quiet=False)
        chance = random.SystemRandom().random
        self._backoff = Backoff(_BACKOFF_INITIAL_S, _BACKOFF_MAX_S, _JITTER_RATIO, chance)
        self._folder: PrivateFolder | None = None
        self._child: ChildProcess | None = None
        self._due_s = 0.0
        self._until_s = 0.0
        self._has_joined = False
        self._is_over = True
        self._kill_at_s = 0.0

    @property
    def is_on(self) -> bool:
        """Whether pictures can be seen: until the viewer is gone."""
        return not self._is_over or self._child is not None

    def tap_settings(self) -> TapSettings | None:
        """Return what a vision process that starts now is told; None: nothing, it is over."""
        duration_s = self._left_s()
        if self._is_over or duration_s <= 0:
            return None
        return TapSettings(socket_path=self._socket_path, key=self._key, duration_s=duration_s)

    def start(self) -> None:
        """Switch it on; before the vision process is started."""
        self._folder = PrivateFolder(self._how.runtime_folder)
        self._until_s = self._clock.now_s() + LONGEST_S
        self._is_over = False
        self._start_viewer()

    def step(self) -> None:
        """Do what is due: hear the viewer, start it again, or end it."""
        if self._is_over:
            self._see_off()
            return
        if self._child is not None:
            self._hear(self._child)
        if self._clock.now_s() >= self._until_s:
            self._end("its time is over")
        elif self._child is None and self._clock.now_s() >= self._due_s:
            self._start_viewer()

    def stop(self) -> None:
        """Switch it off, if it is on, and wait until the viewer is gone."""
        self._end("the agent stops")
        if self._child is not None and not self._child.reap(_STOP_S):
            self._child.kill()
            self._child.reap(_REAP_S)
        self._child = None

    @property
    def _socket_path(self) -> str:
        folder = self._folder
        if folder is None:
            raise AssertionError("it was started")
        return str(folder.path / "pictures")

    def _left_s(self) -> float:
        if not self._has_joined:
            return self._section.duration_s
        return min(self._until_s - self._clock.now_s(), self._section.duration_s)

    def _start_viewer(self) -> None:
        settings = {
            "port": self._section.port,
            "token": self._how.token,
            "socket_path": self._socket_path,
            "key": self._key,
            "duration_s": self._left_s(),
            "camera_ids": self._how.camera_ids,
            "place": self._how.place,
        }
        line = json.dumps(settings).encode()
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self._child = ChildProcess(self._how.command, line, environment)

    def _hear(self, child: ChildProcess) -> None:
        ended = child.has_ended()
        for record in self._lane.read(child, to_end=ended):
            if isinstance(record, Hello):
                self._joined(record)
        if ended:
            self._bury(child)

    def _joined(self, hello: Hello) -> None:
        logger.warning("debug_view_on pid=%d %s", hello.pid, hello.detail)
        if not self._has_joined:
            self._has_joined = True
            self._until_s = self._clock.now_s() + self._section.duration_s
            self._announce()

    def _bury(self, child: ChildProcess) -> None:
        last_word = self._lane.last_word(child)
        child.reap(0.0)
        self._child = None
        if self._until_s - self._clock.now_s() <= _TOGETHER_S:
            self._end("its time is over")
            return
        delay_s = self._backoff.next_delay_s()
        self._due_s = self._clock.now_s() + delay_s
        reason = ": ".join(filter(None, (f"the viewer {child.end}", last_word)))
        logger.warning("viewer_lost retry_in_s=%.1f reason=%s", delay_s, reason)

    def _end(self, reason: str) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._kill_at_s = self._clock.now_s() + _STOP_S
        logger.warning("debug_view_off reason=%s", reason)
        if self._child is not None:
            self._child.ask_to_stop()
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    def _see_off(self) -> None:
        """Watch the viewer end, without waiting for it."""
        if self._child is None:
            return
        self._lane.read(self._child)
        if self._child.has_ended():
            self._child.reap(0.0)
            self._child = None
        elif self._clock.now_s() >= self._kill_at_s:
            self._child.kill()
