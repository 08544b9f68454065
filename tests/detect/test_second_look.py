from __future__ import annotations

import numpy as np
import pytest

from agent.detect.second_look import SECOND_LOOK_PX, SecondLook
from agent.records import FaceBox, FaceKeypoints, Point, UInt8Array

PIXELS = np.zeros((480, 640, 3), np.uint8)


def face(left: float, top: float, width: float, score: float = 0.9) -> FaceBox:
    middle = Point(left + width / 2, top + width / 2)
    return FaceBox(left, top, width, width, score, FaceKeypoints(*[middle] * 6))


class FakeNetwork:
    """Returns what it is told."""

    def __init__(self, *found: FaceBox) -> None:
        self.found = list(found)
        self.seen: list[UInt8Array] = []

    def detect(self, pixels: UInt8Array) -> list[FaceBox]:
        self.seen.append(pixels)
        return self.found


def test_it_looks_at_a_square_twice_as_wide_as_the_box() -> None:
    network = FakeNetwork()
    pixels = PIXELS.copy()
    pixels[100:140, 200:240] = 255
    SecondLook(network).look(pixels, face(200, 100, 40))
    seen = network.seen[0]
    assert seen.shape == (SECOND_LOOK_PX, SECOND_LOOK_PX, 3)
    assert (seen[70:186, 70:186] == 255).all()
    assert (seen[:58] == 0).all()


def test_what_it_finds_is_in_frame_coordinates() -> None:
    look = SecondLook(FakeNetwork(face(64, 64, 128))).look(PIXELS, face(200, 100, 40))
    assert look is not None
    assert (look.left_px, look.top_px, look.width_px) == pytest.approx((200, 100, 40))
    nose = look.keypoints.nose
    assert (nose.x_px, nose.y_px) == pytest.approx((220, 120))


def test_nothing_found_or_only_beside_is_no_face() -> None:
    assert SecondLook(FakeNetwork()).look(PIXELS, face(200, 100, 40)) is None
    assert SecondLook(FakeNetwork(face(0, 0, 60))).look(PIXELS, face(200, 100, 40)) is None


def test_of_two_faces_the_one_in_the_middle_is_meant() -> None:
    network = FakeNetwork(face(150, 60, 100, score=0.99), face(70, 66, 120, score=0.8))
    look = SecondLook(network).look(PIXELS, face(200, 100, 40))
    assert look is not None
    assert look.score_ratio == 0.8


def test_a_doubtful_face_does_not_pass_the_gate() -> None:
    network = FakeNetwork(face(64, 64, 128, score=0.77))
    assert SecondLook(network, 0.78).look(PIXELS, face(200, 100, 40)) is None
    assert SecondLook(network, 0.76).look(PIXELS, face(200, 100, 40)) is not None


@pytest.mark.parametrize("box", [face(-30, -30, 50), face(630, 470, 80), face(5, 5, 0)])
def test_a_box_at_the_edge_or_without_area_does_no_harm(box: FaceBox) -> None:
    assert SecondLook(FakeNetwork()).look(PIXELS, box) is None
