from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.vision import QualitySection
from agent.estimate.align import TEMPLATE_EYE_DISTANCE_RATIO
from agent.estimate.quality import (
    NOSE_DEPTH_RATIO,
    Look,
    Pose,
    QualityGate,
    look_of,
    pose_of,
    sharpness,
)
from agent.records import FaceKeypoints, Point, UInt8Array

CROP_PX = 96
NATIVE_EYES_PX = CROP_PX * TEMPLATE_EYE_DISTANCE_RATIO
GOOD_POSE = Pose(eye_distance_px=60.0, yaw_degrees=0.0, roll_degrees=0.0)
GOOD_LOOK = Look(sharpness=500.0, brightness=120.0)
GATE = QualityGate(QualitySection())

#: Right eye, left eye, nose, mouth, right ear, left ear of a head: right, down, towards the
#: camera, in eye distances.
HEAD = np.array(
    [
        (-0.5, 0.0, 0.0),
        (0.5, 0.0, 0.0),
        (0.0, 0.6, NOSE_DEPTH_RATIO),
        (0.0, 1.1, 0.3),
        (-1.1, 0.2, -1.3),
        (1.1, 0.2, -1.3),
    ]
)


def seen(yaw: float, pitch: float, roll: float, eyes_px: float = 50.0) -> FaceKeypoints:
    """Return the keypoints of the head, nodded, turned aside and tilted, in degrees."""
    a, b, c = (math.radians(angle) for angle in (yaw, pitch, roll))
    nod = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    turn = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    tilt = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    points = HEAD @ (tilt @ nod @ turn).T * eyes_px + 200
    return FaceKeypoints(*(Point(float(x), float(y)) for x, y, _ in points))


def picture(seed: int, side_px: int = CROP_PX) -> UInt8Array:
    """Return random edges with the fall-off over frequencies that photographs have."""
    random = np.random.default_rng(seed)
    frequencies = np.hypot(*np.meshgrid(np.fft.fftfreq(side_px), np.fft.fftfreq(side_px)))
    frequencies[0, 0] = 1
    spectrum = np.fft.fft2(random.normal(size=(side_px, side_px))) / frequencies
    plane = np.fft.ifft2(spectrum).real
    plane = 128 + 40 * (plane - plane.mean()) / plane.std()
    return np.repeat(np.clip(plane, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def blurred(pixels: UInt8Array, sigma_px: float) -> UInt8Array:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma_px), np.uint8)


@given(yaw=st.floats(-80, 80), roll=st.floats(-90, 90), eyes_px=st.floats(8, 300))
def test_yaw_and_roll_of_a_turned_head_are_found(yaw: float, roll: float, eyes_px: float) -> None:
    pose = pose_of(seen(yaw, 0, roll, eyes_px))
    assert pose.yaw_degrees == pytest.approx(yaw, abs=1e-6)
    assert pose.roll_degrees == pytest.approx(roll, abs=1e-6)
    assert pose.eye_distance_px == pytest.approx(eyes_px * math.cos(math.radians(yaw)), rel=1e-9)


@given(pitch=st.floats(-40, 40))
def test_a_nod_is_no_turn(pitch: float) -> None:
    assert pose_of(seen(0, pitch, 0)).yaw_degrees == pytest.approx(0, abs=1e-6)


def test_a_profile_whose_eyes_coincide_is_turned_by_90_degrees(frontal: FaceKeypoints) -> None:
    profile = replace(frontal, right_eye=frontal.left_eye)
    assert abs(pose_of(profile).yaw_degrees) == 90


@settings(deadline=None)
@given(
    seed=st.integers(0, 50),
    sigma_px=st.floats(0.6, 6),
    more=st.floats(1.2, 2),
    eyes_px=st.floats(15, 200),
)
def test_blur_lowers_sharpness(seed: int, sigma_px: float, more: float, eyes_px: float) -> None:
    sharp = picture(seed)
    soft, softer = blurred(sharp, sigma_px), blurred(sharp, sigma_px * more)
    assert sharpness(sharp, eyes_px) > sharpness(soft, eyes_px) > sharpness(softer, eyes_px)


@given(seed=st.integers(0, 50), gain=st.floats(0.2, 0.9))
def test_less_contrast_is_less_sharp(seed: int, gain: float) -> None:
    pixels = picture(seed)
    assert sharpness((pixels * gain).astype(np.uint8), 60) < sharpness(pixels, 60)


@pytest.mark.parametrize("seed", range(5))
def test_a_small_sharp_face_does_not_count_as_blurred(seed: int) -> None:
    sharp = picture(seed, 192)[:CROP_PX, :CROP_PX]
    small = cv2.resize(sharp, (32, 32), interpolation=cv2.INTER_AREA)
    enlarged = np.asarray(cv2.resize(small, (CROP_PX, CROP_PX)), np.uint8)
    as_small = sharpness(enlarged, NATIVE_EYES_PX / 3)
    assert as_small > 0.3 * sharpness(sharp, NATIVE_EYES_PX)
    assert as_small > 3 * sharpness(enlarged, NATIVE_EYES_PX)


def test_brightness_is_the_luma_of_the_face_without_its_border() -> None:
    pixels = np.zeros((CROP_PX, CROP_PX, 3), np.uint8)
    pixels[12:-12, 12:-12] = (0, 200, 0)
    assert look_of(pixels, 60).brightness == pytest.approx(0.587 * 200, abs=1)


@pytest.mark.parametrize(
    ("pose", "look", "reason"),
    [
        (replace(GOOD_POSE, eye_distance_px=11.9), GOOD_LOOK, "too_small"),
        (replace(GOOD_POSE, eye_distance_px=math.nan), GOOD_LOOK, "too_small"),
        (replace(GOOD_POSE, yaw_degrees=-56.0), GOOD_LOOK, "turned_away"),
        (replace(GOOD_POSE, yaw_degrees=math.nan), GOOD_LOOK, "turned_away"),
        (replace(GOOD_POSE, roll_degrees=46.0), GOOD_LOOK, "tilted"),
        (replace(GOOD_POSE, roll_degrees=-180.0), GOOD_LOOK, "tilted"),
        (GOOD_POSE, replace(GOOD_LOOK, brightness=24.0), "too_dark"),
        (GOOD_POSE, replace(GOOD_LOOK, brightness=math.nan), "too_dark"),
        (GOOD_POSE, replace(GOOD_LOOK, brightness=201.0), "too_bright"),
        (GOOD_POSE, replace(GOOD_LOOK, sharpness=19.0), "blurred"),
        (GOOD_POSE, replace(GOOD_LOOK, sharpness=math.nan), "blurred"),
    ],
)
def test_what_is_beyond_a_limit_is_refused_by_name(pose: Pose, look: Look, reason: str) -> None:
    assert GATE.judge(pose, look) == reason


def test_a_good_face_is_worth_one() -> None:
    assert GATE.judge(GOOD_POSE, GOOD_LOOK) == 1.0


@given(
    eyes_px=st.floats(0, 200),
    yaw=st.floats(-90, 90),
    roll=st.floats(-180, 180),
    sharp=st.floats(0, 3000),
    bright=st.floats(0, 255),
)
def test_every_face_is_refused_or_worth_more_than_nothing(
    eyes_px: float, yaw: float, roll: float, sharp: float, bright: float
) -> None:
    quality = GATE.judge(Pose(eyes_px, yaw, roll), Look(sharp, bright))
    assert isinstance(quality, str) or 0 < quality <= 1


@given(
    eyes_px=st.floats(12, 100), yaw=st.floats(0, 55), sharp=st.floats(20, 500), gain=st.floats(1, 3)
)
def test_a_better_face_is_never_worth_less(
    eyes_px: float, yaw: float, sharp: float, gain: float
) -> None:
    quality = GATE.quality_ratio(Pose(eyes_px, yaw, 0), Look(sharp, 100))
    assert GATE.quality_ratio(Pose(eyes_px * gain, yaw, 0), Look(sharp, 100)) >= quality
    assert GATE.quality_ratio(Pose(eyes_px, yaw / gain, 0), Look(sharp, 100)) >= quality
    assert GATE.quality_ratio(Pose(eyes_px, yaw, 0), Look(sharp * gain, 100)) >= quality


@pytest.mark.slow
def test_a_face_50_pixels_wide_in_a_phone_video_is_good_enough(carphone_clip: Path) -> None:
    from tests.estimate.real_faces import faces_of_clip

    qualities = faces_of_clip(carphone_clip, step=10)
    assert len(qualities) == 12
    assert all(isinstance(quality, float) and quality > 0.5 for quality in qualities)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("clip", "step", "usable_ratio"),
    [("talking_head.mp4", 25, 0.95), ("hamilton_short.mp4", 6, 0.5)],
)
def test_most_faces_of_real_clips_are_good_enough(
    shared_dir: Path, clip: str, step: int, usable_ratio: float
) -> None:
    from tests.estimate.real_faces import faces_of_clip

    faces = faces_of_clip(shared_dir / "videos" / clip, step)
    usable = [quality for quality in faces if isinstance(quality, float)]
    assert len(faces) >= 10
    assert len(usable) >= usable_ratio * len(faces)
