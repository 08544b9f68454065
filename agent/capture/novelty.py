"""Whether a camera's picture is a new one, and whether it shows anything.

A camera, a recorder or an encoder that hangs may go on sending its last picture for ever: that
must not be shown as live, or an adult who has left would answer for whoever comes next.
"""

from __future__ import annotations

import numpy as np

from agent.records import UInt8Array

#: Every so many rows are looked at: two of every block of 16 in which codecs work, and a sensor's
#: noise is in all of them. 1080p on one loaded core: 0.7 ms instead of 8 (2026-11).
ROW_STEP = 8
#: Every so many rows and columns are looked at for light.
LIGHT_STEP = 8
#: Grey levels; `quality.min_brightness` of the darkest face that is estimated.
BLACK_LEVEL = 25
#: A face of 60 px in 1080p fills 0.2 % of the picture; a bright one is not overlooked.
BRIGHT_RATIO = 0.001


class Novelty:
    """Remembers the last picture of one camera, in part."""

    def __init__(self) -> None:
        self._rows: UInt8Array | None = None

    def is_new(self, pixels: UInt8Array) -> bool:
        """Return whether a picture differs from the one before, be it in one bit.

        A lens, a sensor and a living scene give no picture twice.

        Args:
            pixels: (height, width, 3) uint8.
        """
        rows = pixels[::ROW_STEP]
        if self._rows is not None and np.array_equal(rows, self._rows):
            return False
        self._rows = rows.copy()
        return True


def is_black(pixels: UInt8Array) -> bool:
    """Return whether a picture is too dark everywhere to show a face: a covered lens, no light.

    Args:
        pixels: (height, width, 3) uint8.
    """
    seen = pixels[::LIGHT_STEP, ::LIGHT_STEP]
    return bool(np.count_nonzero(seen > BLACK_LEVEL) <= BRIGHT_RATIO * seen.size)
