from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.estimate.align import (
    TEMPLATE_EYE_DISTANCE_RATIO,
    TEMPLATE_RATIO,
    align_face,
    alignment_points,
    similarity,
    warp,
)
from agent.records import FaceKeypoints, Point, UInt8Array

CROP_PX = 48
Points = npt.NDArray[np.float64]

angles = st.floats(-180, 180)
scales = st.floats(0.2, 8.0)
shifts = st.floats(-200, 200)


def keypoints_at(points: Points) -> FaceKeypoints:
    """Return keypoints with eyes, nose and mouth at the (4, 2) points."""
    right, left, nose, mouth = (Point(float(x), float(y)) for x, y in points)
    return FaceKeypoints(right, left, nose, mouth, right, left)


def moved(points: Points, degrees: float, scale: float, shift: Points) -> Points:
    """Return points turned, scaled and shifted."""
    turn = math.radians(degrees)
    matrix = scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return points @ matrix.T + shift


def texture(u: npt.NDArray[np.float64], v: npt.NDArray[np.float64]) -> UInt8Array:
    """Return a smooth pattern, the same at the same place of a face."""
    red = 128 + 80 * np.sin(6 * u) * np.cos(5 * v)
    green = 128 + 80 * np.cos(7 * u + 2 * v)
    blue = 128 + 80 * np.sin(4 * u - 6 * v)
    return np.stack([red, green, blue], axis=-1).round().astype(np.uint8)


def photograph(degrees: float, eye_distance_px: float) -> tuple[UInt8Array, FaceKeypoints]:
    """Return a picture of the textured face, turned, and its keypoints."""
    scale = eye_distance_px / TEMPLATE_EYE_DISTANCE_RATIO
    side = math.ceil(2.2 * scale)
    middle = np.array([side / 2, side / 2])
    shift = middle - moved(np.array([[0.5, 0.5]]), degrees, scale, np.zeros(2))[0]
    rows, columns = np.mgrid[:side, :side]
    places = np.stack([columns, rows], axis=-1).reshape(-1, 2)
    on_face = moved(places - shift, -degrees, 1 / scale, np.zeros(2)).reshape(side, side, 2)
    return (
        texture(on_face[..., 0], on_face[..., 1]),
        keypoints_at(moved(TEMPLATE_RATIO, degrees, scale, shift)),
    )


def ideal_crop() -> UInt8Array:
    rows, columns = np.mgrid[:CROP_PX, :CROP_PX]
    return texture(columns / CROP_PX, rows / CROP_PX)


@settings(max_examples=30, deadline=None)
@given(degrees=angles, eye_distance_px=st.floats(15.0, 90.0))
def test_a_turned_and_scaled_picture_gives_the_same_crop(
    degrees: float, eye_distance_px: float
) -> None:
    pixels, keypoints = photograph(degrees, eye_distance_px)
    crop = align_face(pixels, keypoints, CROP_PX)
    difference = np.abs(crop.astype(int) - ideal_crop().astype(int))
    assert difference.mean() < 1.5
    assert difference.max() < 12


@given(degrees=angles, scale=scales, dx=shifts, dy=shifts)
def test_the_transform_of_moved_points_undoes_the_movement(
    degrees: float, scale: float, dx: float, dy: float
) -> None:
    source = moved(TEMPLATE_RATIO, degrees, scale, np.array([dx, dy]))
    transform = similarity(source, TEMPLATE_RATIO)
    assert source @ transform[:, :2].T + transform[:, 2] == pytest.approx(TEMPLATE_RATIO, abs=1e-9)


@given(
    noise=st.lists(st.floats(-0.1, 0.1), min_size=8, max_size=8),
    degrees=st.floats(-3, 3),
    scale=st.floats(0.95, 1.05),
    dx=st.floats(-0.05, 0.05),
)
def test_no_other_similarity_is_nearer_to_the_target(
    noise: list[float], degrees: float, scale: float, dx: float
) -> None:
    source = TEMPLATE_RATIO + np.array(noise).reshape(4, 2)
    transform = similarity(source, TEMPLATE_RATIO)
    best = source @ transform[:, :2].T + transform[:, 2]
    other = moved(best, degrees, scale, np.array([dx, 0.0]))
    assert ((best - TEMPLATE_RATIO) ** 2).sum() <= ((other - TEMPLATE_RATIO) ** 2).sum() + 1e-12


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    mirrored = TEMPLATE_RATIO * [-1, 1]
    transform = similarity(mirrored, TEMPLATE_RATIO)
    assert np.linalg.det(transform[:, :2]) > 0


@pytest.mark.parametrize("place", [0.0, 7.0, math.nan, math.inf])
def test_points_that_are_no_face_are_refused(place: float) -> None:
    with pytest.raises(ValueError, match="must be finite and apart"):
        align_face(np.zeros((64, 64, 3), np.uint8), keypoints_at(np.full((4, 2), place)), CROP_PX)


def test_alignment_uses_eyes_nose_and_mouth_in_this_order(frontal: FaceKeypoints) -> None:
    assert alignment_points(frontal).tolist() == [[40, 40], [80, 40], [60, 65], [60, 84]]


def test_the_template_has_the_stated_eye_distance() -> None:
    right, left = TEMPLATE_RATIO[:2]
    assert np.hypot(*(left - right)) == pytest.approx(TEMPLATE_EYE_DISTANCE_RATIO, abs=1e-4)


def test_outside_the_picture_is_black() -> None:
    white = np.full((20, 20, 3), 255, np.uint8)
    crop = warp(white, np.array([[1.0, 0, 14], [0, 1, 14]]), CROP_PX)
    assert crop[20:30, 20:30].min() == 255
    assert crop[:10].max() == crop[40:].max() == 0


def test_a_strong_reduction_averages_instead_of_skipping() -> None:
    stripes = np.zeros((480, 480, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = warp(stripes, np.array([[0.1, 0, 0], [0, 0.1, 0]]), CROP_PX)
    assert np.abs(crop[2:-2, 2:-2].astype(int) - 127).max() < 30


def test_the_frame_is_neither_changed_nor_needed_writeable(frontal: FaceKeypoints) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (120, 120, 3), np.uint8)
    before = pixels.copy()
    pixels.flags.writeable = False
    align_face(pixels, frontal, CROP_PX)
    assert (pixels == before).all()
