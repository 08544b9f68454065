"""A moment on both clocks: one to measure with, one to write down."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """The same instant on the monotonic (or video's) clock and on the wall clock."""

    at_s: float
    wall_s: float

    def at(self, at_s: float) -> Moment:
        """Return the moment with that monotonic time, on both clocks."""
        return Moment(at_s, self.wall_s + (at_s - self.at_s))
