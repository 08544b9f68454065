"""Cuts an eye-aligned square from a picture: one aligner for training and for the register."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from agent.records import FaceKeypoints, UInt8Array

#: Mean place of right eye, left eye, nose and mouth on UTKFace chips scaled to 128 px
#: (spread 2-4 px), as a share of the crop's width.
TEMPLATE_RATIO: npt.NDArray[np.float64] = (
    np.array([(38.4, 37.6), (88.5, 37.7), (63.7, 69.7), (63.7, 93.3)]) / 128
)
#: The template's eye distance as a share of the crop's width.
TEMPLATE_EYE_DISTANCE_RATIO = 50.1 / 128
#: A stronger reduction than this is done in two steps.
_ONE_STEP_SCALE = 0.5


def alignment_points(keypoints: FaceKeypoints) -> npt.NDArray[np.float64]:
    """Return (4, 2) float64 pixels: right eye, left eye, nose, mouth."""
    used = (keypoints.right_eye, keypoints.left_eye, keypoints.nose, keypoints.mouth)
    return np.array([(p.x_px, p.y_px) for p in used])


def similarity(
    source: npt.NDArray[np.float64], target: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the (2, 3) least-squares similarity transform from source to target points.

    Rotation, uniform scale and shift without reflection: the planar case of Umeyama,
    "Least-squares estimation of transformation parameters", PAMI 1991, with points as
    complex numbers.

    Args:
        source: (n, 2) points, not all in one place.
        target: (n, 2) points.

    Raises:
        ValueError: The source points are all in one place, or not finite.
    """
    if not np.isfinite(source).all() or not np.ptp(source, axis=0).any():
        raise ValueError(f"points to align must be finite and apart, got {source.tolist()}")
    z = source[:, 0] + 1j * source[:, 1]
    w = target[:, 0] + 1j * target[:, 1]
    centred = z - z.mean()
    spread = np.vdot(centred, centred).real
    factor = np.vdot(centred, w - w.mean()) / spread
    shift = w.mean() - factor * z.mean()
    return np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    )


def align_face(pixels: UInt8Array, keypoints: FaceKeypoints, crop_px: int) -> UInt8Array:
    """Return the aligned crop of one face.

    Args:
        pixels: (height, width, 3) uint8, RGB.
        keypoints: In the coordinates of `pixels`.
        crop_px: Width and height of the crop.

    Returns:
        (crop_px, crop_px, 3) uint8, RGB; what lies outside the picture is black.

    Raises:
        ValueError: The keypoints are all in one place, or not finite.
    """
    transform = similarity(alignment_points(keypoints), TEMPLATE_RATIO * crop_px)
    return warp(pixels, transform, crop_px)


def warp(pixels: UInt8Array, transform: npt.NDArray[np.float64], crop_px: int) -> UInt8Array:
    """Return the (crop_px, crop_px, 3) picture that `transform` maps `pixels` to.

    A strong reduction is done in two steps, area averaging first, because warpAffine
    samples without a filter and would alias.
    """
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    if scale < _ONE_STEP_SCALE:
        pixels, transform = _reduced(pixels, transform, scale / _ONE_STEP_SCALE)
    crop = cv2.warpAffine(pixels, transform, (crop_px, crop_px), flags=cv2.INTER_LINEAR)
    return cast(UInt8Array, crop)


def _reduced(
    pixels: UInt8Array, transform: npt.NDArray[np.float64], factor: float
) -> tuple[UInt8Array, npt.NDArray[np.float64]]:
    """Return the picture made smaller by `factor`, and the transform from there.

    Pixel centres lie at whole numbers, so a reduced pixel x stands for the place
    (x + 0.5) / factor - 0.5 of the picture.
    """
    height, width = pixels.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    reduced = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    factors = np.array([size[0] / width, size[1] / height])
    moved = transform.copy()
    moved[:, 2] += transform[:, :2] @ (0.5 / factors - 0.5)
    moved[:, :2] /= factors
    return cast(UInt8Array, reduced), moved
