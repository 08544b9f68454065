"""Writes text into a picture so that it can be read on any background."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2

from agent.boxes import PixelRectangle
from agent.records import UInt8Array

Colour = tuple[int, int, int]

_SIZE_PX = 17
_LINE_PX = 21
_MARGIN_PX = 5
_HEAD_PX = 28
#: How far a label may go from its box in a crowd, in its own heights.
_STEPS_AWAY = 2
#: OpenCV's own scale of thickness; 400 is normal, 600 half bold.
_WEIGHT = 500
_INK: Colour = (255, 255, 255)
#: How much of the picture shows through behind a label.
_THROUGH_RATIO = 0.25


def draw_head(picture: UInt8Array, text: str) -> list[PixelRectangle]:
    """Write a line over the top of the picture; return what it covers.

    Args:
        picture: (height, width, 3) uint8, RGB; changed.
        text: About the whole picture.
    """
    bar = PixelRectangle(0, 0, picture.shape[1], min(_HEAD_PX, picture.shape[0]))
    _darken(picture, bar)
    _write(picture, text, _MARGIN_PX, bar.bottom_px - _MARGIN_PX - 3, _INK)
    return [bar]


def draw_beside(
    picture: UInt8Array,
    box: PixelRectangle,
    text: Sequence[str],
    colour: Colour,
    taken: Sequence[PixelRectangle],
) -> PixelRectangle:
    """Write lines above, below or beside a box, where the least is covered.

    Args:
        picture: (height, width, 3) uint8, RGB; changed.
        box: What the lines are about.
        text: The first line is in the box's colour.
        colour: The box's.
        taken: What is better not covered.

    Returns:
        What the label covers.
    """
    width, height = _extent(text)
    label = _place(picture, _around(box, width, height), text, colour, taken)
    _tie(picture, label, box, colour)
    return label


def draw_inside(
    picture: UInt8Array,
    corner: PixelRectangle,
    text: Sequence[str],
    colour: Colour,
    taken: Sequence[PixelRectangle],
) -> PixelRectangle:
    """Write lines below a corner, further down when there is something already.

    Args:
        picture: (height, width, 3) uint8, RGB; changed.
        corner: Top and left of a zone.
        text: Its name.
        colour: The zone's.
        taken: What is better not covered.

    Returns:
        What the label covers.
    """
    width, height = _extent(text)
    left, top = corner.left_px + _MARGIN_PX, max(corner.top_px, _HEAD_PX) + _MARGIN_PX
    steps = range(0, 6 * (height + _MARGIN_PX), height + _MARGIN_PX)
    places = (_at(left, top + step, width, height) for step in steps)
    return _place(picture, places, text, colour, taken)


def _place(
    picture: UInt8Array,
    places: Iterator[PixelRectangle],
    text: Sequence[str],
    colour: Colour,
    taken: Sequence[PixelRectangle],
) -> PixelRectangle:
    moved = [_moved_inside(place, picture) for place in places]
    best = min(moved, key=lambda place: sum(_shared_px2(place, other) for other in taken))
    _darken(picture, best)
    # A stripe that ties the label to its box by colour.
    picture[best.top_px : best.bottom_px, best.left_px : best.left_px + 3] = colour
    for number, line in enumerate(text):
        base = best.top_px + (number + 1) * _LINE_PX - 3
        _write(picture, line, best.left_px + 3 + _MARGIN_PX, base, _INK if number else colour)
    return best


def _around(box: PixelRectangle, width: int, height: int) -> Iterator[PixelRectangle]:
    """Give the places for a label round a box, the nearest first."""
    gap = _MARGIN_PX
    for left in (box.left_px, box.right_px - width):
        yield _at(left, box.top_px - gap - height, width, height)
        yield _at(left, box.bottom_px + gap, width, height)
    for top in (box.top_px, box.bottom_px - height):
        yield _at(box.right_px + gap, top, width, height)
        yield _at(box.left_px - gap - width, top, width, height)
    for step in range(1, _STEPS_AWAY + 1):
        away = step * (height + gap)
        yield _at(box.left_px, box.top_px - gap - height - away, width, height)
        yield _at(box.left_px, box.bottom_px + gap + away, width, height)


def _tie(picture: UInt8Array, label: PixelRectangle, box: PixelRectangle, colour: Colour) -> None:
    """Draw a line from a label that stands away from its box."""
    column = max(label.left_px, min(box.left_px, label.right_px))
    if label.bottom_px < box.top_px - _MARGIN_PX:
        cv2.line(picture, (column, label.bottom_px), (box.left_px, box.top_px), colour, 2)
    elif label.top_px > box.bottom_px + _MARGIN_PX:
        cv2.line(picture, (column, label.top_px), (box.left_px, box.bottom_px), colour, 2)


def _extent(text: Sequence[str]) -> tuple[int, int]:
    """Return width and height of a label in pixels."""
    widths = [cv2.getTextSize((0, 0), line, (0, 0), _font(), _SIZE_PX, _WEIGHT)[2] for line in text]
    return max(widths) + 2 * _MARGIN_PX + 3, len(text) * _LINE_PX + _MARGIN_PX


def _at(left: int, top: int, width: int, height: int) -> PixelRectangle:
    return PixelRectangle(left, top, left + width, top + height)


def _moved_inside(place: PixelRectangle, picture: UInt8Array) -> PixelRectangle:
    height, width = picture.shape[:2]
    across, down = place.right_px - place.left_px, place.bottom_px - place.top_px
    left = max(0, min(place.left_px, width - across))
    top = max(0, min(place.top_px, height - down))
    return _at(left, top, across, down)


def _shared_px2(one: PixelRectangle, other: PixelRectangle) -> int:
    return PixelRectangle(
        max(one.left_px, other.left_px),
        max(one.top_px, other.top_px),
        min(one.right_px, other.right_px),
        min(one.bottom_px, other.bottom_px),
    ).area_px2


def _darken(picture: UInt8Array, part: PixelRectangle) -> None:
    view = picture[part.top_px : part.bottom_px, part.left_px : part.right_px]
    view[:] = (view * _THROUGH_RATIO).astype(view.dtype)


def _write(picture: UInt8Array, text: str, left: int, base: int, colour: Colour) -> None:
    cv2.putText(picture, text, (left, base), colour, _font(), _SIZE_PX, _WEIGHT)


def _font() -> cv2.FontFace:
    """Return OpenCV's own typeface, which has ± and ° (16 µs to ask for)."""
    return cv2.FontFace("sans")
