"""Asks the second look and the quality gate about a face as the pipeline does for a crop."""

from __future__ import annotations

from dataclasses import replace

from agent.estimate.cropper import Examination, FaceCropper
from agent.records import Frame, TrackedFace
from agent.stages import FaceGate


class FaceExaminer:
    """Judges any face at any time: the pipeline's own answer may be a second old, or not given.

    Args:
        second_look: Finds the keypoints.
        cropper: Has the quality gate.
    """

    def __init__(self, second_look: FaceGate, cropper: FaceCropper) -> None:
        self._second_look = second_look
        self._cropper = cropper

    def examine(self, frame: Frame, face: TrackedFace) -> Examination | None:
        """Return the gate's figures; None: the second look did not find the face."""
        found = self._second_look.look(frame.pixels, face.box)
        if found is None:
            return None
        return self._cropper.examine(frame, replace(face, box=found))
