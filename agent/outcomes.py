"""What goes into the decision from the till, and what comes out of it.

`decide` makes these records, `publish` turns them into messages; neither knows the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SaleStep = Literal["opened", "item_scanned", "item_removed", "id_checked", "id_refused", "closed"]
Advice = Literal["challenge", "unsure"]
AlertReason = Literal[
    "looks_under_challenge_age",
    "several_people",
    "no_evidence",
    "too_few_crops",
    "stale_evidence",
    "not_calibrated",
]
AuditResult = Literal["conscientious", "missed_challenge", "not_due", "no_evidence"]


@dataclass(frozen=True, slots=True)
class SaleMessage:
    """One validated message of the point of sale or of the cashier's display.

    Attributes:
        message_id: The sender's id; a message seen before is ignored.
        occurred_wall_s: When the sender says it happened.
        category: Product category of an item step, such as `alcohol`; else empty.
        restricted: The item is age-restricted according to the till.
        source: Which topic it came in on.
    """

    message_id: str
    sale_id: str
    step: SaleStep
    occurred_wall_s: float
    source: Literal["point_of_sale", "display"] = "point_of_sale"
    product_id: str = ""
    category: str = ""
    restricted: bool = False
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Alert:
    """Ask for ID in this sale. Never retained, never green.

    Attributes:
        event_id: The same when the alert is issued again for the same duty.
        people: Persons at the customer's place when it was decided.
        expires_wall_s: End of delivery, not of the duty.
    """

    event_id: str
    sale_id: str
    advice: Advice
    reason: AlertReason
    category: str
    challenge_age_years: int
    people: int
    occurred_wall_s: float
    expires_wall_s: float


@dataclass(frozen=True, slots=True)
class AgeGroupSeen:
    """A visit has ended: the probability of every group. No visit id leaves the agent.

    Attributes:
        event_id: Random (UUIDv4): it goes to analytics.
        group: The most probable group's name, such as `25-34`; `unknown` without evidence.
        group_probabilities: (name, probability) of every group in order of age.
        crops: Good crops behind it.
    """

    event_id: str
    camera_id: str
    group: str
    group_probabilities: tuple[tuple[str, float], ...]
    dwell_s: float
    crops: int
    occurred_wall_s: float


@dataclass(frozen=True, slots=True)
class SaleAudit:
    """A restricted sale has ended: what was due and what was done.

    Attributes:
        shown_wall_s: When the first alert of the sale went out; None when none did.
        id_checked_by: Who recorded an ID check; None when nobody did.
        advice: What was advised; `none` when nothing was due.
    """

    event_id: str
    sale_id: str
    categories: tuple[str, ...]
    challenge_due: bool
    advice: Literal["challenge", "unsure", "none"]
    shown_wall_s: float | None
    id_checked_by: Literal["point_of_sale", "display"] | None
    id_refused: bool
    result: AuditResult
    occurred_wall_s: float


@dataclass(frozen=True, slots=True)
class Goods:
    """What is sold: a product and the category it stands in."""

    category: str
    product_id: str


@dataclass(frozen=True, slots=True)
class Basket:
    """A sale has ended: its goods, and the age group that bought them. No sale id.

    Attributes:
        event_id: Random (UUIDv4): it goes to analytics.
        lines: Every product once with its quantity, at least 1.
        group_probabilities: (name, probability) of every group in order of age; empty when it
            is not known who bought.
        hour_wall_s: The full hour in which the sale was closed.
    """

    event_id: str
    lines: tuple[tuple[Goods, int], ...]
    group_probabilities: tuple[tuple[str, float], ...]
    hour_wall_s: float


@dataclass(frozen=True, slots=True)
class Offer:
    """What to show to who stands at the register now; says nothing about who that is.

    Attributes:
        goods: The best first.
        expires_wall_s: Not to be shown later.
    """

    event_id: str
    goods: tuple[Goods, ...]
    occurred_wall_s: float
    expires_wall_s: float


Outcome = Alert | AgeGroupSeen | SaleAudit | Basket | Offer
