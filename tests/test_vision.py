"""The vision process's loop with frames and a pipeline from lists."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from agent import wire
from agent.capture.channel import StreamEnded
from agent.records import Frame, PipeRecord, VisionProgress, VisitEnded, VisitStarted
from agent.vision import VisionLoop
from agent.wire import RecordWriter


class Receiver:
    """Gives out a list; after it nothing comes."""

    def __init__(self, items: Sequence[Frame | StreamEnded | None]) -> None:
        self._items = list(items)

    @property
    def all_ended(self) -> bool:
        return not self._items

    def next(self, timeout_s: float) -> Frame | StreamEnded | None:
        return self._items.pop(0) if self._items else None


class Pipeline:
    """One visit from the first frame; `idle` ends it."""

    def __init__(self) -> None:
        self.frames = 0
        self.open = False

    def process(self, frame: Frame) -> list[PipeRecord]:
        self.frames += 1
        if self.open or frame.camera_id != "a":
            return []
        self.open = True
        return [VisitStarted("a", "visit", frame.at_s)]

    def idle(self, now_s: float) -> list[PipeRecord]:
        if not self.open or now_s < 5.0:
            return []
        self.open = False
        return [VisitEnded("a", "visit", now_s)]

    def finish(self, at_s: float) -> list[PipeRecord]:
        return [VisitEnded("a", "visit", at_s)] if self.open else []

    def progress(self, at_s: float, finished: bool = False) -> VisionProgress:
        return VisionProgress(at_s, frames=self.frames, finished=finished)


def frame(camera_id: str, at_s: float) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), camera_id, 0, at_s, at_s)


def run(items: Sequence[Frame | StreamEnded | None], lossless: bool) -> list[PipeRecord]:
    """Work through the items and return what was written."""
    pipe = io.BytesIO()
    loop = VisionLoop(Receiver(items), Pipeline(), RecordWriter(pipe), lossless)
    going = True
    for _ in items:
        going = loop.step()
    if not going:
        loop.finish()
    return [wire.decode(line) for line in pipe.getvalue().splitlines()]


def test_a_replay_ends_its_visits_before_it_says_that_it_has_finished() -> None:
    records = run([frame("a", 0.0), frame("a", 0.05), StreamEnded("a")], lossless=True)

    assert [record.kind for record in records] == [
        "visit_started",
        "vision_progress",
        "visit_ended",
        "vision_progress",
    ]
    assert records[-1] == VisionProgress(0.05, frames=2, finished=True)


def test_progress_comes_on_a_grid_of_the_videos_time() -> None:
    frames = [frame("a", number / 30) for number in range(31)]

    records = run(frames, lossless=True)

    progress = [record.at_s for record in records if isinstance(record, VisionProgress)]
    assert len(progress) == 11
    assert progress == sorted(progress)


def test_live_a_camera_that_went_away_does_not_keep_its_visit_open() -> None:
    records = run([frame("a", 1.0), frame("b", 4.9), frame("b", 5.1)], lossless=False)

    assert "visit_ended" in [record.kind for record in records]
