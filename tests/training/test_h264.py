"""A codec's marks: more of them with a worse stream, the same each time."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from agent.records import UInt8Array
from training.h264 import through_h264


@pytest.fixture(scope="module")
def face() -> UInt8Array:
    portrait = data.astronaut()  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(portrait[60:156, 180:276], np.uint8)


def error(face: UInt8Array, crf: int) -> float:
    changed = through_h264(face, crf, (1, 0)).astype(np.float32)
    return float(np.abs(changed - face).mean())


def test_a_worse_stream_changes_the_face_more(face: UInt8Array) -> None:
    assert 0.5 < error(face, 24) < error(face, 32) < error(face, 40) < 25


def test_the_same_settings_give_the_same_picture(face: UInt8Array) -> None:
    first, second = (through_h264(face, 30, (2, -1)) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.shape == face.shape
