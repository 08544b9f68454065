"""Where a label is put."""

from __future__ import annotations

import numpy as np

from agent.boxes import PixelRectangle
from agent.debug_view.labels import draw_beside, draw_head, draw_inside

COLOUR = (200, 10, 20)
TEXT = ("too small", "face 20 px")


def ground() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((300, 400, 3), 90, np.uint8)


def shared(one: PixelRectangle, other: PixelRectangle) -> bool:
    return (
        one.left_px < other.right_px
        and other.left_px < one.right_px
        and one.top_px < other.bottom_px
        and other.top_px < one.bottom_px
    )


def test_a_label_covers_neither_its_box_nor_what_is_taken() -> None:
    box = PixelRectangle(150, 120, 200, 170)
    taken = [box]
    for _ in range(4):
        label = draw_beside(ground(), box, TEXT, COLOUR, taken)
        assert not [each for each in taken if shared(label, each)]
        taken.append(label)


def test_a_label_at_the_edge_stays_inside_the_picture() -> None:
    for left, top in ((-40, -40), (390, -5), (390, 290), (-10, 290)):
        box = PixelRectangle(left, top, left + 30, top + 30)
        label = draw_beside(ground(), box, TEXT, COLOUR, [])
        assert min(label.left_px, label.top_px) >= 0
        assert label.right_px <= 400
        assert label.bottom_px <= 300


def test_names_of_zones_with_one_corner_stand_below_each_other() -> None:
    corner = PixelRectangle(10, 40, 10, 40)
    first = draw_inside(ground(), corner, ("one",), COLOUR, [])
    second = draw_inside(ground(), corner, ("two",), COLOUR, [first])
    assert second.top_px >= first.bottom_px
    assert second.left_px == first.left_px


def test_text_is_light_on_a_darkened_ground() -> None:
    picture = ground()
    [bar] = draw_head(picture, "camera till")
    written = picture[bar.top_px : bar.bottom_px]
    assert written.max() > 240
    assert np.median(written) < 30
    assert (picture[bar.bottom_px :] == 90).all()


def test_a_label_that_stands_away_from_its_box_is_tied_to_it() -> None:
    picture, box = ground(), PixelRectangle(150, 120, 200, 170)
    everywhere = [PixelRectangle(0, 60, 400, 230)]
    label = draw_beside(picture, box, TEXT, COLOUR, everywhere)
    between = picture[label.bottom_px + 2 : box.top_px - 2, 145:156]
    assert label.bottom_px <= 60
    assert (between == COLOUR).all(axis=2).any(axis=1).all()
