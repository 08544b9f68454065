"""Soak 2: visits injected at the detector's Protocol, in video time, to a real broker.

Everything behind the detector is the agent's own: tracker, visits, crops, batches, evidence,
sales, outbox on disk, MQTT. Every fourth visit buys alcohol.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from agent import assemble, ids
from agent.announcer import Announcer
from agent.clock import ReplayClock
from agent.config.load import LoadedConfig, load_config
from agent.config.schema import Config
from agent.estimate.artefact import verified_model
from agent.estimate.batcher import CropBatcher
from agent.estimate.cropper import FaceCropper
from agent.estimate.quality import QualityGate
from agent.observe.metrics import Metrics
from agent.outcomes import SaleMessage, SaleStep
from agent.pipeline import CameraStages, Pipeline
from agent.publish.mqtt import MqttPublisher
from agent.register import Register
from agent.track.confirmation import LookConfirmation
from agent.track.scene import SceneChangeDetector
from agent.track.tracker import ByteTracker
from agent.track.visits import TrackVisits
from tests.brokers import Mosquitto, wait_until
from tests.soak.customers import BelievingGate, ScriptedDetector, SteadyEstimator, frames
from tests.soak.samples import Sample, held_by
from tests.soak.subscriber import CountingConsumer

START_WALL_S = 1_800_000_000.0
SALE_EVERY = 4
#: Faster than the broker takes its messages the soak does not run.
MAX_WAITING = 500
PATIENCE_S = 120.0


@dataclass
class Shop:
    """A register in one process, with a camera that is not there."""

    config: Config
    detector: ScriptedDetector
    pipeline: Pipeline
    register: Register
    clock: ReplayClock
    publisher: MqttPublisher
    consumer: CountingConsumer
    sales: int = 0

    def sell(self, number: int) -> None:
        """Let the till sell alcohol, and close the sale."""
        steps: tuple[SaleStep, ...] = ("opened", "item_scanned", "id_checked", "closed")
        for step in steps:
            is_item = step == "item_scanned"
            message = SaleMessage(
                message_id=f"m{number}-{step}",
                sale_id=f"s{number}",
                step=step,
                occurred_wall_s=self.clock.wall_s(),
                product_id="beer" if is_item else "",
                category="alcohol" if is_item else "",
                restricted=is_item,
            )
            self.register.handle_sale(message)
        self.sales += 1

    def settle(self, most: int) -> None:
        """Wait until the broker has all but so many messages."""
        is_settled = wait_until(lambda: self.publisher.status.waiting <= most, PATIENCE_S)
        assert is_settled, self.publisher.status


@contextmanager
def opened(folder: Path) -> Iterator[Shop]:
    """Start broker, subscriber and publisher, and end them afterwards."""
    with ExitStack() as stack:
        broker = Mosquitto(folder / "broker", extra="max_inflight_messages 200").start()
        stack.callback(broker.stop)
        consumer = CountingConsumer(broker.port)
        stack.callback(consumer.close)
        loaded = _settings(folder, broker.port)
        clock = ReplayClock(START_WALL_S)
        publisher = assemble.mqtt_publisher(loaded, clock, loaded.config.outbox.path)
        publisher.start()
        stack.callback(publisher.stop, 5.0)
        yield _shop(loaded, clock, publisher, consumer)


def _settings(folder: Path, port: int) -> LoadedConfig:
    path = folder / "config.yaml"
    path.write_text(
        f"mqtt: {{port: {port}}}\ntrack: {{absence_s: 1.0}}\n"
        f"outbox: {{path: {folder}/outbox.sqlite3, fsync: normal, resend_window_s: 10}}\n"
    )
    return load_config(path, {})


def _shop(
    loaded: LoadedConfig, clock: ReplayClock, publisher: MqttPublisher, consumer: CountingConsumer
) -> Shop:
    config = loaded.config
    entry = verified_model(config.estimate)
    metrics = Metrics()
    part = assemble.model_part(entry)
    announcer = Announcer(publisher, clock, loaded.digest, part, metrics)
    store = assemble.sale_store(config)
    register = Register(
        config, clock, announcer.outcome, assemble.thresholds(config, entry), ids, store
    )
    detector, gate = ScriptedDetector(), BelievingGate()
    stages = CameraStages(
        detector=detector,
        scene=SceneChangeDetector(),
        tracker=ByteTracker(config.track),
        confirmation=LookConfirmation(gate),
        visits=TrackVisits(config.track, config.cameras[0]),
        cropper=FaceCropper(QualityGate(config.quality), entry.input.crop_px),
    )
    batcher = CropBatcher(config.estimate, SteadyEstimator())
    pipeline = Pipeline({config.cameras[0].id: stages}, gate, batcher)
    return Shop(config, detector, pipeline, register, clock, publisher, consumer)


def soak(folder: Path, visits: int, every_s: float, told: Callable[[Sample], None]) -> list[Sample]:
    """Inject the visits and return what was seen on the way.

    Args:
        folder: For broker, outbox and sales.
        visits: How many.
        every_s: Time between samples.
        told: Called with each sample.

    Raises:
        AssertionError: A visit or a sale was not delivered exactly once.
    """
    samples: list[Sample] = []
    with opened(folder) as shop:
        began_s = sampled_s = time.monotonic()
        sold = done = 0
        for frame, faces, done in frames(visits, shop.config.cameras[0].id):
            shop.detector.faces = faces
            shop.clock.advance_to(frame.at_s)
            for record in shop.pipeline.process(frame):
                shop.register.handle(record)
            shop.register.tick()
            if done >= sold + SALE_EVERY:
                sold = done
                shop.sell(sold)
            if frame.index % 50 == 0:
                shop.settle(MAX_WAITING)
            if time.monotonic() - sampled_s >= every_s:
                sampled_s = time.monotonic()
                samples.append(_sample(shop, sampled_s - began_s, done))
                told(samples[-1])
        _finish(shop, visits)
        samples.append(_sample(shop, time.monotonic() - began_s, done))
        told(samples[-1])
    return samples


def _finish(shop: Shop, visits: int) -> None:
    for record in shop.pipeline.finish(shop.clock.now_s()):
        shop.register.handle(record)
    shop.clock.advance_to(shop.clock.now_s() + 5.0)
    shop.register.finish()
    shop.settle(0)
    wanted = {"age-group": visits, "sale-audit": shop.sales}
    wait_until(lambda: all(shop.consumer.count(k) >= n for k, n in wanted.items()), PATIENCE_S)
    assert {kind: shop.consumer.count(kind) for kind in wanted} == wanted


def _sample(shop: Shop, at_s: float, done: int) -> Sample:
    held = held_by(psutil.Process())
    status = shop.publisher.status
    return Sample(
        at_s=at_s,
        done=done,
        agent_mb=held.memory_mb,
        vision_mb=0.0,
        capture_mb=0.0,
        threads=held.threads,
        open_files=held.open_files,
        memfds=held.memfds,
        named_segments=held.named_segments,
        outbox_rows=status.waiting,
        outbox_kb=status.size_bytes / 1e3,
        events=shop.consumer.events,
    )
