"""From a tracked face to an aligned crop that is worth an estimate."""

from __future__ import annotations

from agent.estimate.align import align_face
from agent.estimate.quality import QualityGate, look_of, pose_of
from agent.records import FaceCrop, Frame, TrackedFace


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
        pose = pose_of(face.box.keypoints)
        if refusal := self._gate.refuse_pose(pose):
            return refusal
        pixels = align_face(frame.pixels, face.box.keypoints, self._crop_px)
        pixels.flags.writeable = False
        quality = self._gate.judge(pose, look_of(pixels, pose.eye_distance_px))
        if isinstance(quality, str):
            return quality
        return FaceCrop(
            pixels=pixels,
            camera_id=frame.camera_id,
            visit_id=visit_id,
            at_s=frame.at_s,
            quality_ratio=quality,
            eye_distance_px=pose.eye_distance_px,
        )
