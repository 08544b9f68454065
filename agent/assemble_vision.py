"""Builds what the vision process runs, and the pipeline for still photographs.

Apart from `assemble.py`, which builds the agent process's half: neither loads what only the
other needs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from agent.assemble import thresholds, verified_model
from agent.clock import SystemClock
from agent.config.schema import Config
from agent.config.vision import CameraSection, EstimateSection
from agent.records import FaceBox, Frame, UInt8Array

if TYPE_CHECKING:
    from agent.debug_view.link import ViewerLink
    from agent.debug_view.tap import Tap
    from agent.detect.blazeface import BlazeFace
    from agent.photographs import PhotographFace, PhotographPipeline
    from agent.pipeline import CameraStages, Pipeline
    from agent.stages import Onlooker

#: Of the second look at a face that is about to be cropped; training's was the same.
SECOND_LOOK_SCORE_RATIO = 0.5


def pipeline(config: Config, onlooker: Onlooker | None = None) -> Pipeline:
    """Build what the vision process runs: detect, track, estimate.

    Args:
        config: The settings.
        onlooker: The debug view, when it is on.

    Raises:
        ModelError: A model file is missing or altered.
    """
    from agent.detect.blazeface import BlazeFace
    from agent.detect.face_detector import CloseUpDetector, FaceDetector
    from agent.detect.second_look import SecondLook
    from agent.estimate.batcher import CropBatcher
    from agent.estimate.cropper import FaceCropper
    from agent.estimate.quality import QualityGate
    from agent.estimate.runtime import load_estimator
    from agent.pipeline import CameraStages, Pipeline
    from agent.track.confirmation import LookConfirmation
    from agent.track.scene import SceneChangeDetector
    from agent.track.tracker import ByteTracker
    from agent.track.visits import TrackVisits

    estimator, entry = load_estimator(config.estimate)
    full_range = BlazeFace("full_range", config.detect.min_score_ratio)
    short_range = _short_range(config)
    second_look = SecondLook(short_range)
    strict_look = SecondLook(short_range, config.detect.gate_min_score_ratio)
    close_up = CloseUpDetector(short_range)
    gate = QualityGate(config.quality)

    def stages(camera: CameraSection) -> CameraStages:
        return CameraStages(
            detector=FaceDetector(config.detect, camera, full_range, close_up),
            scene=SceneChangeDetector(),
            tracker=ByteTracker(config.track),
            confirmation=LookConfirmation(strict_look),
            visits=TrackVisits(config.track, camera),
            cropper=FaceCropper(gate, entry.input.crop_px),
        )

    cameras = {camera.id: stages(camera) for camera in config.cameras}
    return Pipeline(cameras, second_look, CropBatcher(config.estimate, estimator), onlooker)


def tap(config: Config, viewer: ViewerLink, duration_s: float) -> Tap:
    """Build the debug view's eye, with networks of its own so that it changes nothing."""
    from agent.debug_view.examiner import FaceExaminer
    from agent.debug_view.sights import places_of
    from agent.debug_view.tap import Tap
    from agent.detect.second_look import SecondLook
    from agent.estimate.cropper import FaceCropper
    from agent.estimate.quality import QualityGate

    crop_px = verified_model(config.estimate).input.crop_px
    cropper = FaceCropper(QualityGate(config.quality), crop_px)
    examiner = FaceExaminer(SecondLook(_short_range(config)), cropper)
    places = {camera.id: places_of(camera) for camera in config.cameras}
    return Tap(viewer, duration_s, places, examiner.examine, config.quality, SystemClock())


def photograph_pipeline(
    config: Config,
) -> tuple[PhotographPipeline, Callable[[PhotographFace], dict[str, str]]]:
    """Build the pipeline for still photographs and the policy that judges one face.

    Raises:
        ModelError: A model file is missing or altered.
    """
    from agent.decide.challenge import make_rules
    from agent.detect.blazeface import BlazeFace
    from agent.detect.face_detector import CloseUpDetector, FaceDetector
    from agent.detect.second_look import SecondLook
    from agent.estimate.align import align_face
    from agent.estimate.cropper import FaceCropper
    from agent.estimate.quality import QualityGate
    from agent.estimate.runtime import load_estimator
    from agent.photographs import PhotographPipeline, judge_photograph

    estimator, entry = load_estimator(config.estimate)
    short_range = _short_range(config)
    full_range = BlazeFace("full_range", config.detect.min_score_ratio)
    camera = config.cameras[0].model_copy(
        update={"region_of_interest": None, "customer_zone": None, "ignore_zones": ()}
    )
    crop_px = entry.input.crop_px

    def cut(frame: Frame, box: FaceBox) -> UInt8Array:
        return align_face(frame.pixels, box.keypoints, crop_px)

    built = PhotographPipeline(
        FaceDetector(config.detect, camera, full_range, CloseUpDetector(short_range)),
        SecondLook(short_range),
        FaceCropper(QualityGate(config.quality), crop_px),
        cut,
        estimator,
    )
    rules = make_rules(config.challenge, thresholds(config, entry))
    return built, partial(judge_photograph, rules=rules, section=config.challenge)


def _short_range(config: Config) -> BlazeFace:
    """Load the network of the second look.

    Once a track is confirmed its crops need keypoints, not proof: at the gate's own score
    10 % of labelled faces would be lost, at 0.5 one in 400 (2026-11-24).
    """
    from agent.detect.blazeface import BlazeFace

    return BlazeFace(
        "short_range", min(SECOND_LOOK_SCORE_RATIO, config.detect.gate_min_score_ratio)
    )


def runtime_description(section: EstimateSection) -> str:
    """Return one line about what runs the network."""
    return f"{section.model} on {section.runtime}, device {section.device}"
