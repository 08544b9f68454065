"""The agent process: records and till messages in, decisions and messages out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agent.announcer import Announcer
from agent.clock import ReplayClock
from agent.latencies import AgentStage, Latencies, Stopwatch
from agent.observe.metrics import Metrics
from agent.outcomes import SaleMessage
from agent.records import (
    AgeEstimate,
    CameraStatus,
    CaptureProgress,
    Hello,
    PipeRecord,
    VisionProgress,
    VisionRestarted,
)
from agent.register import Register

_log = logging.getLogger(__name__)

#: Longest wait for a record: how late a due alert may be.
WAIT_S = 0.05
#: Grid of a replay's virtual time.
REPLAY_TICK_S = 0.1

SourceRecord = PipeRecord | CameraStatus | VisionRestarted


class RecordSource(Protocol):
    """Where records come from: the supervisor, or everything in one process."""

    def start(self) -> None:
        """Start what sees."""
        ...

    def poll(self, timeout_s: float) -> Sequence[SourceRecord]:
        """Return what has arrived, waiting at most `timeout_s` for the first."""
        ...

    def stop(self, timeout_s: float) -> None:
        """Stop what sees."""
        ...


class ReplayedTill(Protocol):
    """What the till says in a replay, at its video times; `SalesScript` is one."""

    @property
    def next_at_s(self) -> float | None:
        """Time of the next step, None after the last."""
        ...

    def take_until(self, at_s: float) -> Sequence[tuple[float, SaleMessage]]:
        """Return the steps up to and at that time, with their times, each once."""
        ...


@dataclass(slots=True)
class Totals:
    """What a run has seen so far: for the closing table."""

    vision: VisionProgress = field(default_factory=lambda: VisionProgress(0.0))
    captures: dict[str, CaptureProgress] = field(default_factory=dict)

    @property
    def frames_expected(self) -> int:
        """Frames of all recordings together; 0 when one does not say."""
        counts = [capture.frames_expected for capture in self.captures.values()]
        return sum(counts) if all(counts) else 0


class AgentLoop:
    """Hands every record to whom it concerns.

    Args:
        source: The processes that see.
        register: Decides.
        announcer: Speaks.
        metrics: Counts.
    """

    def __init__(
        self, source: RecordSource, register: Register, announcer: Announcer, metrics: Metrics
    ) -> None:
        self._source = source
        self._register = register
        self._announcer = announcer
        self._metrics = metrics
        self._stopwatch = Stopwatch[AgentStage]()
        self.totals = Totals()

    def step(self, sales: Sequence[SaleMessage], now_s: Callable[[], float]) -> None:
        """Go round once: what the cameras saw, what the till says, what is due."""
        for record in self._source.poll(WAIT_S):
            began_s = self._stopwatch.now_s()
            self.handle(record)
            if isinstance(record, AgeEstimate):
                self._stopwatch.count("decide", self._stopwatch.now_s() - began_s)
                self._metrics.frame_decided(now_s() - record.at_s)
        for sale in sales:
            with self._stopwatch.measure("decide"):
                self._register.handle_sale(sale)
        self._register.tick()

    @property
    def latencies(self) -> dict[AgentStage, Latencies]:
        """How long deciding has taken so far."""
        return self._stopwatch.totals()

    def handle(self, record: SourceRecord) -> None:
        """Hand one record on."""
        if isinstance(record, CameraStatus):
            self._announcer.camera(record)
        elif isinstance(record, VisionRestarted):
            self._announcer.vision(record.detail)
            self._register.vision_restarted(record.at_s)
        else:
            self._count(record)
            self._register.handle(record)

    def _count(self, record: PipeRecord) -> None:
        if isinstance(record, VisionProgress):
            self.totals.vision = record
            self._metrics.vision_progress(record)
        elif isinstance(record, CaptureProgress):
            self.totals.captures[record.camera_id] = record
            self._metrics.capture_progress(record)
        elif isinstance(record, Hello):
            _log.info("started process=%s pid=%d %s", record.process, record.pid, record.detail)
            if record.process == "vision":
                self._announcer.vision("")


class ReplayLoop:
    """The same in the video's own time: the clock moves only with what has been seen.

    Args:
        loop: Handles the records.
        register: Decides; told of scripted sales at their video time.
        clock: Moved here, and nowhere else.
        till: What it says in this replay.
        pace: Called with every virtual instant: sleeps when the replay is paced.
    """

    def __init__(
        self,
        loop: AgentLoop,
        register: Register,
        clock: ReplayClock,
        till: ReplayedTill,
        pace: Callable[[float], None],
    ) -> None:
        self._loop = loop
        self._register = register
        self._clock = clock
        self._till = till
        self._pace = pace

    def lead_in(self) -> None:
        """Pass the time before the first frame, when the script has steps there."""
        self._advance(0.0)

    def handle(self, record: SourceRecord) -> bool:
        """Take one record; return False when it was the last."""
        if isinstance(record, CameraStatus):
            return True  # real time, in which a replay does not live: it says its own
        if isinstance(record, VisionProgress | AgeEstimate):
            self._advance(record.at_s)
        self._loop.handle(record)
        return not (isinstance(record, VisionProgress) and record.finished)

    def finish(self) -> None:
        """Pass the time that the script still needs, then end what is open."""
        while (at_s := self._till.next_at_s) is not None:
            self._advance(max(at_s, self._clock.now_s() + REPLAY_TICK_S))
        self._register.finish()

    def _advance(self, until_s: float) -> None:
        while (now_s := self._clock.now_s()) < until_s:
            step_s = min(now_s + REPLAY_TICK_S, until_s)
            for at_s, sale in self._till.take_until(step_s):
                self._move_to(at_s)
                self._register.handle_sale(sale)
            self._move_to(step_s)

    def _move_to(self, at_s: float) -> None:
        self._pace(at_s)
        self._clock.advance_to(at_s)
        self._register.tick()
