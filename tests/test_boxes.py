from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.boxes import (
    PixelRectangle,
    bounding_rectangle,
    centre,
    contains,
    distance_px,
    holds,
    iou_ratio,
    nose_offset_ratio,
    shifted,
    tiles,
    without_duplicates,
)
from agent.records import FaceBox, FaceKeypoints, Point

SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
#: A U, open at the top: its middle is outside.
CUP = (
    (0.0, 0.0),
    (0.3, 0.0),
    (0.3, 0.7),
    (0.7, 0.7),
    (0.7, 0.0),
    (1.0, 0.0),
    (1.0, 1.0),
    (0.0, 1.0),
)

sides = st.floats(1, 500)
places = st.floats(-200, 800)
ratios = st.floats(0, 1)


def face(
    left: float, top: float, width: float = 40, height: float = 40, score: float = 0.9
) -> FaceBox:
    point = Point(left + width / 2, top + height / 2)
    return FaceBox(left, top, width, height, score, FaceKeypoints(*[point] * 6))


def keypoints(right: Point, left: Point, nose: Point) -> FaceKeypoints:
    return FaceKeypoints(right, left, nose, nose, right, left)


boxes = st.builds(face, places, places, sides, sides, ratios)


@given(boxes, boxes)
def test_overlap_is_symmetric_and_a_ratio(one: FaceBox, other: FaceBox) -> None:
    assert iou_ratio(one, other) == pytest.approx(iou_ratio(other, one))
    assert 0 <= iou_ratio(one, other) <= 1


@given(boxes)
def test_a_box_overlaps_itself_wholly(box: FaceBox) -> None:
    assert iou_ratio(box, box) == pytest.approx(1)


def test_overlap_of_half_a_box_is_a_third() -> None:
    assert iou_ratio(face(0, 0), face(20, 0)) == pytest.approx(1 / 3)


def test_boxes_that_only_touch_or_have_no_area_do_not_overlap() -> None:
    assert iou_ratio(face(0, 0), face(40, 0)) == 0
    assert iou_ratio(face(0, 0, 0, 0), face(0, 0, 0, 0)) == 0


def test_of_two_boxes_on_one_face_the_better_one_is_kept() -> None:
    weak, strong, elsewhere = face(0, 0, score=0.6), face(4, 0, score=0.8), face(200, 0, score=0.5)
    assert without_duplicates([weak, strong, elsewhere], 0.3) == [strong, elsewhere]


@given(st.lists(boxes, max_size=8))
def test_what_is_kept_does_not_overlap_and_what_is_dropped_overlaps_a_better_one(
    found: list[FaceBox],
) -> None:
    kept = without_duplicates(found, 0.3)
    assert all(
        iou_ratio(one, other) <= 0.3 for i, one in enumerate(kept) for other in kept[i + 1 :]
    )
    for box in found:
        assert box in kept or any(
            iou_ratio(box, better) > 0.3 and better.score_ratio >= box.score_ratio
            for better in kept
        )


@given(ratios, ratios)
def test_a_point_is_in_the_square_when_both_coordinates_are(x: float, y: float) -> None:
    on_edge = {x, y} & {0.25, 0.75}
    if not on_edge:
        assert contains(SQUARE, x, y) == (0.25 < x < 0.75 and 0.25 < y < 0.75)


def test_the_hollow_of_a_concave_zone_is_outside() -> None:
    assert not contains(CUP, 0.5, 0.3)
    assert contains(CUP, 0.1, 0.3)
    assert contains(CUP, 0.5, 0.9)


def test_two_zones_that_share_an_edge_share_no_point_of_it() -> None:
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    right = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
    assert contains(left, 0.5, 0.5) != contains(right, 0.5, 0.5)


@given(ratios, ratios)
def test_the_direction_of_the_corners_does_not_matter(x: float, y: float) -> None:
    assert contains(CUP, x, y) == contains(CUP[::-1], x, y)


def test_the_bounding_rectangle_with_its_margin_stays_in_the_picture() -> None:
    assert bounding_rectangle(SQUARE, 640, 480) == PixelRectangle(160, 120, 480, 360)
    assert bounding_rectangle(SQUARE, 640, 480, 0.5) == PixelRectangle(0, 0, 640, 480)
    assert PixelRectangle(0, 0, 640, 480).area_px2 == 640 * 480
    assert PixelRectangle(5, 5, 3, 9).area_px2 == 0


def test_four_tiles_cover_the_picture_and_overlap() -> None:
    assert tiles(100, 50, 0.6) == [
        PixelRectangle(0, 0, 60, 30),
        PixelRectangle(40, 0, 100, 30),
        PixelRectangle(0, 20, 60, 50),
        PixelRectangle(40, 20, 100, 50),
    ]


def test_a_rectangle_holds_a_box_that_does_not_reach_out() -> None:
    assert holds(PixelRectangle(0, 0, 60, 60), face(20, 20))
    assert not holds(PixelRectangle(0, 0, 60, 60), face(20.5, 20))
    assert not holds(PixelRectangle(0, 0, 60, 60), face(20, -0.5))


@given(boxes, places, places, st.floats(0.1, 10))
def test_a_shift_is_undone_by_its_inverse(box: FaceBox, dx: float, dy: float, scale: float) -> None:
    back = shifted(shifted(box, dx, dy, scale), -dx / scale, -dy / scale, 1 / scale)
    assert back.left_px == pytest.approx(box.left_px, abs=1e-6)
    assert back.height_px == pytest.approx(box.height_px)
    assert back.keypoints.left_ear.y_px == pytest.approx(box.keypoints.left_ear.y_px, abs=1e-6)
    assert distance_px(back, box) < 1e-6


def test_the_keypoints_move_with_the_box() -> None:
    moved = shifted(face(10, 20), 100, 200, 2)
    assert (moved.left_px, moved.top_px, moved.width_px) == (120, 240, 80)
    assert moved.keypoints.nose == centre(moved)


@given(st.floats(0, 2 * math.pi), st.floats(1, 100), st.floats(-2, 2))
def test_the_nose_offset_does_not_depend_on_roll_and_size(
    roll: float, eyes_px: float, offset: float
) -> None:
    def turned(x: float, y: float) -> Point:
        return Point(
            x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)
        )

    half = eyes_px / 2
    points = keypoints(turned(-half, 0), turned(half, 0), turned(offset * eyes_px, eyes_px))
    assert nose_offset_ratio(points) == pytest.approx(offset, abs=1e-6)


def test_eyes_in_one_place_are_no_front_view() -> None:
    assert nose_offset_ratio(keypoints(Point(5, 5), Point(5, 5), Point(5, 9))) == math.inf
