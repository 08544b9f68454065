"""Notices when the whole picture changes at once: a cut, or a camera that was turned."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from agent.records import Frame

#: Pictures are compared in grey at this size (width, height).
THUMBNAIL_PX = (32, 18)
#: Another scene: neighbouring pictures correlate less and differ by more grey levels on
#: average. Measured on every frame and every 0.2 s (2026-11): three cuts -0.0 to 0.27 and
#: 26 to 30 levels; 0.74 and 19 levels at most where people walk through a fixed picture.
#: A light that goes on or off changes the levels, but hardly the correlation.
MAX_CORRELATION = 0.35
MIN_DIFFERENCE_LEVELS = 20.0
#: A picture with less spread is black or blank, and correlates with anything by chance.
MIN_SPREAD_LEVELS = 3.0

_Thumbnail = npt.NDArray[np.float32]


class SceneChangeDetector:
    """Compares each frame of one camera with the one before."""

    def __init__(self) -> None:
        self._previous: _Thumbnail | None = None

    def happened(self, frame: Frame) -> bool:
        """Return whether nobody can be followed from the previous frame into this one."""
        small = cv2.resize(frame.pixels, THUMBNAIL_PX, interpolation=cv2.INTER_AREA)
        now = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        before, self._previous = self._previous, now
        return before is not None and _is_other_scene(before, now)


def _is_other_scene(before: _Thumbnail, now: _Thumbnail) -> bool:
    if float(np.abs(now - before).mean()) < MIN_DIFFERENCE_LEVELS:
        return False
    spreads = float(before.std()), float(now.std())
    if min(spreads) < MIN_SPREAD_LEVELS:
        return False
    covariance = float(((before - before.mean()) * (now - now.mean())).mean())
    return covariance < MAX_CORRELATION * spreads[0] * spreads[1]
