"""From a tracked face to an aligned crop that is worth an estimate."""

from __future__ import annotations

from dataclasses import dataclass

from agent.estimate.align import align_face
from agent.estimate.quality import Look, Pose, QualityGate, Refusal, look_of, pose_of
from agent.records import FaceCrop, Frame, TrackedFace, UInt8Array


@dataclass(frozen=True, slots=True)
class Examination:
    """What the gate has measured, and what it makes of it.

    Attributes:
        look: None: the pose was enough to refuse the face.
        verdict: The quality 0..1, or why there is no crop.
    """

    pose: Pose
    look: Look | None
    verdict: float | Refusal


class FaceCropper:
    """The quality gate, then the aligner, then the gate's look at the pixels.

    Args:
        gate: Decides what is good enough.
        crop_px: Input width of the model.
    """

    def __init__(self, gate: QualityGate, crop_px: int) -> None:
        self._gate = gate
        self._crop_px = crop_px

    def crop(self, frame: Frame, face: TrackedFace, visit_id: str) -> FaceCrop | str:
        """Return the aligned crop, or the reason (`quality.Refusal`) why there is none.

        Args:
            frame: The picture.
            face: A face in it.
            visit_id: Whose crop it will be.
        """
        examination, pixels = self._cut(frame, face)
        if pixels is None or isinstance(examination.verdict, str):
            return str(examination.verdict)
        pixels.flags.writeable = False
        return FaceCrop(
            pixels=pixels,
            camera_id=frame.camera_id,
            visit_id=visit_id,
            at_s=frame.at_s,
            quality_ratio=examination.verdict,
            eye_distance_px=examination.pose.eye_distance_px,
        )

    def examine(self, frame: Frame, face: TrackedFace) -> Examination:
        """Return the figures behind `crop`'s answer, for the debug view."""
        return self._cut(frame, face)[0]

    def _cut(self, frame: Frame, face: TrackedFace) -> tuple[Examination, UInt8Array | None]:
        pose = pose_of(face.box.keypoints)
        if refusal := self._gate.refuse_pose(pose):
            return Examination(pose, None, refusal), None
        pixels = align_face(frame.pixels, face.box.keypoints, self._crop_px)
        look = look_of(pixels, pose.eye_distance_px)
        return Examination(pose, look, self._gate.judge(pose, look)), pixels
