"""What is known about sales, in plain records that can be stored."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.decide.lateness import Lateness
from agent.decide.sale import Sale


@dataclass(frozen=True, slots=True)
class EndedSale:
    """What is remembered of a sale that has ended, to know its late messages."""

    ended_at_s: float
    sender_last_wall_s: float


@dataclass(slots=True)
class SaleState:
    """Everything that is known about sales; plain records, so that they can be stored.

    Attributes:
        seen: Message ids that were worked through, oldest first, with when they came.
    """

    sales: dict[str, Sale] = field(default_factory=dict)
    ended: dict[str, EndedSale] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)
    lateness: Lateness = field(default_factory=Lateness)
