"""Runs composed clips through the agent's own pipeline and register, in RAM."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from agent import assemble, assemble_vision, ids
from agent.clock import ReplayClock
from agent.config.schema import Config
from agent.decide.challenge import AdviceLevel
from agent.decide.sale_store import MemorySaleStore
from agent.decide.thresholds import ThresholdTable
from agent.outcomes import Alert, Outcome, SaleMessage, SaleStep
from agent.records import AgeEstimate, Frame, PipeRecord, VisitEnded, VisitStarted
from agent.register import Register
from training.composed.clips import CAMERA_ID, RATE_HZ, Clip

#: Between two clips the place is empty for so long: nothing of one is left for the next.
PAUSE_S = 60.0
#: The sale is opened so long before the scan, and closed so long before the customer goes.
_OPEN_BEFORE_S = 1.0
#: The audit and the end of the visit come within this time.
_AFTER_S = 4.0
#: Wall time of a recording's time 0.
_WALL_S = 1_800_000_000.0


@dataclass(frozen=True, slots=True)
class Recording:
    """What the half that sees said of one clip; times are those since the clip's beginning.

    Attributes:
        base_s: When the clip began, in the records' own time.
        steps: (time of a frame, what was said after it), in order.
        sale: (time, step) of the till's messages.
    """

    base_s: float
    steps: tuple[tuple[float, tuple[PipeRecord, ...]], ...]
    sale: tuple[tuple[float, SaleStep], ...]

    @property
    def records(self) -> list[PipeRecord]:
        """Everything that was said."""
        return [record for _, records in self.steps for record in records]


@dataclass(slots=True)
class Watched:
    """What the agent made of one clip; times are the clip's own."""

    estimates: dict[str, list[AgeEstimate]] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    advice: AdviceLevel = "none"

    @property
    def visits(self) -> list[tuple[float, float]]:
        """Start and end of every visit."""
        return [(start_s, self.ended[visit]) for visit, start_s in self.started.items()]

    def take(self, record: PipeRecord, base_s: float) -> None:
        """Note what concerns the clip that began at `base_s`."""
        if isinstance(record, AgeEstimate):
            self.estimates.setdefault(record.visit_id, []).append(record)
        elif isinstance(record, VisitStarted):
            self.started[record.visit_id] = record.at_s - base_s
        elif isinstance(record, VisitEnded):
            self.ended[record.visit_id] = record.at_s - base_s


class Watcher:
    """A register without processes and broker: the pipeline and the decision, nothing else.

    Args:
        config: The settings of all its clips, with one camera.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._pipeline = assemble_vision.pipeline(config)
        self._now_s = 0.0

    @cached_property
    def _thresholds(self) -> ThresholdTable | None:
        """Needed by `watch` alone: `record` is for those who are about to choose them."""
        return assemble.thresholds(self._config, assemble.verified_model(self._config.estimate))

    def record(self, clip: Clip) -> Recording:
        """Return what the pipeline says of the clip; nothing is decided."""
        base_s = self._now_s + PAUSE_S
        steps = []
        for index in range(int(clip.duration_s * RATE_HZ)):
            at_s = index / RATE_HZ
            frame = Frame(clip.scene.frame(at_s), CAMERA_ID, index, base_s + at_s, _WALL_S)
            steps.append((at_s, tuple(self._pipeline.process(frame))))
        end_s = clip.duration_s + _AFTER_S
        steps.append((end_s, tuple(self._pipeline.idle(base_s + end_s))))
        self._now_s = base_s + end_s
        return Recording(base_s, tuple(steps), _sale_steps(clip))

    def watch(self, clip: Clip) -> Watched:
        """Return what the agent makes of the clip."""
        recording = self.record(clip)
        watched = Watched(advice=advice(recording, self._config, self._thresholds))
        for record in recording.records:
            watched.take(record, recording.base_s)
        return watched


def advice(recording: Recording, config: Config, thresholds: ThresholdTable | None) -> AdviceLevel:
    """Return the most cautious advice of a new register that is told the recording."""
    clock = ReplayClock(_WALL_S)
    outcomes: list[Outcome] = []
    register = Register(config, clock, outcomes.append, thresholds, ids, MemorySaleStore())
    sale = list(recording.sale)
    for at_s, records in recording.steps:
        while sale and sale[0][0] <= at_s:
            said_at_s, step = sale.pop(0)
            clock.advance_to(recording.base_s + said_at_s)
            register.handle_sale(_message(step, clock.wall_s()))
        clock.advance_to(recording.base_s + at_s)
        for record in records:
            register.handle(record)
        register.tick()
    levels = {outcome.advice for outcome in outcomes if isinstance(outcome, Alert)}
    return "challenge" if "challenge" in levels else "unsure" if levels else "none"


def _message(step: SaleStep, wall_s: float) -> SaleMessage:
    is_item = step == "item_scanned"
    return SaleMessage(
        message_id=step,
        sale_id="composed",
        step=step,
        occurred_wall_s=wall_s,
        product_id="beer" if is_item else "",
        category="alcohol" if is_item else "",
        restricted=is_item,
    )


def _sale_steps(clip: Clip) -> tuple[tuple[float, SaleStep], ...]:
    if clip.scan_at_s is None:
        return ()
    return (
        (clip.scan_at_s - _OPEN_BEFORE_S, "opened"),
        (clip.scan_at_s, "item_scanned"),
        (clip.duration_s - 0.2, "closed"),
    )
