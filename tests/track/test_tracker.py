from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.config.vision import TrackSection
from agent.records import FaceBox, FaceKeypoints, Point
from agent.track.tracker import ByteTracker


def face(left: float, top: float = 100, width: float = 60, score: float = 0.8) -> FaceBox:
    middle = Point(left + width / 2, top + width / 2)
    return FaceBox(left, top, width, width, score, FaceKeypoints(*[middle] * 6))


def tracker(lost_after_s: float = 1.0) -> ByteTracker:
    return ByteTracker(TrackSection(lost_after_s=lost_after_s))


def ids(follow: ByteTracker, boxes: list[FaceBox], at_s: float) -> list[int]:
    return [tracked.track_id for tracked in follow.update(boxes, at_s)]


@pytest.mark.parametrize("rate_hz", [5, 10, 25, 30, 60])
@pytest.mark.parametrize("seen_frames", [1, 2, 20])
def test_a_track_survives_one_second_unseen_at_any_frame_rate(
    rate_hz: int, seen_frames: int
) -> None:
    follow = tracker()
    before: list[int] = []
    for index in range(seen_frames):
        before = ids(follow, [face(100)], index / rate_hz)
    for index in range(seen_frames, seen_frames + rate_hz - 1):
        assert ids(follow, [], index / rate_hz) == []
    assert ids(follow, [face(102)], (seen_frames + rate_hz - 1) / rate_hz) == before


@pytest.mark.parametrize("rate_hz", [5, 30, 60])
def test_a_track_unseen_for_longer_than_configured_is_gone(rate_hz: int) -> None:
    follow = tracker()
    before = ids(follow, [face(100)], 0.0)
    for index in range(1, rate_hz + rate_hz // 2):
        follow.update([], index / rate_hz)
    assert ids(follow, [face(100)], 1.5) != before


def test_a_camera_that_was_silent_for_long_begins_new_tracks() -> None:
    follow = tracker()
    before = ids(follow, [face(100)], 0.0)
    assert ids(follow, [face(100)], 60.0) != before


@pytest.mark.parametrize("rate_hz", [5, 15, 60])
def test_a_walking_face_keeps_its_track_while_another_stands(rate_hz: int) -> None:
    follow = tracker()
    seen = set()
    for index in range(3 * rate_hz):
        at_s = index / rate_hz
        # 150 px/s: the width of this face in 0.4 s.
        seen.add(tuple(ids(follow, [face(50 + 150 * at_s), face(300, top=300)], at_s)))
    assert len(seen) == 1


def test_a_face_has_its_track_from_the_first_frame_on() -> None:
    follow = tracker()
    assert ids(follow, [face(100), face(300)], 0.0) == [1, 2]
    assert ids(follow, [face(300), face(100), face(500)], 0.04) == [2, 1, 3]


def test_faces_come_back_in_the_order_of_their_boxes() -> None:
    follow = tracker()
    boxes = [face(300, score=0.5), face(100, score=0.95), face(500, score=0.51)]
    follow.update(boxes, 0.0)
    assert [tracked.box for tracked in follow.update(boxes, 0.1)] == boxes


def test_frames_without_progress_in_time_do_no_harm() -> None:
    follow = tracker()
    first = ids(follow, [face(100)], 5.0)
    assert ids(follow, [face(100)], 5.0) == first
    assert ids(follow, [face(100)], 4.0) == first
    assert ids(follow, [face(100)], 5.1) == first


def test_after_a_reset_no_id_comes_again() -> None:
    follow = tracker()
    before = ids(follow, [face(100)], 0.0)
    follow.reset()
    assert ids(follow, [face(100)], 0.04) != before


@example([[(0.0, 0.0, 8.0), (0.0, 0.0, 8.0)], [(0.0, 0.0, 8.0)]])
@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.floats(0, 600), st.floats(0, 400), st.floats(8, 300)), max_size=4),
        max_size=12,
    )
)
def test_every_box_gets_an_id_of_its_own(frames: list[list[tuple[float, float, float]]]) -> None:
    follow = tracker()
    for index, places in enumerate(frames):
        found = ids(follow, [face(*place) for place in places], index / 10)
        assert len(set(found)) == len(places)
        assert all(track_id > 0 for track_id in found)
