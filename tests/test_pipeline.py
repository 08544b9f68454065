from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from agent.config.vision import CameraSection, TrackSection
from agent.pipeline import NOT_FOUND_AGAIN, CameraStages, Pipeline
from agent.records import (
    AGE_CLASSES,
    AgeDistribution,
    AgeEstimate,
    FaceBox,
    FaceCrop,
    FaceKeypoints,
    Frame,
    PipeRecord,
    Point,
    TrackedFace,
    UInt8Array,
    VisitEnded,
    VisitStarted,
)
from agent.stages import Onlooker, VisitLog
from agent.track.visits import TrackVisits

PIXELS = np.zeros((480, 640, 3), np.uint8)
FLAT = AgeDistribution((1 / AGE_CLASSES,) * AGE_CLASSES)


def face(left: float, score: float = 0.8) -> FaceBox:
    return FaceBox(left, 100, 60, 60, score, FaceKeypoints(*[Point(left + 30, 130)] * 6))


class FakeDetector:
    """Finds what the test has put before the camera."""

    def __init__(self) -> None:
        self.boxes: list[FaceBox] = []

    def detect(self, frame: Frame) -> list[FaceBox]:
        return self.boxes


class FakeTracker:
    """A track for each place."""

    def __init__(self) -> None:
        self.resets = 0

    def update(self, boxes: Sequence[FaceBox], at_s: float) -> list[TrackedFace]:
        return [TrackedFace(int(box.left_px) + 10_000 * self.resets, box) for box in boxes]

    def reset(self) -> None:
        self.resets += 1


class FakeScene:
    """Changes when it is told to."""

    def __init__(self) -> None:
        self.changed = False

    def happened(self, frame: Frame) -> bool:
        changed, self.changed = self.changed, False
        return changed


class FakeConfirmation:
    """Refuses the tracks it is told to."""

    def __init__(self) -> None:
        self.refused: set[int] = set()

    def confirmed(self, frame: Frame, faces: Sequence[TrackedFace]) -> list[TrackedFace]:
        return [each for each in faces if each.track_id not in self.refused]


class FakeSecondLook:
    """Marks what it has looked at with a score of 1."""

    def __init__(self) -> None:
        self.asked = 0
        self.finds = True

    def look(self, pixels: UInt8Array, box: FaceBox) -> FaceBox | None:
        self.asked += 1
        return face(box.left_px, score=1.0) if self.finds else None


class FakeCropper:
    """Cuts nothing, refuses for the reason it is told."""

    def __init__(self) -> None:
        self.reason = ""
        self.boxes: list[FaceBox] = []

    def crop(self, frame: Frame, face: TrackedFace, visit_id: str) -> FaceCrop | str:
        self.boxes.append(face.box)
        pixels = np.zeros((8, 8, 3), np.uint8)
        return self.reason or FaceCrop(pixels, frame.camera_id, visit_id, frame.at_s, 1.0, 20.0)


class FakeBatcher:
    """Runs a batch at its third crop, after its deadline, or when it is flushed."""

    crops_dropped = 3
    batch_sizes = (0, 2, 5)

    def __init__(self, max_wait_s: float = 100.0) -> None:
        self.max_wait_s = max_wait_s
        self.waiting: list[FaceCrop] = []
        self.wanted = True

    def add(self, crop: FaceCrop) -> None:
        self.waiting.append(crop)

    def wants(self, visit_id: str, at_s: float) -> bool:
        return self.wanted

    def collect(self, now_s: float, flush: bool = False) -> list[AgeEstimate]:
        late = bool(self.waiting) and now_s - self.waiting[0].at_s >= self.max_wait_s
        if not (flush or late or len(self.waiting) >= 3):
            return []
        batch, self.waiting = self.waiting, []
        return [
            AgeEstimate(crop.camera_id, crop.visit_id, crop.at_s, crop.quality_ratio, FLAT)
            for crop in batch
        ]


class Bench:
    """A pipeline of fakes round the real visit log, with two cameras."""

    def __init__(self, max_wait_s: float = 100.0, onlooker: Onlooker | None = None) -> None:
        self.detector, self.scene, self.tracker = FakeDetector(), FakeScene(), FakeTracker()
        self.confirmation, self.cropper = FakeConfirmation(), FakeCropper()
        self.batcher, self.second_look = FakeBatcher(max_wait_s), FakeSecondLook()
        cameras = {name: self._stages(name) for name in ("till", "side")}
        self.pipeline = Pipeline(cameras, self.second_look, self.batcher, onlooker)

    def _stages(self, camera_id: str) -> CameraStages:
        section = TrackSection(visit_min_s=0.0, absence_s=2.0)
        visits: VisitLog = TrackVisits(section, CameraSection(id=camera_id))
        return CameraStages(
            self.detector, self.scene, self.tracker, self.confirmation, visits, self.cropper
        )

    def show(self, at_s: float, *boxes: FaceBox, camera: str = "till") -> list[PipeRecord]:
        self.detector.boxes = list(boxes)
        return self.pipeline.process(Frame(PIXELS, camera, 0, at_s, 0.0))


def kinds(records: Sequence[PipeRecord]) -> list[str]:
    return [record.kind for record in records]


def test_a_visit_begins_is_estimated_and_ends_in_this_order() -> None:
    bench = Bench()
    assert kinds(bench.show(0.0, face(100))) == ["visit_started"]
    assert kinds(bench.show(0.1, face(100))) == []
    assert kinds(bench.show(0.2, face(100))) == ["age_estimate"] * 3
    assert kinds(bench.show(0.3, face(100))) == []
    assert kinds(bench.show(3.0)) == ["age_estimate", "visit_ended"]


def test_a_camera_that_begins_and_ends_visits_at_once_tells_beginnings_first() -> None:
    bench = Bench()
    bench.show(0.0, face(100))
    records = bench.show(3.0, face(500))
    assert kinds(records) == ["visit_started", "age_estimate", "age_estimate", "visit_ended"]


def test_the_crop_is_cut_by_the_keypoints_of_the_second_look() -> None:
    bench = Bench()
    bench.show(0.0, face(100))
    assert [box.score_ratio for box in bench.cropper.boxes] == [1.0]


def test_nothing_is_looked_at_twice_when_no_estimate_is_wanted() -> None:
    bench = Bench()
    bench.batcher.wanted = False
    bench.show(0.0, face(100))
    assert bench.second_look.asked == 0
    assert bench.batcher.waiting == []


def test_who_is_not_confirmed_has_neither_visit_nor_crop() -> None:
    bench = Bench()
    bench.confirmation.refused = {100}
    assert kinds(bench.show(0.0, face(100), face(400))) == ["visit_started"]
    assert len(bench.batcher.waiting) == 1


def test_crops_that_are_not_good_enough_are_counted_by_reason() -> None:
    bench = Bench()
    bench.cropper.reason = "blur"
    bench.show(0.0, face(100))
    bench.second_look.finds = False
    bench.show(0.1, face(100))
    bench.show(0.2, face(100))
    assert bench.pipeline.progress(0.2).rejected == {"blur": 1, NOT_FOUND_AGAIN: 2}
    assert bench.batcher.waiting == []


def test_batches_form_over_cameras() -> None:
    bench = Bench()
    bench.show(0.0, face(100), camera="till")
    bench.show(0.0, face(100), camera="side")
    estimates = [r for r in bench.show(0.1, face(100)) if isinstance(r, AgeEstimate)]
    assert [each.camera_id for each in estimates] == ["till", "side", "till"]
    assert len({each.visit_id for each in estimates}) == 2


def test_while_no_frame_comes_deadlines_are_met_and_visits_end() -> None:
    bench = Bench(max_wait_s=0.04)
    bench.show(0.0, face(100))
    assert kinds(bench.pipeline.idle(0.02)) == []
    assert kinds(bench.pipeline.idle(0.05)) == ["age_estimate"]
    assert kinds(bench.pipeline.idle(2.5)) == ["visit_ended"]


def test_an_idle_end_of_a_visit_waits_for_its_estimates() -> None:
    bench = Bench()
    bench.show(0.0, face(100))
    assert kinds(bench.pipeline.idle(2.5)) == ["age_estimate", "visit_ended"]


def test_the_end_of_a_replay_leaves_nothing_open() -> None:
    bench = Bench()
    bench.show(0.0, face(100), camera="till")
    bench.show(0.2, face(100), camera="side")
    records = bench.pipeline.finish(0.2)
    assert kinds(records) == ["age_estimate", "age_estimate", "visit_ended", "visit_ended"]
    assert [r.at_s for r in records if isinstance(r, VisitEnded)] == [0.0, 0.2]
    assert bench.pipeline.finish(0.2) == []


def test_another_scene_ends_all_visits_of_its_camera_and_begins_new_ones() -> None:
    bench = Bench()
    (first,) = bench.show(0.0, face(100))
    bench.scene.changed = True
    records = bench.show(0.1, face(100))
    assert kinds(records) == ["visit_started", "age_estimate", "age_estimate", "visit_ended"]
    assert isinstance(first, VisitStarted)
    assert isinstance(records[0], VisitStarted)
    assert records[0].visit_id != first.visit_id
    assert bench.tracker.resets == 1


def test_the_totals_count_everything() -> None:
    bench = Bench()
    bench.show(0.0, face(100), face(300))
    bench.show(0.1, face(100))
    progress = bench.pipeline.progress(0.1, finished=True)
    assert (progress.frames, progress.faces, progress.visits, progress.estimates) == (2, 3, 2, 3)
    assert (progress.crops_dropped, progress.batch_sizes) == (3, (0, 2, 5))
    assert progress.finished
    assert progress.at_s == 0.1


@pytest.mark.parametrize("gap_s", [0.5, 5.0])
def test_no_estimate_comes_after_its_visit_has_ended(gap_s: float) -> None:
    bench = Bench(max_wait_s=1.0)
    ended: set[str] = set()
    for index in range(30):
        boxes = [face(100)] if index % 7 < 3 else [face(450)] if index % 7 < 5 else []
        for record in bench.show(index * gap_s, *boxes):
            if isinstance(record, VisitEnded):
                ended.add(record.visit_id)
            elif isinstance(record, AgeEstimate):
                assert record.visit_id not in ended
    assert ended


class Remembering:
    """An onlooker that writes down what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[float, list[int], list[int], list[str | None]]] = []
        self.estimates = 0

    def saw(
        self,
        frame: Frame,
        tracks: Sequence[TrackedFace],
        people: Sequence[TrackedFace],
        visits: VisitLog,
    ) -> None:
        ids = [face.track_id for face in tracks]
        named = [visits.visit_of(track_id) for track_id in ids]
        self.shown.append((frame.at_s, ids, [face.track_id for face in people], named))

    def estimated(self, estimates: Sequence[AgeEstimate]) -> None:
        self.estimates += len(estimates)


def test_an_onlooker_sees_every_face_and_changes_nothing() -> None:
    onlooker = Remembering()
    looked_at, alone = Bench(onlooker=onlooker), Bench()
    told: list[list[str]] = []
    for bench in (looked_at, alone):
        bench.confirmation.refused = {500}
        records = [bench.show(number / 10, face(100), face(500)) for number in range(4)]
        told.append([kind for each in records for kind in kinds(each)])
    assert told[0] == told[1]
    assert looked_at.second_look.asked == alone.second_look.asked

    at_s, tracks, people, visits = onlooker.shown[-1]
    assert at_s == 0.3
    assert (tracks, people) == ([100, 500], [100])
    assert visits[0] is not None
    assert visits[1] is None
    assert onlooker.estimates == told[0].count("age_estimate") == 3


def test_each_stage_is_measured_each_time_it_runs() -> None:
    bench = Bench()
    for number in range(3):
        bench.show(number / 10, face(100), face(300))

    latencies = bench.pipeline.progress(0.2).latencies

    passes = {stage: sum(each.counts) for stage, each in latencies.items()}
    # Two faces a frame: a batch is due at the second one; rounds without a batch do not count.
    assert passes == {"detect": 3, "track": 3, "crop": 6, "estimate": 1}
