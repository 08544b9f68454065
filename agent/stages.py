"""The stages' Protocols: what the pipeline knows of them, and all it knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from agent.records import (
    AgeDistribution,
    AgeEstimate,
    FaceBox,
    FaceCrop,
    Frame,
    TrackedFace,
    UInt8Array,
    VisitEnded,
    VisitStarted,
)


class Detector(Protocol):
    """Finds faces in a frame."""

    def detect(self, frame: Frame) -> list[FaceBox]:
        """Return the faces inside the region of interest and outside the ignore zones."""
        ...


class FaceGate(Protocol):
    """Looks a second time at one detection."""

    def look(self, pixels: UInt8Array, box: FaceBox) -> FaceBox | None:
        """Return the face with finer keypoints, or None when it is none.

        Args:
            pixels: (height, width, 3) uint8, RGB.
            box: A detection in the coordinates of `pixels`.
        """
        ...


class Tracker(Protocol):
    """Follows faces of one camera over frames."""

    def update(self, boxes: Sequence[FaceBox], at_s: float) -> list[TrackedFace]:
        """Return the faces of this frame with their track ids.

        A track survives one second without detection.
        """
        ...


class VisitLog(Protocol):
    """Turns tracks of one camera into visits of persons at the customer's place."""

    def update(
        self, frame: Frame, faces: Sequence[TrackedFace]
    ) -> list[VisitStarted | VisitEnded]:
        """Return the visits that this frame began or ended, in that order."""
        ...

    def visit_of(self, track_id: int) -> str | None:
        """Return the open visit of a track, or None when it has none (yet)."""
        ...

    def close(self, at_s: float) -> list[VisitEnded]:
        """End every open visit: the stream is over."""
        ...


class Cropper(Protocol):
    """The quality gate and the aligner."""

    def crop(self, frame: Frame, face: TrackedFace, visit_id: str) -> FaceCrop | str:
        """Return the aligned crop, or the reason why the face is not good enough."""
        ...


class Estimator(Protocol):
    """A runtime with the age network in it."""

    def estimate(self, crops: UInt8Array) -> list[AgeDistribution]:
        """Return one distribution for each crop.

        Args:
            crops: (batch, crop_px, crop_px, 3) uint8, RGB, cut by `align.align_face`.

        Raises:
            EstimateError: The runtime refused the batch.
        """
        ...


class Batcher(Protocol):
    """Collects crops over tracks and cameras and estimates them together."""

    def add(self, crop: FaceCrop) -> None:
        """Queue a crop; the newest crop of a visit replaces an older one."""
        ...

    def wants(self, visit_id: str, at_s: float) -> bool:
        """Return whether another estimate of this visit is worth its cost now."""
        ...

    def collect(self, now_s: float, flush: bool = False) -> list[AgeEstimate]:
        """Run what is due, by size, deadline or `flush`, and return the estimates."""
        ...
