"""Faces of real clips, found as the pipeline finds them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from agent.config.vision import QualitySection
from agent.detect.blazeface import BlazeFace
from agent.detect.second_look import SecondLook
from agent.estimate.align import align_face
from agent.estimate.quality import QualityGate, look_of, pose_of
from agent.records import UInt8Array


def frames_of(clip: Path, step: int) -> Iterator[UInt8Array]:
    """Yield every `step`-th picture of a clip, RGB."""
    capture = cv2.VideoCapture(str(clip))
    index = 0
    while capture.grab():
        if index % step == 0:
            _, pixels = capture.retrieve()
            yield np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
        index += 1
    capture.release()


def faces_of_clip(clip: Path, step: int) -> list[float | str]:
    """Return the gate's word on each face that the second look confirms."""
    full_range, short_range = BlazeFace("full_range", 0.5), BlazeFace("short_range", 0.7)
    second_look = SecondLook(short_range, 0.7)
    gate = QualityGate(QualitySection())
    qualities: list[float | str] = []
    for pixels in frames_of(clip, step):
        for box in full_range.detect(pixels):
            face = second_look.look(pixels, box)
            if face is not None:
                pose = pose_of(face.keypoints)
                crop = align_face(pixels, face.keypoints, 96)
                qualities.append(gate.judge(pose, look_of(crop, pose.eye_distance_px)))
    full_range.close()
    short_range.close()
    return qualities
