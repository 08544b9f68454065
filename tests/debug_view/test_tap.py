"""When a frame is drawn, and when not, by a clock of the test's own."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from agent.clock import ReplayClock
from agent.config.vision import QualitySection
from agent.debug_view import tap as tapping
from agent.debug_view.sights import Places, Sight
from agent.debug_view.tap import LONGEST_PAUSE_S, RATE_HZ, TIME_RATIO, Tap
from agent.estimate.cropper import Examination
from agent.records import AGE_CLASSES, AgeDistribution, AgeEstimate, Frame, TrackedFace, UInt8Array
from tests.debug_view.sighted import box, examined, picture

FACE = TrackedFace(12, box())


class FakeViewer:
    """Wants pictures as long as it is told to."""

    def __init__(self) -> None:
        self.wanted: set[str] = set()
        self.dropped = 0
        self.is_joined = False
        self.closed = False
        self.pictures: list[tuple[str, bytes]] = []

    def attend(self) -> None:
        assert not self.closed

    def send(self, camera_id: str, jpeg: bytes) -> bool:
        self.pictures.append((camera_id, jpeg))
        return True

    def close(self) -> None:
        self.closed = True


class NoVisits:
    """Nobody has a visit but track 12."""

    def visit_of(self, track_id: int) -> str | None:
        return "visit" if track_id == 12 else None


class Bench:
    """A tap with fakes round it; `cost_s` is what an examination takes."""

    def __init__(self, duration_s: float = 900.0, cameras: tuple[str, ...] = ("till",)) -> None:
        self.clock = ReplayClock()
        self.viewer = FakeViewer()
        self.cost_s = 0.0
        self.examinations = 0
        places = {camera_id: Places() for camera_id in cameras}
        self.tap = Tap(self.viewer, duration_s, places, self.examine, QualitySection(), self.clock)

    def examine(self, frame: Frame, face: TrackedFace) -> Examination:
        self.examinations += 1
        self.clock.advance_to(self.clock.now_s() + self.cost_s)
        return examined()

    def is_over(self) -> bool:
        return self.tap.is_over

    def look(self, at_s: float, camera_id: str = "till") -> None:
        """One round of the vision loop, with a frame."""
        self.clock.advance_to(at_s)
        frame = Frame(picture(160, 120), camera_id, 0, at_s, at_s)
        self.tap.saw(frame, [FACE], [FACE], NoVisits())  # type: ignore[arg-type]
        self.tap.attend()

    def times_drawn(self, rate_hz: float, until_s: float) -> list[float]:
        """Look at frames of a rate; return when a picture was made."""
        times: list[float] = []
        for number in range(int(until_s * rate_hz)):
            before = len(self.viewer.pictures)
            self.look(max(number / rate_hz, self.clock.now_s()))
            if len(self.viewer.pictures) > before:
                times.append(number / rate_hz)
        return times


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.viewer.is_joined = True
    return made


def test_nothing_is_drawn_or_examined_while_nobody_looks(bench: Bench) -> None:
    assert bench.times_drawn(25.0, 4.0) == []
    assert bench.examinations == 0


def test_a_wanted_picture_is_of_the_frame_and_decodes(bench: Bench) -> None:
    bench.viewer.wanted = {"till"}
    bench.look(1.0)
    [(camera_id, jpeg)] = bench.viewer.pictures
    assert camera_id == "till"
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (720, 960, 3)


def test_pictures_come_at_most_at_the_rate(bench: Bench) -> None:
    bench.viewer.wanted = {"till"}
    times = bench.times_drawn(25.0, 4.0)
    assert len(times) == pytest.approx(4.0 * RATE_HZ, abs=1)
    assert min(np.diff(times)) >= 1 / RATE_HZ - 1e-9


def test_on_a_slow_machine_pictures_come_less_often_instead_of_estimates(bench: Bench) -> None:
    bench.viewer.wanted = {"till"}
    bench.cost_s = 0.1
    times = bench.times_drawn(100.0, 10.0)
    assert 1 < len(times) * bench.cost_s <= 10.0 * TIME_RATIO + bench.cost_s


def test_however_slow_a_picture_comes_every_second_or_so(bench: Bench) -> None:
    bench.viewer.wanted = {"till"}
    bench.cost_s = 3.0
    bench.look(0.0)
    bench.look(3.0 + LONGEST_PAUSE_S - 0.01)
    assert len(bench.viewer.pictures) == 1
    bench.look(3.0 + LONGEST_PAUSE_S)
    assert len(bench.viewer.pictures) == 2


def test_cameras_share_the_time_and_each_is_drawn() -> None:
    bench = Bench(cameras=("a", "b"))
    bench.viewer.wanted = {"a", "b"}
    bench.cost_s = 0.05
    for number in range(400):
        bench.look(number / 40, "a")
        bench.look(number / 40 + 0.01, "b")
    drawn = [camera_id for camera_id, _ in bench.viewer.pictures]
    assert len(drawn) * bench.cost_s <= 10.0 * TIME_RATIO + bench.cost_s
    assert min(drawn.count("a"), drawn.count("b")) > 5


def test_its_time_begins_when_the_viewer_joins_and_then_it_is_over_for_good() -> None:
    bench = Bench(duration_s=60.0)
    bench.viewer.wanted = {"till"}
    bench.look(100.0)
    assert not bench.is_over()
    bench.viewer.is_joined = True
    bench.look(101.0)
    bench.look(160.9)
    assert not bench.is_over()
    bench.look(161.0)
    assert bench.is_over()
    assert bench.viewer.closed
    before = len(bench.viewer.pictures)
    bench.look(162.0)
    bench.look(163.0)
    assert len(bench.viewer.pictures) == before


def test_a_viewer_that_joins_again_gets_no_more_time() -> None:
    bench = Bench(duration_s=60.0)
    for at_s, is_joined in ((0.0, True), (30.0, False), (40.0, True)):
        bench.viewer.is_joined = is_joined
        bench.look(at_s)
    bench.look(60.0)
    assert bench.is_over()


def test_a_picture_that_cannot_be_drawn_costs_one_picture(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.viewer.wanted = {"till"}
    with monkeypatch.context() as patch:
        patch.setattr(tapping, "draw", broken)
        bench.look(0.0)
    assert bench.viewer.dropped == 1
    bench.look(1.0)
    assert len(bench.viewer.pictures) == 1


def broken(*_: object) -> None:
    raise cv2.error("no such font")


def test_the_picture_shows_the_last_estimate_and_old_visits_are_forgotten(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sights: list[Sight] = []

    def remembering(pixels: UInt8Array, sight: Sight, limits: QualitySection) -> UInt8Array:
        sights.append(sight)
        return pixels

    monkeypatch.setattr(tapping, "draw", remembering)
    bench.viewer.wanted = {"till"}
    bench.look(0.0)
    bench.tap.estimated([estimate("visit")])
    bench.look(1.0)
    bench.tap.estimated([estimate(f"other-{number}") for number in range(200)])
    bench.look(2.0)
    ages = [each.faces[0].age for each in sights]
    assert ages[0] is None
    assert ages[1] is not None
    assert ages[1].mean_years == pytest.approx(50.0)
    assert ages[2] is None


def test_the_rate_that_is_shown_is_that_of_the_frames(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []

    def remembering(pixels: UInt8Array, sight: Sight, limits: QualitySection) -> UInt8Array:
        rates.append(sight.rate_hz)
        return pixels

    monkeypatch.setattr(tapping, "draw", remembering)
    bench.viewer.wanted = {"till"}
    bench.times_drawn(12.5, 4.0)
    assert rates[0] == 0.0
    assert rates[-1] == pytest.approx(12.5)


def estimate(visit_id: str) -> AgeEstimate:
    flat = AgeDistribution((1 / AGE_CLASSES,) * AGE_CLASSES)
    return AgeEstimate("till", visit_id, 0.0, 0.9, flat)
