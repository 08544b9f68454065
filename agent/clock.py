"""Time as a parameter: the system's, or a replay's."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: one to measure with, one to write down."""

    def now_s(self) -> float:
        """Return monotonic seconds; comparable between the processes of one machine."""
        ...

    def wall_s(self) -> float:
        """Return seconds since 1970, UTC."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_s(self) -> float:
        """Return CLOCK_MONOTONIC in seconds."""
        return time.monotonic()

    def wall_s(self) -> float:
        """Return the wall clock in seconds since 1970, UTC."""
        return time.time()


class ReplayClock:
    """A clock that stands still until it is moved: video time, and tests.

    Args:
        start_wall_s: Wall time at 0 s.
        now_s: Where it begins; negative is before a video's first frame.
    """

    def __init__(self, start_wall_s: float = 0.0, now_s: float = 0.0) -> None:
        self.start_wall_s = start_wall_s
        self._now_s = now_s

    def now_s(self) -> float:
        """Return the video's time in seconds."""
        return self._now_s

    def wall_s(self) -> float:
        """Return the recording's first instant plus the video's time."""
        return self.start_wall_s + self._now_s

    def advance_to(self, now_s: float) -> None:
        """Move on; a time in the past is ignored."""
        self._now_s = max(self._now_s, now_s)
