"""Asks the gate about each track, so that a false face never becomes a visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.boxes import nose_offset_ratio
from agent.records import FaceBox, Frame, TrackedFace
from agent.stages import FaceGate

#: Waits between two looks at a track that is not confirmed yet; the last one repeats, so
#: that a customer who looks down at first, or turns round, is confirmed in time.
LOOK_WAITS_S = (0.1, 0.1, 0.2, 0.3, 0.5)
#: A track unseen for so long is forgotten; its id does not come back.
FORGET_AFTER_S = 30.0
#: A nose further from between the eyes belongs to a profile. The nose stands out by about
#: half the distance of the eyes, so 0.7 is a head turned by 50 to 55 degrees.
MAX_NOSE_OFFSET_RATIO = 0.7


@dataclass(slots=True)
class _Looks:
    """What the gate has said about one track."""

    next_at_s: float
    seen_at_s: float
    asked: int = 0
    passed: int = 0


class LookConfirmation:
    """Lets through the tracks that were seen from the front `needed` times.

    Args:
        gate: The second look.
        needed: A single look takes the back of a head for a face once in a hundred times;
            a person who stands there for a minute is looked at that often.
    """

    def __init__(self, gate: FaceGate, needed: int = 2) -> None:
        self._gate = gate
        self._needed = needed
        self._tracks: dict[int, _Looks] = {}

    def confirmed(self, frame: Frame, faces: Sequence[TrackedFace]) -> list[TrackedFace]:
        """Return those of the frame's faces whose track is a face beyond doubt."""
        self._forget(frame.at_s)
        return [face for face in faces if self._is_confirmed(frame, face)]

    def _is_confirmed(self, frame: Frame, face: TrackedFace) -> bool:
        looks = self._tracks.setdefault(face.track_id, _Looks(frame.at_s, frame.at_s))
        looks.seen_at_s = frame.at_s
        if looks.passed < self._needed and frame.at_s >= looks.next_at_s:
            looks.passed += _faces_us(self._gate.look(frame.pixels, face.box))
            looks.next_at_s = frame.at_s + LOOK_WAITS_S[min(looks.asked, len(LOOK_WAITS_S) - 1)]
            looks.asked += 1
        return looks.passed >= self._needed

    def _forget(self, at_s: float) -> None:
        gone = [
            track_id
            for track_id, looks in self._tracks.items()
            if at_s - looks.seen_at_s > FORGET_AFTER_S
        ]
        for track_id in gone:
            del self._tracks[track_id]


def _faces_us(face: FaceBox | None) -> bool:
    return face is not None and abs(nose_offset_ratio(face.keypoints)) <= MAX_NOSE_OFFSET_RATIO
