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
        source: (n, 2) points.
        target: (n, 2) points.
    """
    z = source[:, 0] + 1j * source[:, 1]
    w = target[:, 0] + 1j * target[:, 1]
    centred = z - z.mean()
    factor = np.vdot(centred, w - w.mean()) / np.vdot(centred, centred).real
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
    """
    transform = similarity(alignment_points(keypoints), TEMPLATE_RATIO * crop_px)
    return warp(pixels, transform, crop_px)


def warp(
    pixels: UInt8Array, transform: npt.NDArray[np.float64], crop_px: int
) -> UInt8Array:
    """Return the (crop_px, crop_px, 3) picture that `transform` maps `pixels` to.

    A strong reduction is done in two steps, area averaging first, because warpAffine
    samples without a filter and would alias.
    """
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    if scale < 0.5:
        reduced = cv2.resize(pixels, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
        factor = np.array([reduced.shape[1] / pixels.shape[1], reduced.shape[0] / pixels.shape[0]])
        transform = transform.copy()
        transform[:, :2] /= factor
        pixels = cast(UInt8Array, reduced)
    crop = cv2.warpAffine(pixels, transform, (crop_px, crop_px), flags=cv2.INTER_LINEAR)
    return cast(UInt8Array, crop)
