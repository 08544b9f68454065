from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agent.config.vision import QualitySection
from agent.estimate.align import align_face
from agent.estimate.cropper import FaceCropper
from agent.estimate.quality import QualityGate
from agent.records import FaceBox, FaceCrop, FaceKeypoints, Frame, Point, TrackedFace

CROPPER = FaceCropper(QualityGate(QualitySection()), crop_px=48)


def frame(low: int = 40, high: int = 200) -> Frame:
    pixels = np.random.default_rng(1).integers(low, high, (120, 120, 3), np.uint8)
    return Frame(pixels, camera_id="till", index=3, at_s=1.5, wall_s=100.0)


def face(keypoints: FaceKeypoints) -> TrackedFace:
    return TrackedFace(7, FaceBox(10, 10, 100, 100, 0.9, keypoints))


def test_a_good_face_becomes_the_crop_the_aligner_cuts(frontal: FaceKeypoints) -> None:
    crop = CROPPER.crop(frame(), face(frontal), "visit")
    assert isinstance(crop, FaceCrop)
    assert (crop.pixels == align_face(frame().pixels, frontal, 48)).all()
    assert (crop.camera_id, crop.visit_id, crop.at_s) == ("till", "visit", 1.5)
    assert crop.eye_distance_px == 40
    assert 0 < crop.quality_ratio <= 1


def test_the_crop_is_read_only(frontal: FaceKeypoints) -> None:
    crop = CROPPER.crop(frame(), face(frontal), "visit")
    assert isinstance(crop, FaceCrop)
    with pytest.raises(ValueError, match="read-only"):
        crop.pixels[0, 0, 0] = 1


def test_a_face_without_extent_is_too_small_and_no_exception() -> None:
    nowhere = FaceKeypoints(*[Point(5.0, 5.0)] * 6)
    assert CROPPER.crop(frame(), face(nowhere), "visit") == "too_small"


def test_the_eyes_of_a_small_face_are_too_close(frontal: FaceKeypoints) -> None:
    near = replace(frontal, left_eye=Point(51, 40), nose=Point(45, 46), mouth=Point(45, 50))
    assert CROPPER.crop(frame(), face(near), "visit") == "too_small"


@pytest.mark.parametrize(
    ("low", "high", "reason"),
    [(0, 20, "too_dark"), (240, 256, "too_bright"), (128, 130, "blurred")],
)
def test_bad_pixels_are_refused_by_name(
    frontal: FaceKeypoints, low: int, high: int, reason: str
) -> None:
    assert CROPPER.crop(frame(low, high), face(frontal), "visit") == reason


def test_an_examination_tells_the_figures_behind_the_answer(frontal: FaceKeypoints) -> None:
    crop = CROPPER.crop(frame(), face(frontal), "visit")
    assert isinstance(crop, FaceCrop)
    good = CROPPER.examine(frame(), face(frontal))
    assert (good.verdict, good.pose.eye_distance_px) == (crop.quality_ratio, 40)

    dark = CROPPER.examine(frame(0, 20), face(frontal))
    assert dark.verdict == "too_dark"
    assert dark.look is not None
    assert dark.look.brightness < 25

    nowhere = CROPPER.examine(frame(), face(FaceKeypoints(*[Point(5.0, 5.0)] * 6)))
    assert (nowhere.verdict, nowhere.look) == ("too_small", None)
