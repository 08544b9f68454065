"""Draws what the agent makes of a frame over a copy of it: pixels and records in, pixels out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import cv2
import numpy as np

from agent.boxes import PixelRectangle, RatioPolygon
from agent.config.vision import QualitySection
from agent.debug_view import labels
from agent.debug_view.labels import Colour
from agent.debug_view.sights import FaceSight, Places, Sight
from agent.debug_view.wording import Standing, lines, standing
from agent.records import UInt8Array

#: The longer side of what is drawn. Below this the labels would cover the picture, above it
#: the JPEG (90 kB of a till at 1280 px) and the time would only grow.
MIN_SIDE_PX = 960
MAX_SIDE_PX = 1280
#: Okabe and Ito's colours, which the colour-blind tell apart too; RGB. No green, which a
#: passing cashier could take for "OK".
USED: Colour = (86, 180, 233)
REFUSED: Colour = (230, 159, 0)
OUTSIDE: Colour = (204, 204, 204)
CUSTOMER_ZONE: Colour = (240, 228, 66)
IGNORE_ZONE: Colour = (213, 94, 0)
REGION: Colour = (204, 121, 167)
COLOURS: dict[Standing, Colour] = {
    "used": USED,
    "refused": REFUSED,
    "outside": OUTSIDE,
    "unsure": OUTSIDE,
}
#: How bright what the agent does not look at is left.
_DARKENED_RATIO = 0.45
_CONTOUR_PX = 2
_HATCH_STEP_PX = 14


def fitted(pixels: UInt8Array) -> UInt8Array:
    """Return a copy whose longer side is MIN_SIDE_PX to MAX_SIDE_PX, its shape kept."""
    height, width = pixels.shape[:2]
    longer = max(height, width)
    scale = min(max(longer, MIN_SIDE_PX), MAX_SIDE_PX) / longer
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cast(UInt8Array, cv2.resize(pixels, size, interpolation=method))


def draw(pixels: UInt8Array, sight: Sight, limits: QualitySection) -> UInt8Array:
    """Return the picture for the technician.

    Args:
        pixels: (height, width, 3) uint8, RGB; left as it is.
        sight: What the pipeline made of it, in its coordinates.
        limits: The quality gate's.

    Returns:
        (height, width, 3) uint8, RGB, of the size of `fitted`.
    """
    picture = fitted(pixels)
    _draw_places(picture, sight.places)
    scale = picture.shape[1] / pixels.shape[1]
    boxes = [_scaled(face, scale) for face in sight.faces]
    for face, box in zip(sight.faces, boxes, strict=True):
        _draw_box(picture, box, standing(face))
    taken = [*labels.draw_head(picture, _head(sight, pixels)), *_name_places(picture, sight.places)]
    # The labels last, and those of the nearest customer on top of all.
    order = sorted(range(len(boxes)), key=lambda number: sight.faces[number].box.width_px)
    for number in order:
        text = lines(sight.faces[number], limits)
        colour = COLOURS[standing(sight.faces[number])]
        taken.append(labels.draw_beside(picture, boxes[number], text, colour, [*taken, *boxes]))
    return picture


def encode(picture: UInt8Array, max_bytes: int) -> bytes | None:
    """Return the picture as a JPEG of at most `max_bytes`, or None when it is too large.

    Args:
        picture: (height, width, 3) uint8, RGB.
        max_bytes: What one packet holds; a coarser JPEG is tried twice.
    """
    swapped = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    for quality in (80, 55, 30):
        done, jpeg = cv2.imencode(".jpg", swapped, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done and jpeg.size <= max_bytes:
            return bytes(jpeg)
    return None


def _head(sight: Sight, pixels: UInt8Array) -> str:
    height, width = pixels.shape[:2]
    at_place = sum(face.is_inside and face.is_confirmed for face in sight.faces)
    text = (
        f"camera {sight.camera_id}   {width} x {height}   {sight.rate_hz:.1f} frames/s   "
        f"faces: {len(sight.faces)}, at the customer's place: {at_place}"
    )
    return f"{text}   {sight.dropped} pictures dropped" if sight.dropped else text


def _scaled(face: FaceSight, scale: float) -> PixelRectangle:
    box = face.box
    return PixelRectangle(
        round(box.left_px * scale),
        round(box.top_px * scale),
        round((box.left_px + box.width_px) * scale),
        round((box.top_px + box.height_px) * scale),
    )


def _draw_box(picture: UInt8Array, box: PixelRectangle, kind: Standing) -> None:
    corners = (box.left_px, box.top_px), (box.right_px, box.bottom_px)
    cv2.rectangle(picture, *corners, (0, 0, 0), 5)
    cv2.rectangle(picture, *corners, COLOURS[kind], 1 if kind == "unsure" else 3)
    # The middle decides in which zone a face is.
    middle = (box.left_px + box.right_px) // 2, (box.top_px + box.bottom_px) // 2
    cv2.circle(picture, middle, 4, (0, 0, 0), -1)
    cv2.circle(picture, middle, 3, COLOURS[kind], -1)


def _draw_places(picture: UInt8Array, places: Places) -> None:
    """Darken what is not looked at, then draw the outlines over it."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    if places.region_of_interest is not None:
        mask[:] = 1
        cv2.fillPoly(mask, [_corners(picture, places.region_of_interest)], 0)
    ignored = np.zeros_like(mask)
    for zone in places.ignore_zones:
        cv2.fillPoly(ignored, [_corners(picture, zone)], 1)
    cv2.copyTo(cv2.convertScaleAbs(picture, alpha=_DARKENED_RATIO), mask | ignored, picture)
    if places.ignore_zones:
        _hatch(picture, ignored)
    for _, polygon, colour in _named(places):
        corners = [_corners(picture, polygon)]
        cv2.polylines(picture, corners, True, (0, 0, 0), _CONTOUR_PX + 2, cv2.LINE_AA)
        cv2.polylines(picture, corners, True, colour, _CONTOUR_PX, cv2.LINE_AA)


def _hatch(picture: UInt8Array, mask: UInt8Array) -> None:
    """Draw slanting lines where the mask is 1: darkness alone does not show in the dark."""
    height, width = mask.shape
    hatched = picture.copy()
    for start in range(0, height + width, _HATCH_STEP_PX):
        cv2.line(hatched, (0, start), (start, 0), IGNORE_ZONE)
    cv2.copyTo(hatched, mask, picture)


def _name_places(picture: UInt8Array, places: Places) -> list[PixelRectangle]:
    taken: list[PixelRectangle] = []
    for name, polygon, colour in _named(places):
        corners = _corners(picture, polygon)
        left, top = (int(edge) for edge in corners.min(axis=0))
        corner = PixelRectangle(left, top, left, top)
        taken.append(labels.draw_inside(picture, corner, (name,), colour, taken))
    return taken


def _named(places: Places) -> Iterator[tuple[str, RatioPolygon, Colour]]:
    if places.region_of_interest is not None:
        yield "region of interest", places.region_of_interest, REGION
    for number, zone in enumerate(places.ignore_zones, 1):
        yield f"ignored {number}", zone, IGNORE_ZONE
    if places.customer_zone is not None:
        yield "customer zone", places.customer_zone, CUSTOMER_ZONE


def _corners(picture: UInt8Array, polygon: RatioPolygon) -> cv2.typing.MatLike:
    height, width = picture.shape[:2]
    corners = [(round(x * (width - 1)), round(y * (height - 1))) for x, y in polygon]
    return np.array(corners, np.int32)
