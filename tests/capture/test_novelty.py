from __future__ import annotations

import numpy as np
import pytest

from agent.capture.novelty import BLACK_LEVEL, Novelty, is_black
from agent.records import UInt8Array


def noise(seed: int, mean: int = 120, height_px: int = 120, width_px: int = 160) -> UInt8Array:
    chance = np.random.default_rng(seed)
    return chance.integers(mean - 2, mean + 3, (height_px, width_px, 3)).astype(np.uint8)


def test_a_picture_is_new_once() -> None:
    novelty = Novelty()
    picture = noise(1)
    assert [novelty.is_new(each) for each in (picture, picture.copy(), noise(2), noise(2))] == [
        True, False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("row", range(0, 120, 16))
def test_the_noise_of_one_block_row_makes_a_picture_new(row: int) -> None:
    novelty = Novelty()
    picture = noise(1)
    novelty.is_new(picture)
    other = picture.copy()
    other[row : row + 16] = noise(2, height_px=16)[: len(other[row : row + 16])]
    assert novelty.is_new(other)


def test_the_remembered_picture_is_a_copy() -> None:
    """OpenCV may decode the next picture into the same memory."""
    novelty = Novelty()
    picture = noise(1)
    novelty.is_new(picture)
    picture[:] = noise(2)
    assert novelty.is_new(picture)


def test_a_picture_of_another_size_is_new() -> None:
    novelty = Novelty()
    novelty.is_new(noise(1))
    assert novelty.is_new(noise(1, width_px=320))


def test_the_noise_of_a_covered_lens_is_black_and_one_face_in_the_dark_is_not() -> None:
    dark = noise(1, mean=8, height_px=1080, width_px=1920)
    assert is_black(dark)
    dark[500:580, 900:960] = BLACK_LEVEL + 60
    assert not is_black(dark)
    assert not is_black(noise(1))
