"""Lines of the processes that see, through the agent's loop to what is decided and said.

Before the register stands the lane, which knows what each process may say. `t9` lets time pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from agent import ids, wire
from agent.announcer import Announcer
from agent.clock import ReplayClock
from agent.config.schema import Config
from agent.decide.sale_store import MemorySaleStore
from agent.loop import AgentLoop
from agent.observe.metrics import Metrics
from agent.processes.child_process import ChildProcess, LineBuffer
from agent.processes.child_records import Lane, is_from_capture, is_from_vision
from agent.publish.events import ModelPart
from agent.publish.publisher import OutboundMessage
from agent.records import (
    AGE_CLASSES,
    AgeDistribution,
    AgeEstimate,
    CaptureEnded,
    CaptureProgress,
    Hello,
    PipeRecord,
    VisionProgress,
    VisitEnded,
    VisitStarted,
)
from agent.register import Register
from tests.fuzz.targets.target import Entry, Target

CAMERA = "till"
_AGES = AgeDistribution((1.0,) + (0.0,) * (AGE_CLASSES - 1))
RECORDS: tuple[PipeRecord, ...] = (
    Hello("vision", 7, "x"),
    VisitStarted(CAMERA, "v", 1.0),
    AgeEstimate(CAMERA, "v", 1.0, 0.5, _AGES),
    VisitEnded(CAMERA, "v", 2.0),
    VisionProgress(1.0, 2, 3, 4, 5, 6, (0, 1), {"blurred": 2}),
    CaptureProgress(CAMERA, 1.0, 5, 0, 9),
    CaptureEnded(CAMERA, 1.0, "gone", "short"),
)


class Noise:
    """A child that says what it is given, on both of its pipes."""

    def __init__(self) -> None:
        self._records, self._noise = LineBuffer(wire.MAX_RECORD_BYTES), LineBuffer(1000)
        self.last_words: list[str] = []
        self._said = b""

    def say(self, content: bytes) -> None:
        """Let it say that next."""
        self._said = content + b"\n"

    @property
    def lines_too_long(self) -> int:
        """As the real one."""
        return self._records.too_long

    def read(self, *, to_end: bool = False) -> tuple[list[bytes], list[str]]:
        """As the real one."""
        noise = [line.decode(errors="replace") for line in self._noise.feed(self._said)]
        self.last_words = [*self.last_words, *noise][-20:]
        return self._records.feed(self._said), noise


class Hearer:
    """A publisher that only makes the bytes."""

    def publish(self, *messages: OutboundMessage) -> None:
        """Make them."""
        for message in messages:
            message.payload.model_dump_json()


class Agent:
    """The agent's loop without processes and without a broker, in a time of its own."""

    def __init__(self, store: MemorySaleStore | None = None) -> None:
        self.clock = ReplayClock(1_700_000_000.0, 100.0)
        metrics = Metrics()
        model = ModelPart(name="age", sha256="0" * 64, licence="research use")
        announcer = Announcer(Hearer(), self.clock, "digest", model, metrics)
        self.register = Register(
            Config(), self.clock, announcer.outcome, None, ids, store or MemorySaleStore()
        )
        self.metrics = metrics
        self.loop = AgentLoop(_Nothing(), self.register, announcer, metrics)

    def take(self, record: PipeRecord) -> None:
        """Take one record as the loop does."""
        self.loop.handle(record)
        if isinstance(record, AgeEstimate):
            self.metrics.frame_decided(self.clock.now_s() - record.at_s)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and do what is due."""
        self.clock.advance_to(self.clock.now_s() + seconds)
        self.register.tick()


class _Nothing:
    """A source that says nothing."""

    def start(self) -> None:
        """Nothing to start."""

    def poll(self, timeout_s: float) -> Sequence[PipeRecord]:
        """Nothing to give."""
        return ()

    def stop(self, timeout_s: float) -> None:
        """Nothing to stop."""


def seeds() -> Sequence[bytes]:
    """Return each record alone, and all of one visit."""
    lines = [wire.encode(record) for record in RECORDS]
    sums = json.dumps({"kind": "vision_progress", "at_s": 1, "rejected": {"a": 1, "b": 2}})
    return [*lines, b"\n".join([*lines[:3], b"t1", *lines[3:], b"t9"]), sums.encode()]


@contextmanager
def opened(folder: Path) -> Iterator[Entry]:
    """Give an agent that lives on."""
    del folder
    agent, child = Agent(), Noise()
    lanes = (
        Lane("vision", is_from_vision, is_quiet=False),
        Lane("capture", lambda record: is_from_capture(record, CAMERA), is_quiet=False),
    )

    def entry(content: bytes) -> None:
        process = cast("ChildProcess", child)
        for lane in lanes:
            child.say(content)
            for record in lane.read(process):
                agent.take(record)
            lane.last_word(process)
            lane.decoder_cause(process)
        agent.pass_time(float(content.count(b"t")))

    yield entry
    agent.register.finish()
    agent.metrics.page()


TARGET = Target(
    name="records",
    cases=3000,
    modules=(
        "agent.wire",
        "agent.processes.child_records",
        "agent.loop",
        "agent.register",
        "agent.observe.metrics",
        "agent.decide.customer_place",
        "agent.decide.evidence",
    ),
    seeds=seeds,
    opened=opened,
)
