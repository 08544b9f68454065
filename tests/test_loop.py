"""The agent's loop and its replay, with records from a list and a clock of their own."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agent import ids
from agent.announcer import Announcer
from agent.clock import ReplayClock
from agent.config.schema import Config
from agent.decide.sale_store import MemorySaleStore
from agent.loop import AgentLoop, ReplayLoop, SourceRecord
from agent.observe.metrics import Metrics
from agent.outcomes import AgeGroupSeen, Alert, Outcome, SaleAudit
from agent.publish.events import ModelPart, StatePayload
from agent.publish.publisher import OutboundMessage
from agent.records import (
    AgeDistribution,
    AgeEstimate,
    CameraStatus,
    Hello,
    VisionProgress,
    VisionRestarted,
    VisitStarted,
)
from agent.register import Register
from agent.sales_script import SalesScript, ScriptedStep


class Listed:
    """A source that gives one list and then nothing."""

    def __init__(self, records: Sequence[SourceRecord] = ()) -> None:
        self._records = list(records)

    def start(self) -> None:
        """Nothing to start."""

    def poll(self, timeout_s: float) -> Sequence[SourceRecord]:
        taken, self._records = self._records, []
        return taken

    def stop(self, timeout_s: float) -> None:
        """Nothing to stop."""


class Silent:
    """A publisher that counts what it is given."""

    def __init__(self) -> None:
        self.messages: list[OutboundMessage] = []

    def publish(self, *messages: OutboundMessage) -> None:
        self.messages += messages


class World:
    """A register with its loop; what it decides is in `outcomes`."""

    def __init__(self, source: Listed, start_s: float = 0.0) -> None:
        self.clock = ReplayClock(1_000.0, start_s)
        self.outcomes: list[Outcome] = []
        self.register = Register(
            Config(), self.clock, self.outcomes.append, None, ids, MemorySaleStore()
        )
        self.spoken = Silent()
        metrics = Metrics()
        model = ModelPart(name="age", sha256="0" * 64, licence="research use")
        announcer = Announcer(self.spoken, self.clock, "digest", model, metrics)
        self.loop = AgentLoop(source, self.register, announcer, metrics)

    def said_degraded(self) -> tuple[str, ...]:
        payload = self.spoken.messages[-1].payload
        assert isinstance(payload, StatePayload)
        return payload.degraded

    def of(self, kind: type[Outcome]) -> list[Outcome]:
        return [each for each in self.outcomes if isinstance(each, kind)]


def estimate(at_s: float) -> AgeEstimate:
    years = tuple(1.0 if year == 40 else 0.0 for year in range(101))
    return AgeEstimate("till", "visit", at_s, 1.0, AgeDistribution(years))


def step(at_s: float, kind: str, item: bool = False) -> ScriptedStep:
    content: dict[str, object] = {"at_s": at_s, "sale_id": "s", "type": kind}
    if item:
        content["item"] = {"product_id": "beer", "category": "alcohol", "restricted": True}
    return ScriptedStep.model_validate(content)


SALE = (step(-3.0, "opened"), step(-2.6, "item_scanned", item=True), step(0.4, "closed"))


def test_a_camera_that_changes_is_spoken_of() -> None:
    world = World(Listed([CameraStatus("till", "online", 1_000.0)]))

    world.loop.step([], lambda: 0.0)

    assert len(world.spoken.messages) == 2


def test_a_vision_process_that_died_ends_its_visits() -> None:
    start: SourceRecord = VisitStarted("till", "visit", 0.0)
    records = [start, estimate(0.1), VisionRestarted(0.5)]
    world = World(Listed(records))
    world.clock.advance_to(0.5)

    world.loop.step([], lambda: 0.5)

    assert len(world.of(AgeGroupSeen)) == 1


def test_a_vision_process_that_died_is_a_reason_until_the_next_one_says_hello() -> None:
    world = World(Listed([VisionRestarted(0.5, "model.bin: altered: install again")]))

    world.loop.step([], lambda: 0.5)

    assert world.said_degraded() == ("model.bin: altered: install again",)
    world.loop.handle(Hello("capture", 4711))
    world.loop.handle(VisionProgress(0.6))
    assert world.said_degraded() == ("model.bin: altered: install again",)
    world.loop.handle(Hello("vision", 4712))
    assert world.said_degraded() == ()


def test_the_totals_are_those_of_the_last_progress() -> None:
    world = World(Listed([VisionProgress(0.1, frames=3), VisionProgress(0.2, frames=6)]))

    world.loop.step([], lambda: 0.2)

    assert world.loop.totals.vision.frames == 6


def replaying(world: World, steps: Sequence[ScriptedStep], paces: list[float]) -> ReplayLoop:
    script = SalesScript(steps, 1_000.0)
    return ReplayLoop(world.loop, world.register, world.clock, script, paces.append)


def test_the_script_runs_before_the_first_frame() -> None:
    world = World(Listed(), start_s=-3.0)
    paces: list[float] = []

    replaying(world, SALE, paces).lead_in()

    (alert,) = world.of(Alert)
    assert isinstance(alert, Alert)
    assert alert.reason == "no_evidence"
    assert alert.occurred_wall_s == pytest.approx(1_000.0 - 0.6, abs=0.15)
    assert paces == sorted(paces)
    assert world.clock.now_s() == 0.0


def test_the_script_runs_on_after_the_last_frame() -> None:
    world = World(Listed(), start_s=-3.0)
    loop = replaying(world, SALE, [])
    loop.lead_in()
    assert not loop.handle(VisionProgress(0.1, finished=True))

    loop.finish()

    assert len(world.of(SaleAudit)) == 1


def test_a_script_without_frames_comes_to_an_end() -> None:
    world = World(Listed())
    loop = replaying(world, (step(0.0, "opened"), step(0.0, "closed")), [])

    loop.finish()

    assert world.clock.now_s() > 0.0


def test_the_clock_of_a_replay_moves_with_what_was_seen_only() -> None:
    world = World(Listed())
    loop = replaying(world, (), [])

    assert loop.handle(CameraStatus("till", "online", 5.0))
    assert world.clock.now_s() == 0.0
    assert world.spoken.messages == []
    assert loop.handle(estimate(1.5))
    assert world.clock.now_s() == 1.5
