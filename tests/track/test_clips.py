"""Real clips through the real detector, gate, tracker and visits, against hand-made labels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from agent.config.schema import Config
from agent.config.vision import CameraSection
from agent.detect.blazeface import BlazeFace
from agent.detect.face_detector import CloseUpDetector, FaceDetector
from agent.detect.second_look import SecondLook
from agent.pipeline import CameraStages, Pipeline
from agent.records import (
    AgeEstimate,
    FaceCrop,
    Frame,
    PipeRecord,
    TrackedFace,
    VisitEnded,
    VisitStarted,
)
from agent.track.confirmation import LookConfirmation
from agent.track.scene import SceneChangeDetector
from agent.track.tracker import ByteTracker
from agent.track.visits import TrackVisits

TOLERANCE_S = 1.0


class Span(NamedTuple):
    """When a visit was."""

    begin_s: float
    end_s: float


class NoCrops:
    """Cropper and batcher of a pipeline that estimates nothing."""

    crops_dropped = 0
    batch_sizes: tuple[int, ...] = ()

    def crop(self, frame: Frame, face: TrackedFace, visit_id: str) -> FaceCrop | str:
        return "none wanted"

    def add(self, crop: FaceCrop) -> None:
        raise AssertionError(crop)

    def wants(self, visit_id: str, at_s: float) -> bool:
        return False

    def collect(self, now_s: float, flush: bool = False) -> list[AgeEstimate]:
        return []


@pytest.fixture(scope="module")
def networks() -> Iterator[tuple[BlazeFace, BlazeFace]]:
    section = Config().detect
    weakest = min(section.min_score_ratio, section.gate_min_score_ratio)
    full, short = (
        BlazeFace("full_range", section.min_score_ratio),
        BlazeFace("short_range", weakest),
    )
    yield full, short
    full.close()
    short.close()


def pipeline(networks: tuple[BlazeFace, BlazeFace], camera: CameraSection) -> Pipeline:
    full, short = networks
    config, nothing = Config(), NoCrops()
    stages = CameraStages(
        detector=FaceDetector(config.detect, camera, full, CloseUpDetector(short)),
        scene=SceneChangeDetector(),
        tracker=ByteTracker(config.track),
        confirmation=LookConfirmation(SecondLook(short, config.detect.gate_min_score_ratio)),
        visits=TrackVisits(config.track, camera),
        cropper=nothing,
    )
    return Pipeline({camera.id: stages}, SecondLook(short), nothing)


def frames(clip: Path, every: int) -> Iterator[Frame]:
    video = cv2.VideoCapture(str(clip))
    rate_hz, index = video.get(cv2.CAP_PROP_FPS), 0
    while True:
        read, picture = video.read()
        if not read:
            return
        if index % every == 0:
            pixels = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
            yield Frame(pixels, "till", index, index / rate_hz, 0.0)
        index += 1


def visits(
    networks: tuple[BlazeFace, BlazeFace], clip: Path, every: int = 1,
    camera: CameraSection | None = None,
) -> list[Span]:  # fmt: skip
    eyes = pipeline(networks, camera or CameraSection())
    records: list[PipeRecord] = []
    at_s = 0.0
    for frame in frames(clip, every):
        records += eyes.process(frame)
        at_s = frame.at_s
    records += eyes.finish(at_s)
    begun = {each.visit_id: each.at_s for each in records if isinstance(each, VisitStarted)}
    ended = {each.visit_id: each.at_s for each in records if isinstance(each, VisitEnded)}
    assert begun.keys() == ended.keys()
    return sorted(Span(begun[visit], ended[visit]) for visit in begun)


def labels(repository: Path, clip: str) -> list[Span]:
    truth = json.loads((repository / "tests/fixtures/visit_labels.json").read_text())
    return [Span(each["begin_s"], each["end_s"]) for each in truth[clip]["visits"]]


def agree(one: Span, other: Span) -> bool:
    return (
        abs(one.begin_s - other.begin_s) <= TOLERANCE_S
        and abs(one.end_s - other.end_s) <= TOLERANCE_S
    )


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 3, 5])
@pytest.mark.parametrize("clip", ["talking_head.mp4", "hamilton_short.mp4"])
def test_visits_agree_with_what_a_viewer_sees(
    networks: tuple[BlazeFace, BlazeFace], shared_dir: Path, repository: Path,
    clip: str, every: int,
) -> None:  # fmt: skip
    truth = labels(repository, clip)
    found = visits(networks, shared_dir / "videos" / clip, every)
    assert abs(len(found) - len(truth)) <= 1, found
    left = list(found)
    for label in truth:
        match = next((span for span in left if agree(span, label)), None)
        assert match is not None, (label, found)
        left.remove(match)


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 2])
def test_people_from_behind_are_no_visits(
    networks: tuple[BlazeFace, BlazeFace], shared_dir: Path, every: int
) -> None:
    assert visits(networks, shared_dir / "videos/intel_one-by-one.mp4", every) == []


def test_a_man_who_gestures_is_one_visit(
    networks: tuple[BlazeFace, BlazeFace], shared_dir: Path
) -> None:
    (span,) = visits(networks, shared_dir / "videos/intel_asl_student.mkv")
    assert agree(span, Span(0.0, 1.7))


@pytest.mark.parametrize("every", [1, 3, 6])
def test_the_man_in_the_car_is_one_visit_at_any_frame_rate(
    networks: tuple[BlazeFace, BlazeFace], carphone_clip: Path, every: int
) -> None:
    (span,) = visits(networks, carphone_clip, every)
    assert agree(span, Span(0.0, 3.97))


def test_outside_the_customer_zone_or_in_an_ignore_zone_he_is_none(
    networks: tuple[BlazeFace, BlazeFace], carphone_clip: Path
) -> None:
    edge = ((0.0, 0.0), (0.1, 0.0), (0.1, 1.0), (0.0, 1.0))
    everything = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    assert visits(networks, carphone_clip, 3, CameraSection(customer_zone=edge)) == []
    assert visits(networks, carphone_clip, 3, CameraSection(ignore_zones=(everything,))) == []
