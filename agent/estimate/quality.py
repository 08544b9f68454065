"""The quality gate: is a face good enough to tell an age from it, and how good.

Measured on 500 faces of UTKFace's validation split with the first weights (MAE 4.98 years
as they are; half width, 96 px, int8; 2026-11): eyes 24 px apart 5.1 years, 16 px 5.3,
12 px 5.7, 8 px 6.8; blurred to a sharpness of 120 5.3, 52 5.9, 27 6.7, 11 8.9; luma
reduced to 36 5.8, 24 6.2, 12 7.4; raised to 172 5.4, 199 7.2, 223 11.3. On FairFace the
distance to the true interval is 1.6 years at a yaw below 15 degrees, 2.5 at 40-50, 2.9 at
50-60, 3.9 at 60-70.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from agent.boxes import nose_offset_ratio
from agent.config.vision import QualitySection
from agent.estimate.align import TEMPLATE_EYE_DISTANCE_RATIO
from agent.records import FaceKeypoints, Float32Array, UInt8Array

Refusal = Literal["too_small", "blurred", "turned_away", "tilted", "too_dark", "too_bright"]

#: How far the tip of the nose stands before the line of the eyes, in eye distances.
NOSE_DEPTH_RATIO = 0.5
#: Sharpness is measured at this width at most, so that it does not depend on the model's.
SHARPNESS_MAX_PX = 64
SHARPNESS_MIN_PX = 16
#: Border left out of sharpness and brightness: background and hair, not the face.
BORDER_RATIO = 0.125

#: From here on more does not lower the error noticeably (see above).
GOOD_EYE_DISTANCE_PX = 24.0
GOOD_SHARPNESS = 120.0
GOOD_BRIGHTNESS = (60.0, 170.0)
#: What a face at the edge of one limit is worth beside a good one: its squared error is
#: about twice as large, and evidence is weighted by one over it.
EDGE_RATIO = 0.5


@dataclass(frozen=True, slots=True)
class Pose:
    """What the keypoints tell.

    Attributes:
        eye_distance_px: In the frame.
        yaw_degrees: Head turned aside, positive towards the person's left; 0: to the camera.
        roll_degrees: Head tilted; positive is clockwise in the picture.
    """

    eye_distance_px: float
    yaw_degrees: float
    roll_degrees: float


@dataclass(frozen=True, slots=True)
class Look:
    """What the pixels of the aligned crop tell.

    Attributes:
        sharpness: Variance of the Laplacian in squared grey levels, see `sharpness`.
        brightness: Mean luma 0..255.
    """

    sharpness: float
    brightness: float


def pose_of(keypoints: FaceKeypoints) -> Pose:
    """Return size and direction of a face.

    Yaw: under parallel projection a head turned by `a` shows its eyes `e * cos(a)` apart
    and moves the tip of the nose, which stands `d` before the line of the eyes, by
    `d * sin(a)` along that line. Their quotient is `q = d / e * tan(a)`, so
    `a = atan(q / NOSE_DEPTH_RATIO)`; pitch and roll cancel. The same quotient with the
    ears in place of the eyes says nothing new: correlation 0.99 on faces and clips.
    """
    right, left = keypoints.right_eye, keypoints.left_eye
    roll = math.degrees(math.atan2(left.y_px - right.y_px, left.x_px - right.x_px))
    yaw = math.degrees(math.atan(nose_offset_ratio(keypoints) / NOSE_DEPTH_RATIO))
    return Pose(keypoints.eye_distance_px, yaw, roll)


def look_of(crop: UInt8Array, eye_distance_px: float) -> Look:
    """Return sharpness and brightness of an aligned crop.

    Args:
        crop: (crop_px, crop_px, 3) uint8, RGB, from `align.align_face`.
        eye_distance_px: In the frame the crop was cut from.
    """
    luma = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    brightness = float(_inner(np.asarray(luma, np.float32)).mean())
    return Look(sharpness(crop, eye_distance_px), brightness)


def sharpness(crop: UInt8Array, eye_distance_px: float) -> float:
    """Return the variance of the Laplacian of the crop's luma at the face's own resolution.

    Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000. An
    enlarged crop is first reduced to as many pixels as the face has in the frame, and
    never more than SHARPNESS_MAX_PX: without that, small faces would count as blurred.

    Args:
        crop: (crop_px, crop_px, 3) uint8, RGB, from `align.align_face`.
        eye_distance_px: In the frame the crop was cut from.
    """
    native_px = eye_distance_px / TEMPLATE_EYE_DISTANCE_RATIO
    width_px = round(min(max(native_px, SHARPNESS_MIN_PX), SHARPNESS_MAX_PX, crop.shape[0]))
    luma = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    reduced = cv2.resize(luma, (width_px, width_px), interpolation=cv2.INTER_AREA)
    edges = cv2.Laplacian(reduced, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE)
    return float(_inner(np.asarray(edges, np.float32)).var())


def _inner(plane: Float32Array) -> Float32Array:
    border = int(plane.shape[0] * BORDER_RATIO)
    return plane[border : plane.shape[0] - border, border : plane.shape[1] - border]


class QualityGate:
    """Refuses what is beyond the configured limits; a measure that is not a number, too."""

    def __init__(self, section: QualitySection) -> None:
        self._section = section

    def refuse_pose(self, pose: Pose) -> Refusal | None:
        """Return why the face cannot be used, or None. Needs no pixels."""
        section = self._section
        if not pose.eye_distance_px >= section.min_eye_distance_px:
            return "too_small"
        if not abs(pose.yaw_degrees) <= section.max_yaw_degrees:
            return "turned_away"
        if not abs(pose.roll_degrees) <= section.max_roll_degrees:
            return "tilted"
        return None

    def refuse_look(self, look: Look) -> Refusal | None:
        """Return why the crop cannot be used, or None.

        Light comes first: what is too dark is always without contrast too.
        """
        section = self._section
        if not look.brightness >= section.min_brightness:
            return "too_dark"
        if not look.brightness <= section.max_brightness:
            return "too_bright"
        if not look.sharpness >= section.min_sharpness:
            return "blurred"
        return None

    def judge(self, pose: Pose, look: Look) -> float | Refusal:
        """Return the quality 0..1 of a usable face, or why it is none."""
        return self.refuse_pose(pose) or self.refuse_look(look) or self.quality_ratio(pose, look)

    def quality_ratio(self, pose: Pose, look: Look) -> float:
        """Return the product of what each measure of a usable face is worth, 0..1."""
        return math.prod(self._worths(pose, look))

    def _worths(self, pose: Pose, look: Look) -> Iterator[float]:
        section = self._section
        darkest, brightest = GOOD_BRIGHTNESS
        yield _worth(pose.eye_distance_px, section.min_eye_distance_px, GOOD_EYE_DISTANCE_PX)
        yield _worth(look.sharpness, section.min_sharpness, GOOD_SHARPNESS)
        yield _worth(abs(pose.yaw_degrees), section.max_yaw_degrees, 0.0)
        yield _worth(look.brightness, section.min_brightness, darkest)
        yield _worth(look.brightness, section.max_brightness, brightest)


def _worth(value: float, limit: float, good: float) -> float:
    """Return EDGE_RATIO at the limit, 1 at what is good and beyond, a line in between."""
    if limit == good:
        return 1.0
    share = (value - limit) / (good - limit)
    return EDGE_RATIO + (1.0 - EDGE_RATIO) * min(1.0, max(0.0, share))
