"""What the decide tests are made of: distributions, looks, messages, a till in video time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from agent.clock import ReplayClock
from agent.config.decision import AgeGroupSection, ChallengeSection
from agent.config.insights import BasketSection, OfferSection
from agent.decide.sale_store import MemorySaleStore, SaleStore
from agent.decide.thresholds import ThresholdTable
from agent.outcomes import AgeGroupSeen, Alert, Outcome, SaleAudit, SaleMessage, SaleStep
from agent.records import AGE_CLASSES, AgeDistribution, AgeEstimate, VisitEnded, VisitStarted
from agent.register import Register


def gaussian(mean_years: float, sd_years: float = 5.0) -> AgeDistribution:
    raw = [math.exp(-0.5 * ((year - mean_years) / sd_years) ** 2) for year in range(AGE_CLASSES)]
    total = sum(raw)
    return AgeDistribution(tuple(value / total for value in raw))


def estimate(
    mean_years: float,
    at_s: float,
    visit_id: str = "v1",
    sd_years: float = 5.0,
    quality_ratio: float = 0.9,
) -> AgeEstimate:
    return AgeEstimate("till", visit_id, at_s, quality_ratio, gaussian(mean_years, sd_years))


SHA = "0" * 64


def entry(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  (fields of a schema)
    return {
        "legal_age_years": 18,
        "max_false_pass_ratio": 0.05,
        "threshold_years": 28.0,
        "reason_if_null": None,
        "challenged_18_24_ratio": 0.95,
        "challenged_25_plus_ratio": 0.2,
        "false_pass": {"ratio": 0.04, "low": 0.02, "high": 0.08, "n": 250},
    } | changes


def table(*entries: dict[str, Any]) -> ThresholdTable:
    return ThresholdTable.model_validate(
        {
            "schema_version": 1,
            "model_sha256": SHA,
            "rule": "fused_mean_years",
            "tables": entries or (entry(),),
        }
    )


class CountedIds:
    """Numbered ids; event ids have the form that messages demand."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._made = 0

    def new_event_id(self) -> str:
        self._made += 1
        return f"{self._made:08d}-0000-7000-8000-{self._prefix.encode().hex()[:12]:0>12}"

    def new_analytics_id(self) -> str:
        self._made += 1
        return f"{self._prefix}analytics-{self._made}"


@dataclass(frozen=True)
class Settings:
    challenge: ChallengeSection = field(default_factory=ChallengeSection)
    age_groups: AgeGroupSection = field(default_factory=AgeGroupSection)
    baskets: BasketSection = field(default_factory=BasketSection)
    offers: OfferSection = field(default_factory=OfferSection)


START_WALL_S = 1_800_000_000.0


class Till:
    """A register in video time: what happens is called, what was published is in `sent`."""

    def __init__(
        self,
        thresholds: ThresholdTable | None = None,
        store: SaleStore | None = None,
        now_s: float = 0.0,
        prefix: str = "",
        **challenge: Any,  # noqa: ANN401  (fields of a schema)
    ) -> None:
        self.clock = ReplayClock(START_WALL_S, now_s)
        self.sent: list[Outcome] = []
        self.store = store or MemorySaleStore()
        self._messages = 0
        self._prefix = prefix
        self.register = Register(
            Settings(challenge=ChallengeSection(**challenge)),
            self.clock,
            self.sent.append,
            thresholds or table(),
            CountedIds(prefix),
            self.store,
        )

    @property
    def alerts(self) -> list[Alert]:
        return [outcome for outcome in self.sent if isinstance(outcome, Alert)]

    @property
    def audits(self) -> list[SaleAudit]:
        return [outcome for outcome in self.sent if isinstance(outcome, SaleAudit)]

    @property
    def groups(self) -> list[AgeGroupSeen]:
        return [outcome for outcome in self.sent if isinstance(outcome, AgeGroupSeen)]

    @property
    def advice(self) -> list[str]:
        return [alert.advice for alert in self.alerts]

    def pass_to(self, at_s: float) -> None:
        self.clock.advance_to(at_s)
        self.register.tick(at_s)

    def enter(self, at_s: float, visit_id: str = "v1") -> None:
        self.clock.advance_to(at_s)
        self.register.handle(VisitStarted("till", visit_id, at_s))

    def leave(self, at_s: float, visit_id: str = "v1") -> None:
        self.clock.advance_to(at_s)
        self.register.handle(VisitEnded("till", visit_id, at_s))

    def see(self, mean_years: float, at_s: float, visit_id: str = "v1", crops: int = 4) -> None:
        """Hand in crops an eighth of a second apart, the last of them at `at_s`."""
        for number in range(crops - 1, -1, -1):
            crop_at_s = at_s - number * 0.125
            self.clock.advance_to(crop_at_s)
            self.register.handle(estimate(mean_years, crop_at_s, visit_id))

    def pos(
        self,
        step: SaleStep,
        at_s: float,
        sale_id: str = "s1",
        category: str = "",
        sent_at_s: float | None = None,
        told_late: bool = False,
        **changes: Any,  # noqa: ANN401  (fields of a schema)
    ) -> SaleMessage:
        self._messages += 1
        if step in ("item_scanned", "item_removed"):
            category = category or "alcohol"
        message = SaleMessage(
            message_id=changes.pop("message_id", f"{self._prefix}m{self._messages}"),
            sale_id=sale_id,
            step=step,
            occurred_wall_s=START_WALL_S + (at_s if sent_at_s is None else sent_at_s),
            category=category,
            restricted=changes.pop("restricted", bool(category)),
            product_id=changes.pop("product_id", category),
            **changes,
        )
        self.clock.advance_to(at_s)
        self.register.handle_sale(message, told_late)
        return message
