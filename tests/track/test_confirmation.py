from __future__ import annotations

import numpy as np

from agent.records import FaceBox, FaceKeypoints, Frame, Point, TrackedFace, UInt8Array
from agent.track.confirmation import FORGET_AFTER_S, LookConfirmation

PIXELS = np.zeros((480, 640, 3), np.uint8)


def face(nose_x: float = 20.0) -> FaceBox:
    right, left, nose = Point(10, 15), Point(30, 15), Point(nose_x, 25)
    return FaceBox(0, 0, 40, 40, 0.9, FaceKeypoints(right, left, nose, nose, right, left))


class FakeGate:
    """Answers what it is told, and counts the questions."""

    def __init__(self, answer: FaceBox | None) -> None:
        self.answer = answer
        self.asked_at: list[float] = []
        self.now_s = 0.0

    def look(self, pixels: UInt8Array, box: FaceBox) -> FaceBox | None:
        assert pixels is PIXELS
        self.asked_at.append(self.now_s)
        return self.answer


def confirmed_at(
    confirmation: LookConfirmation, gate: FakeGate, at_s: float, track_id: int = 1
) -> bool:
    gate.now_s = at_s
    frame = Frame(PIXELS, "till", 0, at_s, 0.0)
    return bool(confirmation.confirmed(frame, [TrackedFace(track_id, face())]))


def test_a_track_is_confirmed_by_its_second_look_and_never_asked_again() -> None:
    gate = FakeGate(face())
    confirmation = LookConfirmation(gate)
    seen = [confirmed_at(confirmation, gate, index / 30) for index in range(90)]
    assert seen.index(True) == 3  # The second look comes after 0.1 s.
    assert all(seen[3:])
    assert len(gate.asked_at) == 2


def test_a_face_that_the_gate_refuses_is_asked_about_at_a_limited_pace() -> None:
    gate = FakeGate(None)
    confirmation = LookConfirmation(gate)
    assert not any(confirmed_at(confirmation, gate, index / 30) for index in range(300))
    assert len(gate.asked_at) <= 25
    assert gate.asked_at[-1] > 9


def test_who_turns_round_after_a_while_is_confirmed_within_a_second_and_a_half() -> None:
    gate = FakeGate(None)
    confirmation = LookConfirmation(gate)
    for index in range(150):
        confirmed_at(confirmation, gate, index / 30)
    gate.answer = face()
    seen = [confirmed_at(confirmation, gate, 5 + index / 30) for index in range(45)]
    assert any(seen)


def test_a_profile_confirms_nobody() -> None:
    gate = FakeGate(face(nose_x=38.0))
    confirmation = LookConfirmation(gate)
    assert not any(confirmed_at(confirmation, gate, index / 10) for index in range(50))


def test_one_look_that_errs_is_not_enough() -> None:
    gate = FakeGate(face())
    confirmation = LookConfirmation(gate)
    confirmed_at(confirmation, gate, 0.0)
    gate.answer = None
    assert not any(confirmed_at(confirmation, gate, 0.1 + index / 10) for index in range(100))


def test_each_track_is_judged_for_itself() -> None:
    gate = FakeGate(face())
    confirmation = LookConfirmation(gate)
    for index in range(5):
        confirmed_at(confirmation, gate, index / 10, track_id=1)
    assert confirmed_at(confirmation, gate, 0.5, track_id=1)
    assert not confirmed_at(confirmation, gate, 0.5, track_id=2)


def test_tracks_long_gone_are_forgotten() -> None:
    gate = FakeGate(face())
    confirmation = LookConfirmation(gate)
    for index in range(5):
        confirmed_at(confirmation, gate, index / 10)
    assert not confirmed_at(confirmation, gate, 1.0 + FORGET_AFTER_S)
