"""Runs composed clips through the agent's own pipeline and register, in RAM."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent import assemble
from agent.clock import ReplayClock
from agent.config.schema import Config
from agent.decide.challenge import AdviceLevel
from agent.decide.sale_store import MemorySaleStore
from agent.outcomes import Alert, Outcome, SaleMessage, SaleStep
from agent.records import AgeEstimate, Frame, PipeRecord, VisitEnded, VisitStarted
from training.composed.clips import CAMERA_ID, RATE_HZ, Clip

#: Between two clips the place is empty for so long: nothing of one is left for the next.
PAUSE_S = 60.0
#: The sale is opened so long before the scan, and closed so long before the customer goes.
_OPEN_BEFORE_S = 1.0
#: The audit and the end of the visit come within this time.
_AFTER_S = 4.0


@dataclass(slots=True)
class Watched:
    """What the agent made of one clip; times are the clip's own."""

    estimates: dict[str, list[AgeEstimate]] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)

    @property
    def advice(self) -> AdviceLevel:
        """The most cautious advice of the sale."""
        advices = {alert.advice for alert in self.alerts}
        return "challenge" if "challenge" in advices else "unsure" if advices else "none"

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
        self._pipeline = assemble.pipeline(config)
        self._clock = ReplayClock(1_800_000_000.0)
        self._outcomes: list[Outcome] = []
        entry = assemble.verified_model(config.estimate)
        self._register = assemble.register(
            config, self._clock, self._outcomes.append, MemorySaleStore(), entry
        )
        self._clips = 0

    def watch(self, clip: Clip) -> Watched:
        """Return what the agent makes of the clip."""
        watched = Watched()
        self._outcomes.clear()
        self._clips += 1
        base_s = self._clock.now_s() + PAUSE_S
        sale = _sale_steps(clip)
        for index in range(int(clip.duration_s * RATE_HZ)):
            at_s = index / RATE_HZ
            while sale and sale[0][0] <= at_s:
                self._say(*sale.pop(0), base_s)
            pixels = clip.scene.frame(at_s)
            frame = Frame(pixels, CAMERA_ID, index, base_s + at_s, self._clock.wall_s())
            self._pass(base_s + at_s, self._pipeline.process(frame), watched, base_s)
        end_s = base_s + clip.duration_s + _AFTER_S
        self._pass(end_s, self._pipeline.idle(end_s), watched, base_s)
        watched.alerts = [each for each in self._outcomes if isinstance(each, Alert)]
        return watched

    def _pass(
        self, now_s: float, records: list[PipeRecord], watched: Watched, base_s: float
    ) -> None:
        self._clock.advance_to(now_s)
        for record in records:
            watched.take(record, base_s)
            self._register.handle(record)
        self._register.tick()

    def _say(self, at_s: float, step: SaleStep, base_s: float) -> None:
        self._clock.advance_to(base_s + at_s)
        is_item = step == "item_scanned"
        self._register.handle_sale(
            SaleMessage(
                message_id=f"{self._clips}-{step}",
                sale_id=f"sale-{self._clips}",
                step=step,
                occurred_wall_s=self._clock.wall_s(),
                product_id="beer" if is_item else "",
                category="alcohol" if is_item else "",
                restricted=is_item,
            )
        )


def _sale_steps(clip: Clip) -> list[tuple[float, SaleStep]]:
    if clip.scan_at_s is None:
        return []
    return [
        (clip.scan_at_s - _OPEN_BEFORE_S, "opened"),
        (clip.scan_at_s, "item_scanned"),
        (clip.duration_s - 0.2, "closed"),
    ]
