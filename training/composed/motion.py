"""How a composed person moves: walks in, sways, ducks, walks off. A function of time alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: From the edge of the picture to the place, and back.
WALK_S = 0.8
#: Down behind the counter, and up again.
DUCK_S = 0.25


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a face is at one moment.

    Attributes:
        x_px: Middle of the face.
        y_px: Likewise.
        face_px: Width of the face.
        roll_degrees: Tilt.
        squeeze_ratio: Width over height beside the face's own: a head turned aside is narrower.
    """

    x_px: float
    y_px: float
    face_px: float
    roll_degrees: float
    squeeze_ratio: float


@dataclass(frozen=True, slots=True)
class Wave:
    """A slow, irregular movement between -1 and 1: two sines."""

    rates_hz: tuple[float, float]
    phases: tuple[float, float]

    def at(self, at_s: float) -> float:
        """Return the deflection at a time."""
        first, second = (
            math.sin(2 * math.pi * rate_hz * at_s + phase)
            for rate_hz, phase in zip(self.rates_hz, self.phases, strict=True)
        )
        return 0.6 * first + 0.4 * second


def random_wave(random: np.random.Generator) -> Wave:
    """Return a wave as slow as a person who waits."""
    slow, quick = random.uniform(0.1, 0.35), random.uniform(0.4, 0.9)
    phases = random.uniform(0, 2 * math.pi, 2)
    return Wave((float(slow), float(quick)), (float(phases[0]), float(phases[1])))


@dataclass(frozen=True, slots=True)
class Motion:
    """One person's stay.

    Attributes:
        enters_at_s: First step into the picture, from the side `enters_from_px`.
        leaves_at_s: Last step out of it, towards `leaves_to_px`.
        ducks_s: (from, to): behind the counter in between.
        x_px: The place where the person stands.
        waves: Of x, y, size, roll and turning.
    """

    enters_at_s: float
    leaves_at_s: float
    x_px: float
    y_px: float
    face_px: float
    waves: tuple[Wave, ...]
    enters_from_px: float = -100.0
    leaves_to_px: float = 740.0
    ducks_s: tuple[tuple[float, float], ...] = ()

    def at(self, at_s: float) -> Pose | None:
        """Return the pose, or None while the person is out of the picture."""
        if not self.enters_at_s <= at_s <= self.leaves_at_s:
            return None
        x_wave, y_wave, size_wave, roll_wave, turn_wave = (wave.at(at_s) for wave in self.waves)
        size = self.face_px * (1 + 0.12 * size_wave)
        return Pose(
            x_px=self._walk_px(at_s) + 0.5 * self.face_px * x_wave,
            y_px=self.y_px + 0.3 * self.face_px * y_wave + self._ducked_px(at_s),
            face_px=size,
            roll_degrees=12.0 * roll_wave,
            squeeze_ratio=1.0 - 0.18 * abs(turn_wave),
        )

    def _walk_px(self, at_s: float) -> float:
        come = _smooth((at_s - self.enters_at_s) / WALK_S)
        go = _smooth((self.leaves_at_s - at_s) / WALK_S)
        x_px = self.enters_from_px + come * (self.x_px - self.enters_from_px)
        return self.leaves_to_px + go * (x_px - self.leaves_to_px)

    def _ducked_px(self, at_s: float) -> float:
        depth = max(
            (_smooth(min(at_s - start, end - at_s) / DUCK_S) for start, end in self.ducks_s),
            default=0.0,
        )
        return depth * 600.0


def _smooth(share: float) -> float:
    """Return 0 below 0, 1 above 1, and an S between."""
    inside = min(1.0, max(0.0, share))
    return inside * inside * (3 - 2 * inside)
