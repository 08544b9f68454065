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

    def reset(self) -> None:
        """Forget all tracks: the scene has changed."""
        ...


class SceneChange(Protocol):
    """Notices that the whole picture of one camera has become another one."""

    def happened(self, frame: Frame) -> bool:
        """Return whether nobody can be followed from the previous frame into this one."""
        ...


class Confirmation(Protocol):
    """Tells the tracks of one camera that are faces from those that are not (yet)."""

    def confirmed(self, frame: Frame, faces: Sequence[TrackedFace]) -> list[TrackedFace]:
        """Return those of the frame's faces whose track is a face beyond doubt."""
        ...


class VisitLog(Protocol):
    """Turns tracks of one camera into visits of persons at the customer's place."""

    def update(self, frame: Frame, faces: Sequence[TrackedFace]) -> list[VisitStarted | VisitEnded]:
        """Return the visits that this frame began or ended, in that order."""
        ...

    def visit_of(self, track_id: int) -> str | None:
        """Return the open visit of a track, or None when it has none (yet)."""
        ...

    def expire(self, at_s: float) -> list[VisitEnded]:
        """End the visits of those who are away, while no frame comes."""
        ...

    def close(self, at_s: float) -> list[VisitEnded]:
        """End every open visit: the stream is over, or the scene has changed."""
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

    @property
    def crops_dropped(self) -> int:
        """Crops that were replaced or pushed out before their turn, so far."""
        ...

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Histogram so far: batch_sizes[n] batches of n crops."""
        ...

    def add(self, crop: FaceCrop) -> None:
        """Queue a crop; the newest crop of a visit replaces an older one."""
        ...

    def wants(self, visit_id: str, at_s: float) -> bool:
        """Return whether another estimate of this visit is worth its cost now."""
        ...

    def collect(self, now_s: float, flush: bool = False) -> list[AgeEstimate]:
        """Run what is due, by size, deadline or `flush`, and return the estimates."""
        ...


class Onlooker(Protocol):
    """Looks at what the pipeline makes of a frame, for the technician; never waits."""

    def saw(
        self,
        frame: Frame,
        tracks: Sequence[TrackedFace],
        people: Sequence[TrackedFace],
        visits: VisitLog,
    ) -> None:
        """Take in a frame.

        Args:
            frame: Valid until this returns.
            tracks: All its faces.
            people: Those of them that are faces beyond doubt.
            visits: Of the frame's camera.
        """
        ...

    def estimated(self, estimates: Sequence[AgeEstimate]) -> None:
        """Take in what the network said."""
        ...
