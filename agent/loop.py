"""The agent process: records and till messages in, decisions and messages out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.clock import Clock, ReplayClock
from agent.outcomes import SaleMessage
from agent.records import CameraStatus, PipeRecord, VisionProgress, VisionRestarted
from agent.register import Register

#: Grid of the replay's virtual time, and the live loop's longest wait.
TICK_S = 0.05


class RecordSource(Protocol):
    """Where records come from: the supervisor, or everything in one process."""

    def start(self) -> None:
        """Start the processes that see."""
        ...

    def poll(self, timeout_s: float) -> Sequence[PipeRecord | CameraStatus | VisionRestarted]:
        """Return what has arrived, waiting at most `timeout_s` for the first."""
        ...

    def stop(self, timeout_s: float) -> None:
        """Stop them all."""
        ...


@dataclass(slots=True)
class Totals:
    """What a run has seen so far, for the closing table and the metrics."""

    vision: VisionProgress = VisionProgress(0.0)
    frames_read: int = 0
    frames_dropped: int = 0


class AgentLoop:
    """One step: everything that has arrived, then the clock."""

    def __init__(
        self,
        source: RecordSource,
        register: Register,
        clock: Clock,
        sales: Callable[[], Sequence[SaleMessage]],
        on_camera: Callable[[CameraStatus], None],
    ) -> None:
        self._source = source
        self._register = register
        self._clock = clock
        self._sales = sales
        self._on_camera = on_camera
        self.totals = Totals()
        self.finished = False
        self._captured: dict[str, tuple[int, int]] = {}

    def step(self, timeout_s: float = TICK_S) -> None:
        """Handle what has arrived."""
        for record in self._source.poll(timeout_s):
            self._handle(record)
        for sale in self._sales():
            self._register.handle_sale(sale)
        if not isinstance(self._clock, ReplayClock):
            self._register.tick(self._clock.now_s())

    def _handle(self, record: PipeRecord | CameraStatus | VisionRestarted) -> None:
        if isinstance(record, CameraStatus):
            self._on_camera(record)
        elif isinstance(record, VisionRestarted):
            self._register.vision_restarted(record.at_s)
        else:
            self._register.handle(record)
            self._count(record)

    def _count(self, record: PipeRecord) -> None:
        if isinstance(record, VisionProgress):
            self.totals.vision = record
            self.finished = record.finished
