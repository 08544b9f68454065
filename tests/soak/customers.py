"""Customers who come and go before a camera that is not there, and what sees them.

Stand-ins for the three networks only: detector, second look and age. All between them is the
agent's own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from agent.records import (
    AGE_CLASSES,
    AgeDistribution,
    FaceBox,
    FaceKeypoints,
    Frame,
    Point,
    UInt8Array,
)

RATE_HZ = 5.0
WIDTH_PX, HEIGHT_PX = 480, 160
FACE_PX = 60.0
#: Places beside each other, with a customer each; far enough apart to be different people.
PLACES = 3
#: A customer stays so many frames, then the place is empty for longer than `track.absence_s`.
STAY_FRAMES, GAP_FRAMES = 8, 7
CYCLE_FRAMES = STAY_FRAMES + GAP_FRAMES


def picture() -> UInt8Array:
    """Return a scene sharp and bright enough for the quality gate, read-only."""
    noise = np.random.default_rng(1).integers(40, 200, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)
    noise.flags.writeable = False
    return noise


def frames(visits: int, camera_id: str) -> Iterator[tuple[Frame, list[FaceBox], int]]:
    """Yield each frame, the faces in it, and how many visits have begun by then.

    Places fill up one after another, so that visits overlap; after the last one has gone a
    few frames more, in which its visit ends.
    """
    pixels, begun, number = picture(), 0, 0
    shift = CYCLE_FRAMES // PLACES
    cycles = -(-visits // PLACES)
    last = cycles * CYCLE_FRAMES + (PLACES - 1) * shift + GAP_FRAMES
    while number < last:
        faces = []
        for place in range(PLACES):
            cycle, step = divmod(number - place * shift, CYCLE_FRAMES)
            is_there = 0 <= cycle < cycles and step < STAY_FRAMES
            if is_there and cycle * PLACES + place < visits:
                faces.append(face(place))
                begun += step == 0
        at_s = number / RATE_HZ
        yield Frame(pixels, camera_id, number, at_s, at_s), faces, begun
        number += 1


def face(place: int) -> FaceBox:
    """Return a face that looks into the camera at that place."""
    left, top = 20.0 + place * 160.0, 40.0

    def point(across: float, down: float) -> Point:
        return Point(left + across * FACE_PX, top + down * FACE_PX)

    keypoints = FaceKeypoints(
        right_eye=point(0.3, 0.35),
        left_eye=point(0.7, 0.35),
        nose=point(0.5, 0.55),
        mouth=point(0.5, 0.75),
        right_ear=point(0.05, 0.45),
        left_ear=point(0.95, 0.45),
    )
    return FaceBox(left, top, FACE_PX, FACE_PX, 0.95, keypoints)


class ScriptedDetector:
    """Finds what stands in the script."""

    def __init__(self) -> None:
        self.faces: list[FaceBox] = []

    def detect(self, frame: Frame) -> list[FaceBox]:
        """Return the faces of this frame."""
        return self.faces


class BelievingGate:
    """A second look that agrees with the first."""

    def look(self, pixels: UInt8Array, box: FaceBox) -> FaceBox | None:
        """Return the face as it was found."""
        return box


class SteadyEstimator:
    """An age network without a network: every crop is of somebody of about 40."""

    def __init__(self) -> None:
        years = np.arange(AGE_CLASSES)
        weights = np.exp(-((years - 40.0) ** 2) / 50.0)
        ratios = (weights / weights.sum()).tolist()
        self._ages = AgeDistribution(tuple(ratios))

    def estimate(self, crops: UInt8Array) -> list[AgeDistribution]:
        """Return the same for each."""
        return [self._ages] * len(crops)
