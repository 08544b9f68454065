"""Faces and frames for the tests of the debug view."""

from __future__ import annotations

import numpy as np

from agent.debug_view.sights import AgeSight, FaceSight, Places, Sight
from agent.estimate.cropper import Examination
from agent.estimate.quality import Look, Pose, Refusal
from agent.records import FaceBox, FaceKeypoints, Point, UInt8Array

POSE = Pose(eye_distance_px=31.0, yaw_degrees=-62.4, roll_degrees=48.0)


def picture(width_px: int = 960, height_px: int = 540, luma: int = 120) -> UInt8Array:
    pixels = np.full((height_px, width_px, 3), luma, np.uint8)
    pixels.flags.writeable = False  # as in a frame slot
    return pixels


def box(left_px: float = 400, top_px: float = 250, width_px: float = 100) -> FaceBox:
    keypoints = FaceKeypoints(*[Point(left_px + 50, top_px + 50)] * 6)
    return FaceBox(left_px, top_px, width_px, width_px, 0.87, keypoints)


def examined(verdict: float | Refusal = 0.81, look: Look | None = None) -> Examination:
    return Examination(POSE, look or Look(14.2, 231.0), verdict)


def seen(
    where: FaceBox | None = None,
    *,
    is_confirmed: bool = True,
    is_inside: bool = True,
    visit_id: str | None = "3f2a77",
    examination: Examination | None = None,
    age: AgeSight | None = None,
) -> FaceSight:
    found = examination or examined()
    return FaceSight(where or box(), 12, is_confirmed, is_inside, visit_id, found, age)


def sight(*faces: FaceSight, places: Places | None = None, dropped: int = 0) -> Sight:
    return Sight("till", 11.9, dropped, places or Places(), faces)
