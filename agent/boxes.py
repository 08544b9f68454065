"""Geometry of boxes and polygons: pure arithmetic, no pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.records import FaceBox, FaceKeypoints, Point

#: Corners as (x, y) shares of the picture's width and height.
RatioPolygon = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class PixelRectangle:
    """A part of a picture; right and bottom are exclusive."""

    left_px: int
    top_px: int
    right_px: int
    bottom_px: int

    @property
    def area_px2(self) -> int:
        """Width times height; 0 when nothing is inside."""
        width = max(0, self.right_px - self.left_px)
        return width * max(0, self.bottom_px - self.top_px)


def centre(box: FaceBox) -> Point:
    """Return the middle of the box."""
    return Point(box.left_px + box.width_px / 2, box.top_px + box.height_px / 2)


def distance_px(one: FaceBox, other: FaceBox) -> float:
    """Return the distance between the middles of two boxes."""
    here, there = centre(one), centre(other)
    return math.hypot(here.x_px - there.x_px, here.y_px - there.y_px)


def iou_ratio(one: FaceBox, other: FaceBox) -> float:
    """Return intersection over union, 0..1; 0 for boxes without area."""
    width = _overlap_px(one.left_px, one.width_px, other.left_px, other.width_px)
    height = _overlap_px(one.top_px, one.height_px, other.top_px, other.height_px)
    shared = width * height
    union = one.width_px * one.height_px + other.width_px * other.height_px - shared
    return min(1.0, shared / union) if union > 0 else 0.0


def _overlap_px(
    start_px: float, length_px: float, other_px: float, other_length_px: float
) -> float:
    end_px = min(start_px + length_px, other_px + other_length_px)
    return max(0.0, end_px - max(start_px, other_px))


def without_duplicates(boxes: Sequence[FaceBox], max_iou_ratio: float) -> list[FaceBox]:
    """Return the boxes by falling score, each overlapping no better one too much.

    Args:
        boxes: Detections of one picture, perhaps by several networks.
        max_iou_ratio: Boxes that overlap more than this are one face.
    """
    kept: list[FaceBox] = []
    for box in sorted(boxes, key=lambda each: each.score_ratio, reverse=True):
        if all(iou_ratio(box, better) <= max_iou_ratio for better in kept):
            kept.append(box)
    return kept


def without_known(
    boxes: Sequence[FaceBox], known: Sequence[FaceBox], max_iou_ratio: float
) -> list[FaceBox]:
    """Return the boxes that overlap none of the known ones too much."""
    return [box for box in boxes if all(iou_ratio(box, other) <= max_iou_ratio for other in known)]


def contains(polygon: RatioPolygon, x_ratio: float, y_ratio: float) -> bool:
    """Return whether a point lies inside a polygon, by the even-odd rule.

    A point on an edge may count either way, but with two polygons that share the edge
    it lies in exactly one.
    """
    inside = False
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (y1 > y_ratio) != (y2 > y_ratio):
            crossing_x = x1 + (y_ratio - y1) / (y2 - y1) * (x2 - x1)
            inside ^= x_ratio < crossing_x
    return inside


def centre_is_inside(
    polygon: RatioPolygon, box: FaceBox, width_px: float, height_px: float
) -> bool:
    """Return whether the box's middle lies in the polygon of a picture of the given size."""
    middle = centre(box)
    return contains(polygon, middle.x_px / width_px, middle.y_px / height_px)


def bounding_rectangle(
    polygon: RatioPolygon, width_px: int, height_px: int, margin_ratio: float = 0.0
) -> PixelRectangle:
    """Return the smallest rectangle round the polygon, within the picture.

    Args:
        polygon: Shares of the picture.
        width_px: Of the picture.
        height_px: Of the picture.
        margin_ratio: Added on every side, as a share of the picture's side.
    """
    xs, ys = zip(*polygon, strict=True)
    return PixelRectangle(
        left_px=max(0, int((min(xs) - margin_ratio) * width_px)),
        top_px=max(0, int((min(ys) - margin_ratio) * height_px)),
        right_px=min(width_px, int((max(xs) + margin_ratio) * width_px + 0.5)),
        bottom_px=min(height_px, int((max(ys) + margin_ratio) * height_px + 0.5)),
    )


def tiles(width_px: int, height_px: int, side_ratio: float) -> list[PixelRectangle]:
    """Return the four corners of a picture, each of `side_ratio` of its sides."""
    tile_width_px, tile_height_px = round(width_px * side_ratio), round(height_px * side_ratio)
    return [
        PixelRectangle(left_px, top_px, left_px + tile_width_px, top_px + tile_height_px)
        for top_px in (0, height_px - tile_height_px)
        for left_px in (0, width_px - tile_width_px)
    ]


def holds(rectangle: PixelRectangle, box: FaceBox) -> bool:
    """Return whether the whole box lies in the rectangle."""
    return (
        rectangle.left_px <= box.left_px
        and rectangle.top_px <= box.top_px
        and box.left_px + box.width_px <= rectangle.right_px
        and box.top_px + box.height_px <= rectangle.bottom_px
    )


def nose_offset_ratio(keypoints: FaceKeypoints) -> float:
    """Return how far the nose is from between the eyes, along the line of the eyes.

    Returns:
        In eye distances, positive towards the person's left: 0 from the front, about 0.5
        at 45 degrees, above 1 in profile; infinite when the eyes coincide.
    """
    right, left, nose = keypoints.right_eye, keypoints.left_eye, keypoints.nose
    across_px, down_px = left.x_px - right.x_px, left.y_px - right.y_px
    distance_px2 = across_px**2 + down_px**2
    if distance_px2 == 0:
        return math.inf
    from_middle_x_px = nose.x_px - (left.x_px + right.x_px) / 2
    from_middle_y_px = nose.y_px - (left.y_px + right.y_px) / 2
    return (from_middle_x_px * across_px + from_middle_y_px * down_px) / distance_px2


def shifted(box: FaceBox, dx_px: float, dy_px: float, scale: float = 1.0) -> FaceBox:
    """Return the box after scaling by `scale` and then moving by (dx_px, dy_px)."""

    def point(p: Point) -> Point:
        return Point(p.x_px * scale + dx_px, p.y_px * scale + dy_px)

    k = box.keypoints
    return replace(
        box,
        left_px=box.left_px * scale + dx_px,
        top_px=box.top_px * scale + dy_px,
        width_px=box.width_px * scale,
        height_px=box.height_px * scale,
        keypoints=FaceKeypoints(
            point(k.right_eye),
            point(k.left_eye),
            point(k.nose),
            point(k.mouth),
            point(k.right_ear),
            point(k.left_ear),
        ),
    )
