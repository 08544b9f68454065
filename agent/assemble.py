"""Builds the agent process: which class stands behind which Protocol.

With `assemble_vision.py`, for the process that sees, the only place that builds. Imports stand
inside the functions so that a process loads nothing of the other's (MediaPipe, OpenVINO, paho).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent import ids
from agent.clock import Clock
from agent.config.load import LoadedConfig
from agent.config.schema import Config
from agent.config.vision import CameraSection, EstimateSection
from agent.estimate import artefact
from agent.estimate.artefact import ModelEntry
from agent.outcomes import Outcome

if TYPE_CHECKING:
    from agent.capture.settings import CaptureMode, CaptureSettings
    from agent.debug_view.settings import TapSettings
    from agent.decide.sale_store import SaleStore
    from agent.decide.thresholds import ThresholdTable
    from agent.processes.debug_view_keeper import DebugViewKeeper
    from agent.processes.supervisor import Supervisor
    from agent.publish.discovery import Discovery
    from agent.publish.events import ModelPart
    from agent.publish.mqtt import MqttPublisher
    from agent.publish.outbox_table import Parcel
    from agent.publish.topics import TopicTree
    from agent.register import Register


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
    from agent.processes.options import SupervisorOptions
    from agent.processes.supervisor import Supervisor

    options = SupervisorOptions(tap_settings=tap_settings)
    return Supervisor(loaded, clock, mode, start_wall_s, options)


def debug_view(
    loaded: LoadedConfig, clock: Clock, token: str, announce: Callable[[], None]
) -> DebugViewKeeper:
    """Build what keeps the viewer of `run --debug-view`."""
    from agent.processes.debug_view_keeper import DebugViewKeeper, ViewerStart

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
