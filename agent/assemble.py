"""The one place that builds: which class stands behind which Protocol.

Imports stand inside the functions because the agent process and the vision process build
different halves, and each must load nothing of the other's (MediaPipe, OpenVINO, paho).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agent import ids
from agent.clock import Clock, SystemClock
from agent.config.load import LoadedConfig
from agent.config.schema import Config
from agent.config.vision import CameraSection, EstimateSection
from agent.estimate import artefact
from agent.estimate.artefact import ModelEntry
from agent.outcomes import Outcome
from agent.records import FaceBox, Frame, UInt8Array

if TYPE_CHECKING:
    from agent.capture.settings import CaptureMode, CaptureSettings
    from agent.debug_view.link import ViewerLink
    from agent.debug_view.settings import TapSettings
    from agent.debug_view.tap import Tap
    from agent.debug_view_keeper import DebugViewKeeper
    from agent.decide.sale_store import SaleStore
    from agent.decide.thresholds import ThresholdTable
    from agent.detect.blazeface import BlazeFace
    from agent.photographs import PhotographFace, PhotographPipeline
    from agent.pipeline import CameraStages, Pipeline
    from agent.publish.discovery import Discovery
    from agent.publish.events import ModelPart
    from agent.publish.mqtt import MqttPublisher
    from agent.publish.outbox_table import Parcel
    from agent.publish.topics import TopicTree
    from agent.register import Register
    from agent.stages import Onlooker
    from agent.supervisor import Supervisor

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


def thresholds(config: Config, entry: ModelEntry) -> ThresholdTable | None:
    """Return the calibration table of the model; None (so: always unsure) without one."""
    from agent.decide.thresholds import load_thresholds

    path = artefact.thresholds_path(config.estimate)
    if not path.exists():
        return None
    return load_thresholds(path, weights_digest(entry))


def weights_digest(entry: ModelEntry) -> str:
    """Return the SHA-256 that names the network: that of its OpenVINO weights."""
    weights = {file.path: file.sha256 for file in entry.artefact("openvino").files}
    return weights["model.bin"]


def verified_model(section: EstimateSection) -> ModelEntry:
    """Return the manifest's entry after checking every file of the configured runtime."""
    return artefact.verified_model(section)


def model_description(entry: ModelEntry) -> str:
    """Return one line about a model for people."""
    return (
        f"{entry.name}, {entry.topology}, {entry.input.crop_px} px, "
        f"{weights_digest(entry)[:12]}, {entry.licence.usage}"
    )


def runtime_description(section: EstimateSection) -> str:
    """Return one line about what runs the network."""
    return f"{section.model} on {section.runtime}, device {section.device}"


def model_part(entry: ModelEntry) -> ModelPart:
    """Return what `state` says of the model."""
    from agent.publish.events import ModelPart

    return ModelPart(name=entry.name, sha256=weights_digest(entry), licence=entry.licence.usage)


def register(
    config: Config,
    clock: Clock,
    say: Callable[[Outcome], None],
    store: SaleStore,
    entry: ModelEntry,
) -> Register:
    """Build what decides.

    Raises:
        ConfigError: The offer table cannot be used.
    """
    from agent.decide.age_group import group_names
    from agent.decide.offer_table import load_offer_table
    from agent.register import Register

    built = Register(config, clock, say, thresholds(config, entry), ids, store)
    if config.offers.table is not None:
        names = group_names(config.age_groups)
        built.use_offers(load_offer_table(config.offers.table, names))
    return built


def supervisor(
    loaded: LoadedConfig,
    clock: Clock,
    mode: CaptureMode,
    start_wall_s: float = 0.0,
    tap_settings: Callable[[], TapSettings | None] | None = None,
) -> Supervisor:
    """Build what starts and watches the processes that see."""
    from agent.supervisor import Supervisor, SupervisorOptions

    options = SupervisorOptions(tap_settings=tap_settings)
    return Supervisor(loaded, clock, mode, start_wall_s, options)


def debug_view(
    loaded: LoadedConfig, clock: Clock, token: str, announce: Callable[[], None]
) -> DebugViewKeeper:
    """Build what keeps the viewer of `run --debug-view`."""
    from agent.debug_view_keeper import DebugViewKeeper, ViewerStart

    config = loaded.config
    camera_ids = tuple(camera.id for camera in config.cameras)
    how = ViewerStart(token, camera_ids, f"{config.store_id} · {config.register_id}")
    return DebugViewKeeper(config.debug_view, how, clock, announce)


def discovery(loaded: LoadedConfig, send: Callable[[Parcel], None]) -> Discovery:
    """Build what announces the register to Home Assistant, or takes that back.

    Args:
        loaded: The settings.
        send: Takes its messages into the outbox.
    """
    from agent import __version__
    from agent.decide.age_group import group_names
    from agent.publish.discovery import Announcement, Discovery
    from agent.publish.home_assistant import components, discovery_topic

    config = loaded.config
    section, tree = config.mqtt.home_assistant, topic_tree(config)
    cameras = [camera.id for camera in config.cameras]
    announcement = Announcement(
        discovery_topic(section.discovery_prefix, tree),
        tree,
        __version__,
        components(tree, cameras, group_names(config.age_groups)),
    )
    record = config.outbox.path.with_name("home-assistant.json")
    return Discovery(announcement if section.enabled else None, record, send)


def capture_settings(loaded: LoadedConfig, camera: CameraSection) -> CaptureSettings:
    """Return what opens a camera, outside the supervisor: for `doctor`."""
    from agent.capture.settings import CaptureSettings

    section = loaded.config.capture
    return CaptureSettings(
        camera_id=camera.id,
        address=loaded.camera_address(camera),
        shown_source=camera.source,
        socket_path="",
        width_px=camera.width_px,
        height_px=camera.height_px,
        rate_hz=camera.rate_hz,
        open_timeout_s=section.open_timeout_s,
        read_timeout_s=section.read_timeout_s,
    )


def sale_store(config: Config) -> SaleStore:
    """Build what keeps the open sales over a restart, beside the outbox."""
    from agent.decide.sale_file import FileSaleStore

    return FileSaleStore(config.outbox.path.with_name("sales.json"))


def topic_tree(config: Config) -> TopicTree:
    """Return the topics of this register."""
    from agent.publish.topics import TopicTree

    return TopicTree(config.mqtt.prefix, config.store_id, config.register_id)


def mqtt_publisher(loaded: LoadedConfig, clock: Clock, outbox_path: Path) -> MqttPublisher:
    """Build the durable publisher.

    Args:
        loaded: The settings.
        clock: Decides on expiry: in a replay the video's.
        outbox_path: The outbox's file.
    """
    from agent.publish.mqtt import MqttPublisher
    from agent.publish.outbox import open_outbox

    config = loaded.config
    outbox = open_outbox(config.outbox, clock, outbox_path)
    return MqttPublisher(config.mqtt, topic_tree(config), outbox, loaded.mqtt_password)
