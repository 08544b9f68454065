"""The second look at one face: a gate against false faces, and finer keypoints."""

from __future__ import annotations

from typing import Protocol, cast

import cv2
import numpy as np

from agent.boxes import centre, shifted
from agent.records import FaceBox, Point, UInt8Array

#: The second look sees a square so many times as wide as the box, scaled to this width.
SECOND_LOOK_SCALE = 2.0
SECOND_LOOK_PX = 256
#: Further from the middle (|dx| + |dy|, as a share of the square) is another face.
MAX_OFF_CENTRE_RATIO = 0.25
_MIDDLE = Point(SECOND_LOOK_PX / 2, SECOND_LOOK_PX / 2)


class FaceNetwork(Protocol):
    """A network that finds faces in a picture."""

    def detect(self, pixels: UInt8Array) -> list[FaceBox]:
        """Return the faces of (height, width, 3) uint8 RGB, in its coordinates."""
        ...


class SecondLook:
    """Looks again at one face with the short-range network.

    Args:
        short_range: The network.
        min_score_ratio: A face seen with a lower score is none; 0 leaves it to the network.
    """

    def __init__(self, short_range: FaceNetwork, min_score_ratio: float = 0.0) -> None:
        self._short_range = short_range
        self._min_score_ratio = min_score_ratio

    def look(self, pixels: UInt8Array, box: FaceBox) -> FaceBox | None:
        """Return the face seen at the place of `box`, or None when there is none.

        Args:
            pixels: (height, width, 3) uint8, RGB.
            box: A detection in the coordinates of `pixels`.
        """
        side = max(box.width_px, box.height_px) * SECOND_LOOK_SCALE
        if side <= 0:
            return None
        middle = centre(box)
        left, top, scale = middle.x_px - side / 2, middle.y_px - side / 2, SECOND_LOOK_PX / side
        found = self._short_range.detect(_square(pixels, left, top, scale))
        if not found:
            return None
        nearest = min(found, key=_off_centre_px)
        if _off_centre_px(nearest) > SECOND_LOOK_PX * MAX_OFF_CENTRE_RATIO:
            return None
        if nearest.score_ratio < self._min_score_ratio:
            return None
        return shifted(nearest, left, top, 1 / scale)


def _square(pixels: UInt8Array, left_px: float, top_px: float, scale: float) -> UInt8Array:
    """Return the square of SECOND_LOOK_PX that begins at (left_px, top_px); black outside."""
    transform = np.array([[scale, 0, -left_px * scale], [0, scale, -top_px * scale]])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    size = (SECOND_LOOK_PX, SECOND_LOOK_PX)
    return cast(UInt8Array, cv2.warpAffine(pixels, transform, size, flags=interpolation))


def _off_centre_px(face: FaceBox) -> float:
    middle = centre(face)
    return abs(middle.x_px - _MIDDLE.x_px) + abs(middle.y_px - _MIDDLE.y_px)
