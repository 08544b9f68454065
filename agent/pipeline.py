"""The left half of the flow: frames in, records out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent.latencies import Stopwatch, VisionStage
from agent.records import (
    AgeEstimate,
    Frame,
    PipeRecord,
    TrackedFace,
    VisionProgress,
    VisitEnded,
    VisitStarted,
)
from agent.stages import (
    Batcher,
    Confirmation,
    Cropper,
    Detector,
    FaceGate,
    Onlooker,
    SceneChange,
    Tracker,
    VisitLog,
)

#: Why a crop was not cut, when the second look did not find the face again.
NOT_FOUND_AGAIN = "second_look"


@dataclass(frozen=True, slots=True)
class CameraStages:
    """The stages that belong to one camera."""

    detector: Detector
    scene: SceneChange
    tracker: Tracker
    confirmation: Confirmation
    visits: VisitLog
    cropper: Cropper


@dataclass(slots=True)
class _Totals:
    """What has been counted so far."""

    frames: int = 0
    faces: int = 0
    visits: int = 0
    estimates: int = 0


class Pipeline:
    """Works through the frames of all cameras in the order in which they come.

    All time is the frames' own, so a replay gives the same records whenever it runs.

    Args:
        cameras: The stages of each camera, by camera id.
        second_look: Refines the keypoints of a face that is about to be cropped, as the
            training crops were.
        batcher: One for all cameras, so that batches form over them.
        onlooker: The debug view, when it is on; changes nothing.
        stopwatch: Measures the stages; the only thing here that runs on real time.
    """

    def __init__(
        self,
        cameras: Mapping[str, CameraStages],
        second_look: FaceGate,
        batcher: Batcher,
        onlooker: Onlooker | None = None,
        stopwatch: Stopwatch[VisionStage] | None = None,
    ) -> None:
        self._cameras = cameras
        self._second_look = second_look
        self._batcher = batcher
        self._onlooker = onlooker
        self._stopwatch = stopwatch or Stopwatch[VisionStage]()
        self._totals = _Totals()
        self._rejected: Counter[str] = Counter()

    def process(self, frame: Frame) -> list[PipeRecord]:
        """Take one frame through detect, track, visits, crop and estimate.

        Returns:
            Visits that began, estimates that are ready, visits that ended, in that order.
        """
        stages = self._cameras[frame.camera_id]
        with self._stopwatch.measure("detect"):
            cut_off = self._leave_scene(stages, frame)
            boxes = stages.detector.detect(frame)
        with self._stopwatch.measure("track"):
            tracks = stages.tracker.update(boxes, frame.at_s)
            people = stages.confirmation.confirmed(frame, tracks)
            visits = [*cut_off, *stages.visits.update(frame, people)]
        self._crop(stages, frame, people)
        estimates = self._estimates(visits, frame.at_s)
        self._count(boxes, visits)
        if self._onlooker is not None:
            self._onlooker.saw(frame, tracks, people, stages.visits)
        return _in_order(visits, estimates)

    def idle(self, now_s: float) -> list[PipeRecord]:
        """Meet the deadlines while no frame comes (live only).

        Args:
            now_s: On the clock of `Frame.at_s`.
        """
        ended = [end for stages in self._cameras.values() for end in stages.visits.expire(now_s)]
        return _in_order(ended, self._estimates(ended, now_s))

    def finish(self, at_s: float) -> list[PipeRecord]:
        """End what is open: the replay is over. Estimates come before their visit's end."""
        ended = [end for stages in self._cameras.values() for end in stages.visits.close(at_s)]
        return _in_order(ended, self._estimates(ended, at_s, flush=True))

    def progress(self, at_s: float, finished: bool = False) -> VisionProgress:
        """Return the totals; every record up to `at_s` must have been sent."""
        return VisionProgress(
            at_s=at_s,
            frames=self._totals.frames,
            faces=self._totals.faces,
            visits=self._totals.visits,
            estimates=self._totals.estimates,
            crops_dropped=self._batcher.crops_dropped,
            batch_sizes=self._batcher.batch_sizes,
            rejected=dict(self._rejected),
            latencies=self._stopwatch.totals(),
            finished=finished,
        )

    def _leave_scene(self, stages: CameraStages, frame: Frame) -> list[VisitEnded]:
        """End the visits when the picture has become another one: nobody can be followed."""
        if not stages.scene.happened(frame):
            return []
        stages.tracker.reset()
        return stages.visits.close(frame.at_s)

    def _crop(self, stages: CameraStages, frame: Frame, people: Sequence[TrackedFace]) -> None:
        for face in people:
            visit_id = stages.visits.visit_of(face.track_id)
            if visit_id is not None and self._batcher.wants(visit_id, frame.at_s):
                with self._stopwatch.measure("crop"):
                    self._crop_one(stages, frame, face, visit_id)

    def _crop_one(
        self, stages: CameraStages, frame: Frame, face: TrackedFace, visit_id: str
    ) -> None:
        box = self._second_look.look(frame.pixels, face.box)
        if box is None:
            self._rejected[NOT_FOUND_AGAIN] += 1
            return
        crop = stages.cropper.crop(frame, replace(face, box=box), visit_id)
        if isinstance(crop, str):
            self._rejected[crop] += 1
        else:
            self._batcher.add(crop)

    def _estimates(
        self, visits: Sequence[VisitStarted | VisitEnded], now_s: float, flush: bool = False
    ) -> list[AgeEstimate]:
        """Return what is due; all of it when a visit ends, so that nothing comes after."""
        ends = any(isinstance(visit, VisitEnded) for visit in visits)
        began_s = self._stopwatch.now_s()
        estimates = self._batcher.collect(now_s, flush=flush or ends)
        if estimates:  # most rounds only look whether a batch is due
            self._stopwatch.count("estimate", self._stopwatch.now_s() - began_s)
        self._totals.estimates += len(estimates)
        if self._onlooker is not None:
            self._onlooker.estimated(estimates)
        return estimates

    def _count(self, boxes: Sequence[object], visits: Sequence[VisitStarted | VisitEnded]) -> None:
        self._totals.frames += 1
        self._totals.faces += len(boxes)
        self._totals.visits += sum(isinstance(visit, VisitStarted) for visit in visits)


def _in_order(
    visits: Sequence[VisitStarted | VisitEnded], estimates: Sequence[AgeEstimate]
) -> list[PipeRecord]:
    started = [visit for visit in visits if isinstance(visit, VisitStarted)]
    ended = [visit for visit in visits if isinstance(visit, VisitEnded)]
    return [*started, *estimates, *ended]
