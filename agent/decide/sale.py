"""One sale: what is in the basket, what was advised, what was done about it. Pure.

A `Sale` is a plain record, so that the open sales can be stored and survive `kill -9`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from agent.decide.challenge import CAUTION, AdviceLevel, Judgement
from agent.outcomes import Alert, AlertReason, SaleMessage

#: Item steps kept of one sale; beyond it removals are ignored: the duty stays.
MAX_ITEM_STEPS = 500


@dataclass(slots=True)
class ItemStep:
    """Restricted goods put on or taken off, in the sender's time."""

    occurred_wall_s: float
    category: str
    product_id: str
    quantity: int  # negative: removed


@dataclass(slots=True)
class Duty:
    """What the cashier is asked to do now; kept until it is met.

    Attributes:
        reissue_at_s: When the alert is sent again if the duty still stands.
    """

    event_id: str
    advice: Literal["unsure", "challenge"]
    reason: AlertReason
    category: str
    challenge_age_years: int
    people: int
    decided_wall_s: float
    reissue_at_s: float


@dataclass(slots=True)
class Decided:
    """What was advised for one category of this sale; it only rises.

    Attributes:
        decide_at_s: Evidence is waited for until then; None: decided.
        held_since_s: The scan was heard of late; nothing is decided until it is known whether
            the sale is over. None: heard of in time.
    """

    advice: AdviceLevel = "none"
    reason: AlertReason | None = None
    people: int = 0
    decide_at_s: float | None = None
    held_since_s: float | None = None

    def raise_to(self, judgement: Judgement) -> bool:
        """Take the judgement over if it asks for more; return whether it did."""
        if CAUTION[judgement.advice] <= CAUTION[self.advice]:
            return False
        self.advice = judgement.advice
        self.reason = judgement.reason
        self.people = judgement.people
        return True


@dataclass(slots=True)
class Sale:
    """A sale from its first message to its audit.

    Times ending in `_at_s` are the agent's monotonic ones, those in `_wall_s` the agent's wall
    clock; `sender_last_wall_s` alone is the sender's clock and is only compared with itself.
    """

    sale_id: str
    audit_id: str
    opened_at_s: float
    sender_last_wall_s: float = 0.0
    items: list[ItemStep] = field(default_factory=list)
    decided: dict[str, Decided] = field(default_factory=dict)
    duty: Duty | None = None
    asked: AdviceLevel = "none"
    shown_wall_s: float | None = None
    id_checked_by: Literal["point_of_sale", "display"] | None = None
    id_refused: bool = False
    closed_at_s: float | None = None
    closed_wall_s: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the point of sale has not closed it."""
        return self.closed_at_s is None

    @property
    def wants_advice(self) -> bool:
        """Whether an alert would still be of use."""
        return self.is_open and self.id_checked_by is None

    def add_item_step(self, message: SaleMessage) -> None:
        """Put restricted goods on the belt or take them off."""
        removed = message.step == "item_removed"
        known = any(item.category == message.category for item in self.items)
        if len(self.items) >= MAX_ITEM_STEPS and (removed or known):
            return  # fail safe: nothing is taken off any more, so what is on it stays on it
        quantity = -message.quantity if removed else message.quantity
        self.items.append(
            ItemStep(message.occurred_wall_s, message.category, message.product_id, quantity)
        )

    def categories_scanned(self) -> tuple[str, ...]:
        """Return every restricted category that was scanned, in order of the alphabet."""
        return tuple(sorted({item.category for item in self.items if item.quantity > 0}))

    def categories_left(self) -> tuple[str, ...]:
        """Return the restricted categories of which something is left on the belt.

        In the sender's order, whatever order the messages came in: a removal takes off only
        what was scanned before it.
        """
        counts: dict[tuple[str, str], int] = {}
        for item in sorted(self.items, key=lambda item: item.occurred_wall_s):
            key = (item.category, item.product_id)
            counts[key] = max(0, counts.get(key, 0) + item.quantity)
        return tuple(sorted({category for (category, _), count in counts.items() if count > 0}))

    def alert(self, expires_wall_s: float) -> Alert:
        """Return the standing duty as an alert.

        Raises:
            ValueError: Nothing is due.
        """
        duty = self.duty
        if duty is None:
            raise ValueError(f"sale {self.sale_id}: no duty stands")
        return Alert(
            event_id=duty.event_id,
            sale_id=self.sale_id,
            advice=duty.advice,
            reason=duty.reason,
            category=duty.category,
            challenge_age_years=duty.challenge_age_years,
            people=duty.people,
            occurred_wall_s=duty.decided_wall_s,
            expires_wall_s=expires_wall_s,
        )
