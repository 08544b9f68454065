from __future__ import annotations

import numpy as np
import pytest

from agent.config.vision import CameraSection, DetectSection
from agent.detect.face_detector import MAX_SIDE_PX, CloseUpDetector, FaceDetector
from agent.records import FaceBox, FaceKeypoints, Frame, Point, UInt8Array

LEFT_THIRD = ((0.0, 0.0), (0.33, 0.0), (0.33, 1.0), (0.0, 1.0))
TRIANGLE = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))


def face(left: float, top: float, width: float = 40, score: float = 0.9) -> FaceBox:
    middle = Point(left + width / 2, top + width / 2)
    return FaceBox(left, top, width, width, score, FaceKeypoints(*[middle] * 6))


class FakeNetwork:
    """Finds white squares: one face for each bright blob's bounding box."""

    def __init__(self, *extra: FaceBox) -> None:
        self.extra = extra
        self.shapes: list[tuple[int, ...]] = []

    def detect(self, pixels: UInt8Array) -> list[FaceBox]:
        self.shapes.append(pixels.shape)
        rows, columns = np.nonzero(pixels[:, :, 0] > 128)
        found = list(self.extra)
        if len(rows):
            width = float(columns.max() - columns.min() + 1)
            found.append(face(float(columns.min()), float(rows.min()), width))
        return found


class SizedNetwork(FakeNetwork):
    """Finds what it is told in pictures of one size, and nothing in others."""

    def __init__(self, size: tuple[int, int], *extra: FaceBox) -> None:
        super().__init__(*extra)
        self.size = size

    def detect(self, pixels: UInt8Array) -> list[FaceBox]:
        return list(self.extra) if pixels.shape[:2] == self.size else []


def picture(
    left: int | None = None, top: int = 0, width: int = 40, size: tuple[int, int] = (480, 640)
) -> UInt8Array:
    pixels = np.zeros((*size, 3), np.uint8)
    if left is not None:
        pixels[top : top + width, left : left + width] = 255
    return pixels


def detector(
    full: FakeNetwork, close: FakeNetwork | None = None, camera: CameraSection | None = None
) -> FaceDetector:
    return FaceDetector(DetectSection(), camera or CameraSection(), full, close or FakeNetwork())


def detect(
    pixels: UInt8Array, full: FakeNetwork, close: FakeNetwork | None = None,
    camera: CameraSection | None = None,
) -> list[FaceBox]:  # fmt: skip
    return detector(full, close, camera).detect(Frame(pixels, "till", 0, 0.0, 0.0))


def test_the_close_up_network_is_spared_when_full_range_finds_a_face() -> None:
    close = FakeNetwork()
    assert len(detect(picture(100), FakeNetwork(), close)) == 1
    assert close.shapes == []


def test_the_close_up_network_is_asked_when_full_range_finds_nothing() -> None:
    close = FakeNetwork(face(100, 100, 300))
    assert detect(picture(), FakeNetwork(), close) == [face(100, 100, 300)]


def test_boxes_that_are_too_narrow_or_too_doubtful_are_dropped() -> None:
    full = FakeNetwork(face(0, 0, 15.9), face(0, 0, 16), face(200, 0, 40, score=0.49))
    assert detect(picture(), full) == [face(0, 0, 16)]


def test_a_face_counts_by_the_middle_of_its_box() -> None:
    camera = CameraSection(region_of_interest=TRIANGLE)
    inside, outside = face(100, 100), face(560, 400)
    assert detect(picture(), FakeNetwork(inside, outside), camera=camera) == [inside]


def test_a_face_in_an_ignore_zone_does_not_count() -> None:
    camera = CameraSection(ignore_zones=(LEFT_THIRD,))
    cashier, customer = face(50, 100), face(400, 100)
    assert detect(picture(), FakeNetwork(cashier, customer), camera=camera) == [customer]


def test_an_ignore_zone_wins_inside_the_region_of_interest() -> None:
    camera = CameraSection(region_of_interest=TRIANGLE, ignore_zones=(LEFT_THIRD,))
    assert detect(picture(), FakeNetwork(face(50, 100)), camera=camera) == []


def test_a_small_region_is_cut_out_and_its_boxes_are_in_frame_coordinates() -> None:
    full = FakeNetwork()
    right = ((0.6, 0.5), (1.0, 0.5), (1.0, 1.0), (0.6, 1.0))
    camera = CameraSection(region_of_interest=right)
    assert detect(picture(500, 300), full, camera=camera) == [face(500, 300)]
    height, width = full.shapes[0][:2]
    assert height == pytest.approx(0.55 * 480, abs=2)
    assert width == pytest.approx(0.45 * 640, abs=2)


def test_a_large_region_is_not_cut() -> None:
    full = FakeNetwork()
    detect(picture(), full, camera=CameraSection(region_of_interest=TRIANGLE))
    assert full.shapes == [(480, 640, 3)]


def test_a_huge_picture_is_reduced_and_its_boxes_are_in_its_own_coordinates() -> None:
    full = FakeNetwork()
    found = detect(picture(3000, 1500, 400, size=(3000, 6000)), full)
    assert full.shapes == [(MAX_SIDE_PX // 2, MAX_SIDE_PX, 3)]
    assert found[0].left_px == pytest.approx(3000, abs=6)
    assert found[0].width_px == pytest.approx(400, abs=8)
    assert found[0].keypoints.nose.x_px == pytest.approx(3200, abs=8)


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3), (15, 15)])
def test_a_picture_smaller_than_a_face_has_none(size: tuple[int, int]) -> None:
    full, close = FakeNetwork(face(0, 0)), FakeNetwork(face(0, 0))
    camera = CameraSection(region_of_interest=TRIANGLE)
    assert detect(picture(size=size), full, close, camera) == []
    assert detector(full, close).detect_photograph(picture(size=size)) == []


def test_a_photograph_is_seen_by_both_networks_and_each_face_is_told_once() -> None:
    small, large = face(10, 10, 30), face(200, 100, 300, score=0.8)
    same = face(205, 102, 290, score=0.95)
    pixels = picture(size=(400, 470))
    full = SizedNetwork((400, 470), small, large)
    found = detector(full, FakeNetwork(same)).detect_photograph(pixels)
    assert found == [small, large]


def test_a_large_photograph_is_also_looked_at_in_tiles() -> None:
    full = FakeNetwork()
    found = detector(full).detect_photograph(picture(560, 420))
    bordered, whole, *parts = full.shapes
    assert (bordered, whole) == ((480 + 960, 640 + 960, 3), (480, 640, 3))
    assert parts == [(288, 384, 3)] * 4
    assert found == [face(560, 420)]


def test_an_eye_that_a_tile_takes_for_a_face_is_part_of_the_face() -> None:
    eye = face(100, 100, 30, score=0.99)
    whole = face(20, 20, 440)
    found = detector(SizedNetwork((288, 384), eye), FakeNetwork(whole)).detect_photograph(picture())
    assert found == [whole]


def test_a_photograph_knows_no_zones() -> None:
    camera = CameraSection(region_of_interest=LEFT_THIRD, ignore_zones=(LEFT_THIRD,))
    faces = SizedNetwork((400, 470), face(10, 10), face(400, 10))
    pixels = picture(size=(400, 470))
    assert len(detector(faces, camera=camera).detect_photograph(pixels)) == 2


def test_the_close_up_detector_gives_coordinates_of_the_picture_without_its_border() -> None:
    network = FakeNetwork()
    assert CloseUpDetector(network).detect(picture(100, 50)) == [face(100, 50)]
    assert network.shapes == [(480 + 320, 640 + 320, 3)]
