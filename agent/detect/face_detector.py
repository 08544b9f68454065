"""The detector of the pipeline: full-range first, close-ups second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import cv2

from agent.boxes import (
    PixelRectangle,
    bounding_rectangle,
    centre,
    centre_is_inside,
    holds,
    shifted,
    tiles,
    without_duplicates,
    without_known,
)
from agent.config.vision import CameraSection, DetectSection
from agent.records import FaceBox, Frame, UInt8Array

#: Border added round a picture when a close-up is looked for, as a share of its longer
#: side. Full-range finds 12 % of faces that fill the frame without it, short-range
#: finds 100 % with it (300 UTKFace and 300 FairFace chips, 2026-11).
CLOSE_UP_BORDER_RATIO = 0.25
#: The same for the full-range network on photographs. Training cuts its faces that way,
#: and the second look depends a little on the first box: median 3 % of the eye distance
#: between a full-range and a close-up box (400 chips).
FULL_RANGE_BORDER_RATIO = 0.75
#: A longer picture is reduced first, area by area: the networks see 192 x 192 px, and
#: sampling that from a huge picture without a filter would alias.
MAX_SIDE_PX = 1920
#: A region of interest that covers less of the picture is cut out before detection.
REGION_CUT_BELOW_RATIO = 0.7
#: Kept round the cut, so that a face whose middle lies inside is seen whole.
REGION_MARGIN_RATIO = 0.05
#: A photograph from this size on is also looked at in four tiles of this share of its
#: sides: full-range misses faces narrower than about 1/20 of what it looks at.
TILED_FROM_PX = 480
TILE_SIDE_RATIO = 0.6
#: Boxes of two networks that overlap more are one face.
SAME_FACE_IOU_RATIO = 0.3


class FaceNetwork(Protocol):
    """A network that finds faces in a picture."""

    def detect(self, pixels: UInt8Array) -> list[FaceBox]:
        """Return the faces of (height, width, 3) uint8 RGB, in its coordinates."""
        ...


class CloseUpDetector:
    """A network with a border round the picture, for faces that fill it.

    Args:
        network: Short-range BlazeFace, or another one with its own border.
        border_ratio: Of the longer side, on each side.
    """

    def __init__(self, network: FaceNetwork, border_ratio: float = CLOSE_UP_BORDER_RATIO) -> None:
        self._network = network
        self._border_ratio = border_ratio

    def detect(self, pixels: UInt8Array) -> list[FaceBox]:
        """Return the faces of a picture of shape (height, width, 3), RGB."""
        border = int(max(pixels.shape[:2]) * self._border_ratio)
        padded = cv2.copyMakeBorder(pixels, border, border, border, border, cv2.BORDER_CONSTANT)
        found = self._network.detect(cast(UInt8Array, padded))
        return [shifted(box, -border, -border) for box in found]


class FaceDetector:
    """Finds the faces of one camera's frames, or of a photograph."""

    def __init__(
        self,
        section: DetectSection,
        camera: CameraSection,
        full_range: FaceNetwork,
        close_up: FaceNetwork,
    ) -> None:
        self._section = section
        self._camera = camera
        self._full_range = full_range
        self._close_up = close_up
        self._bordered = CloseUpDetector(full_range, FULL_RANGE_BORDER_RATIO)

    def detect(self, frame: Frame) -> list[FaceBox]:
        """Return the faces inside the region of interest and outside the ignore zones.

        The close-up network is asked only when full-range finds nothing.
        """
        height, width = frame.pixels.shape[:2]
        region = self._region(width, height)
        pixels = frame.pixels[region.top_px : region.bottom_px, region.left_px : region.right_px]
        for network in (self._full_range, self._close_up):
            found = (
                shifted(box, region.left_px, region.top_px) for box in self._look(network, pixels)
            )
            wanted = [box for box in found if self._is_in_place(box, width, height)]
            if wanted:
                return wanted
        return []

    def detect_photograph(self, pixels: UInt8Array) -> list[FaceBox]:
        """Return the faces of a photograph, small ones and one that fills it.

        Args:
            pixels: (height, width, 3) uint8, RGB.
        """
        found: list[FaceBox] = []
        for network in (self._bordered, self._full_range, self._close_up):
            found += without_known(self._look(network, pixels), found, SAME_FACE_IOU_RATIO)
        parts = [box for box in self._look_at_tiles(pixels) if not _is_inside_any(box, found)]
        return [*found, *without_duplicates(parts, SAME_FACE_IOU_RATIO)]

    def _look_at_tiles(self, pixels: UInt8Array) -> list[FaceBox]:
        """Return the small faces of a large picture, wholly inside one of its four tiles."""
        height, width = pixels.shape[:2]
        if max(height, width) < TILED_FROM_PX:
            return []
        found = []
        for tile in tiles(width, height, TILE_SIDE_RATIO):
            part = pixels[tile.top_px : tile.bottom_px, tile.left_px : tile.right_px]
            boxes = (
                shifted(box, tile.left_px, tile.top_px)
                for box in self._look(self._full_range, part)
            )
            found += [box for box in boxes if holds(tile, box)]
        return found

    def _look(self, network: FaceNetwork, pixels: UInt8Array) -> list[FaceBox]:
        """Return what a network finds, without what is too small or too doubtful."""
        longer, shorter = max(pixels.shape[:2]), min(pixels.shape[:2])
        if shorter < self._section.min_face_px:
            return []
        scale = min(1.0, MAX_SIDE_PX / longer)
        if scale < 1.0:
            reduced = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            pixels = cast(UInt8Array, reduced)
        found = (shifted(box, 0.0, 0.0, 1.0 / scale) for box in network.detect(pixels))
        return [
            box
            for box in found
            if box.width_px >= self._section.min_face_px
            and box.score_ratio >= self._section.min_score_ratio
        ]

    def _region(self, width_px: int, height_px: int) -> PixelRectangle:
        """Return the part of the frame that is looked at: a cut shows faces larger."""
        whole = PixelRectangle(0, 0, width_px, height_px)
        if self._camera.region_of_interest is None:
            return whole
        cut = bounding_rectangle(
            self._camera.region_of_interest, width_px, height_px, REGION_MARGIN_RATIO
        )
        return cut if cut.area_px2 < REGION_CUT_BELOW_RATIO * whole.area_px2 else whole

    def _is_in_place(self, box: FaceBox, width_px: int, height_px: int) -> bool:
        region = self._camera.region_of_interest
        if region is not None and not centre_is_inside(region, box, width_px, height_px):
            return False
        return not any(
            centre_is_inside(zone, box, width_px, height_px) for zone in self._camera.ignore_zones
        )


def _is_inside_any(box: FaceBox, larger: Sequence[FaceBox]) -> bool:
    """Return whether the box's middle lies in another box: an eye or a mouth of that face."""
    middle = centre(box)
    return any(
        0 <= middle.x_px - other.left_px <= other.width_px
        and 0 <= middle.y_px - other.top_px <= other.height_px
        for other in larger
    )
