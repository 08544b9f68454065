"""Pixels and records in, pixels out."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.boxes import PixelRectangle
from agent.config.vision import QualitySection
from agent.debug_view import labels
from agent.debug_view.drawing import (
    COLOURS,
    CUSTOMER_ZONE,
    IGNORE_ZONE,
    MAX_SIDE_PX,
    MIN_SIDE_PX,
    draw,
    encode,
)
from agent.debug_view.sights import AgeSight, FaceSight, Places, Sight
from agent.debug_view.wording import standing
from agent.records import UInt8Array
from tests.debug_view.sighted import box, examined, picture, seen, sight

LIMITS = QualitySection()


def drawn(what: Sight, pixels: UInt8Array | None = None) -> UInt8Array:
    return draw(picture() if pixels is None else pixels, what, LIMITS)


def changed(one: UInt8Array, other: UInt8Array) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what differs."""
    rows, columns = np.nonzero((one != other).any(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


def test_the_frame_itself_is_left_as_it_is() -> None:
    pixels = picture()
    before = pixels.copy()
    first, second = drawn(sight(seen()), pixels), drawn(sight(seen()), pixels)
    assert (pixels == before).all()
    assert (first == second).all()
    assert not np.shares_memory(first, pixels)


@pytest.mark.parametrize(
    ("width_px", "height_px", "expected"),
    [
        (176, 144, (960, 785)),
        (960, 540, (960, 540)),
        (1280, 720, (1280, 720)),
        (3840, 2160, (1280, 720)),
        (1080, 1920, (720, 1280)),
        (64, 8, (960, 120)),
    ],
)
def test_the_size_is_one_in_which_labels_can_be_read(
    width_px: int, height_px: int, expected: tuple[int, int]
) -> None:
    shape = drawn(sight(), picture(width_px, height_px)).shape
    assert (shape[1], shape[0]) == expected
    assert MIN_SIDE_PX <= max(shape) <= MAX_SIDE_PX


@pytest.mark.parametrize(
    "face",
    [
        seen(),
        seen(examination=examined("too_small")),
        seen(is_inside=False),
        seen(is_confirmed=False),
    ],
    ids=standing,
)
def test_a_box_stands_round_its_face_in_the_colour_of_its_standing(face: FaceSight) -> None:
    # A frame of half the size: the box is drawn twice as large.
    result = drawn(sight(face), picture(480, 270))
    left, top, right, bottom = (round(2 * edge) for edge in (400, 250, 500, 350))
    del right, bottom  # outside the picture: the face is cut off by its edge
    assert tuple(result[top + 15, left]) == COLOURS[standing(face)]
    assert tuple(result[top, left + 60]) == COLOURS[standing(face)]


def test_what_the_agent_does_not_look_at_is_dark_and_the_rest_is_not() -> None:
    region = ((0.25, 0.0), (1.0, 0.0), (1.0, 1.0), (0.25, 1.0))
    ignored = ((0.75, 0.0), (1.0, 0.0), (1.0, 1.0), (0.75, 1.0))
    result = drawn(sight(places=Places(region, None, (ignored,))))
    assert result[400:500, 20:200].max() < 60
    assert (result[400:500, 300:700] == 120).all()
    part = result[400:500, 750:930]
    hatched = (part == IGNORE_ZONE).all(axis=2)
    assert 0.03 < hatched.mean() < 0.3
    assert part[~hatched].max() < 60


def test_the_customers_place_is_outlined_and_named() -> None:
    zone = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
    result = drawn(sight(places=Places(customer_zone=zone)))
    assert tuple(result[300, 240]) == CUSTOMER_ZONE
    name = (result[140:165, 250:380] == CUSTOMER_ZONE).all(axis=2)
    assert name.sum() > 200
    assert (result[200:400, 300:700] == 120).all()


def test_an_estimate_changes_the_label_and_nothing_else() -> None:
    without, with_age = drawn(sight(seen())), drawn(sight(seen(age=AgeSight(34.0, 9.0))))
    left, top, right, bottom = changed(without, with_age)
    assert left >= 395
    assert right <= 395 + 320
    assert top >= 130
    assert bottom <= 250


def test_dropped_pictures_are_said_in_the_head_line() -> None:
    left, _, _, bottom = changed(drawn(sight()), drawn(sight(dropped=3)))
    assert bottom < 28
    assert left > 400


def test_labels_of_neighbours_do_not_cover_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[PixelRectangle] = []
    really = labels.draw_beside

    def remembering(*given: Any) -> PixelRectangle:  # noqa: ANN401 (passed on as they are)
        places.append(really(*given))
        return places[-1]

    monkeypatch.setattr(labels, "draw_beside", remembering)
    drawn(sight(seen(box(400, 250, 60)), seen(box(480, 250, 60)), seen(box(560, 250, 60))))
    canvas = np.zeros((540, 960), int)
    for place in places:
        canvas[place.top_px : place.bottom_px, place.left_px : place.right_px] += 1
    assert len(places) == 3
    assert canvas.max() == 1


coordinates = st.floats(-1e4, 1e4)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(coordinates, coordinates, st.floats(0, 1e4)), max_size=6),
    st.integers(1, 300),
    st.integers(1, 300),
)
def test_any_box_in_any_picture_can_be_drawn(
    places: list[tuple[float, float, float]], width_px: int, height_px: int
) -> None:
    faces = [seen(box(*place)) for place in places]
    result = drawn(sight(*faces), picture(width_px, height_px))
    assert result.dtype == np.uint8
    assert max(result.shape) == MIN_SIDE_PX


def test_the_jpeg_decodes_to_the_same_picture() -> None:
    result = drawn(sight(seen()))
    jpeg = encode(result, 400_000)
    assert jpeg is not None
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert decoded is not None
    assert decoded.shape == result.shape
    assert np.abs(decoded.astype(int) - result).mean() < 3


def test_a_jpeg_that_is_too_large_is_made_coarser_or_not_at_all() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
    fine = encode(noise, 10**6)
    assert fine is not None
    coarse = encode(noise, len(fine) - 1)
    assert coarse is not None
    assert len(coarse) < len(fine)
    assert encode(noise, 1000) is None
