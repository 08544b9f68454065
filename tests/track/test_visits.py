from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.vision import CameraSection, TrackSection
from agent.records import (
    FaceBox,
    FaceKeypoints,
    Frame,
    Point,
    TrackedFace,
    VisitEnded,
    VisitStarted,
)
from agent.track.visits import TrackVisits, random_visit_id

RIGHT_HALF = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))
PIXELS = np.zeros((480, 640, 3), np.uint8)


def at(track_id: int, left: float = 300, width: float = 60) -> TrackedFace:
    middle = Point(left + width / 2, 100 + width / 2)
    return TrackedFace(
        track_id, FaceBox(left, 100, width, width, 0.9, FaceKeypoints(*[middle] * 6))
    )


class Scene:
    """Feeds a visit log ten frames a second and keeps what it says."""

    def __init__(self, zone: tuple[tuple[float, float], ...] | None = None) -> None:
        numbers = iter(range(1000))
        self.visits = TrackVisits(
            TrackSection(visit_min_s=0.3, absence_s=2.0),
            CameraSection(customer_zone=zone),
            new_id=lambda: f"v{next(numbers)}",
        )
        self.now_s = 0.0
        self.log: list[tuple[str, str, float]] = []

    def show(self, seconds: float, *faces: TrackedFace) -> None:
        for _ in range(round(seconds * 10)):
            frame = Frame(PIXELS, "till", 0, self.now_s, 0.0)
            self._note(self.visits.update(frame, faces))
            self.now_s = round(self.now_s + 0.1, 3)

    def close(self) -> None:
        self._note(self.visits.close(self.now_s))

    def _note(self, records: list[VisitStarted | VisitEnded] | list[VisitEnded]) -> None:
        for record in records:
            assert record.camera_id == "till"
            kind = "began" if isinstance(record, VisitStarted) else "ended"
            self.log.append((kind, record.visit_id, round(record.at_s, 3)))


def test_a_visit_runs_from_the_first_sight_to_the_last() -> None:
    scene = Scene()
    scene.show(1.0)
    scene.show(3.0, at(1))
    scene.show(3.0)
    assert scene.log == [("began", "v0", 1.0), ("ended", "v0", 3.9)]


def test_a_visit_is_told_once_it_is_long_enough_and_ends_after_the_absence() -> None:
    scene = Scene()
    scene.show(0.3, at(1))
    assert scene.log == []
    assert scene.visits.visit_of(1) is None
    scene.show(0.1, at(1))
    assert scene.log == [("began", "v0", 0.0)]
    assert scene.visits.visit_of(1) == "v0"
    scene.show(2.0)
    assert len(scene.log) == 1
    scene.show(0.3)
    assert scene.log[1:] == [("ended", "v0", 0.3)]
    assert scene.visits.visit_of(1) is None


def test_a_short_appearance_is_nobody() -> None:
    scene = Scene()
    scene.show(0.2, at(1))
    scene.show(5.0)
    scene.close()
    assert scene.log == []


def test_two_flashes_far_apart_do_not_add_up_to_a_visit() -> None:
    scene = Scene()
    scene.show(0.1, at(1))
    scene.show(1.5)
    scene.show(0.1, at(1))
    scene.close()
    assert scene.log == []


def test_who_ducks_for_a_second_is_the_same_visit_also_with_a_new_track() -> None:
    scene = Scene()
    scene.show(2.0, at(1))
    scene.show(1.0)
    scene.show(2.0, at(2, left=340))
    assert scene.visits.visit_of(2) == "v0"
    scene.close()
    assert scene.log == [("began", "v0", 0.0), ("ended", "v0", 4.9)]


def test_who_comes_elsewhere_or_at_another_size_is_a_new_visit() -> None:
    scene = Scene()
    scene.show(1.0, at(1, left=100))
    scene.show(1.0, at(2, left=400))
    scene.show(1.0, at(3, left=370, width=150))
    scene.close()
    assert [entry[:2] for entry in scene.log] == [
        ("began", "v0"), ("began", "v1"), ("began", "v2"),
        ("ended", "v0"), ("ended", "v1"), ("ended", "v2"),
    ]  # fmt: skip


def test_who_comes_to_the_same_place_after_the_absence_is_a_new_visit() -> None:
    scene = Scene()
    scene.show(1.0, at(1))
    scene.show(2.5)
    scene.show(1.0, at(2))
    scene.close()
    assert scene.log == [
        ("began", "v0", 0.0), ("ended", "v0", 0.9), ("began", "v1", 3.5), ("ended", "v1", 4.4),
    ]  # fmt: skip


def test_a_track_that_comes_back_after_its_visit_ended_gets_a_new_visit() -> None:
    scene = Scene()
    scene.show(1.0, at(1))
    scene.show(2.5)
    scene.show(1.0, at(1))
    assert scene.visits.visit_of(1) == "v1"


def test_a_second_person_beside_the_first_does_not_take_over_the_visit() -> None:
    scene = Scene()
    scene.show(1.0, at(1))
    scene.show(1.0, at(2, left=340), at(1))
    assert scene.visits.visit_of(1) == "v0"
    assert scene.visits.visit_of(2) == "v1"


def test_of_two_who_were_lost_the_nearer_one_is_back() -> None:
    scene = Scene()
    scene.show(1.0, at(1, left=300), at(2, left=380))
    scene.show(0.5)
    scene.show(0.5, at(3, left=370))
    assert scene.visits.visit_of(3) == "v1"


def test_two_new_tracks_do_not_share_one_lost_visit() -> None:
    scene = Scene()
    scene.show(1.0, at(1, left=300))
    scene.show(0.5)
    scene.show(1.0, at(2, left=310), at(3, left=350))
    assert {scene.visits.visit_of(2), scene.visits.visit_of(3)} == {"v0", "v1"}


def test_only_the_customer_zone_counts() -> None:
    scene = Scene(zone=RIGHT_HALF)
    scene.show(2.0, at(1, left=100), at(2, left=400))
    scene.close()
    assert scene.log == [("began", "v0", 0.0), ("ended", "v0", 1.9)]


def test_who_walks_out_of_the_zone_has_left_though_still_in_the_picture() -> None:
    scene = Scene(zone=RIGHT_HALF)
    scene.show(1.0, at(1, left=400))
    scene.show(3.0, at(1, left=100))
    assert scene.log == [("began", "v0", 0.0), ("ended", "v0", 0.9)]


def test_visits_expire_without_frames_too() -> None:
    scene = Scene()
    scene.show(1.0, at(1))
    assert scene.visits.expire(2.8) == []
    (ended,) = scene.visits.expire(3.0)
    assert ended == VisitEnded("till", "v0", ended.at_s)
    assert ended.at_s == pytest.approx(0.9)
    assert scene.visits.expire(9.0) == []


def test_closing_twice_ends_a_visit_once() -> None:
    scene = Scene()
    scene.show(1.0, at(1))
    scene.close()
    scene.close()
    assert [entry[0] for entry in scene.log] == ["began", "ended"]


def test_visit_ids_are_random_and_do_not_repeat() -> None:
    made = {random_visit_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in made)


steps = st.lists(
    st.tuples(
        st.floats(0.02, 4.0),
        st.lists(
            st.tuples(st.integers(1, 5), st.floats(0, 580)), max_size=3, unique_by=lambda t: t[0]
        ),
    ),
    max_size=40,
)


@given(steps)
def test_whatever_happens_each_visit_begins_once_and_ends_once_in_order(
    script: list[tuple[float, list[tuple[int, float]]]],
) -> None:
    visits = TrackVisits(TrackSection(), CameraSection())
    begun: dict[str, float] = {}
    ended: dict[str, float] = {}
    now_s = 0.0
    for step_s, faces in script:
        now_s += step_s
        shown = [at(track_id, left) for track_id, left in faces]
        records = visits.update(Frame(PIXELS, "till", 0, now_s, 0.0), shown)
        for record in [*records, *([] if faces else visits.expire(now_s))]:
            book = begun if isinstance(record, VisitStarted) else ended
            assert record.visit_id not in book
            book[record.visit_id] = record.at_s
        open_visits = [visits.visit_of(face.track_id) for face in shown]
        named = [visit for visit in open_visits if visit is not None]
        assert len(named) == len(set(named))
        assert all(visit in begun and visit not in ended for visit in named)
    for record in visits.close(now_s):
        assert record.visit_id not in ended
        ended[record.visit_id] = record.at_s
    assert begun.keys() == ended.keys()
    assert all(begun[visit] <= ended[visit] <= now_s for visit in begun)
