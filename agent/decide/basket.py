"""Baskets: the goods of each sale from its first message to a second after its close.

Beside the `SaleBook` and apart from it: what is only counted must never disturb what is asked.
Kept in memory only, because nobody's purchases belong on a till's disk. So a basket of which
the beginning was missed (the agent was started during the sale) is none, rather than a part.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agent.config.decision import AgeGroupSection, ChallengeSection
from agent.decide.buyers import buyer_probabilities, presences_during
from agent.decide.customer_place import MAX_VISITS, Visit
from agent.decide.lateness import Lateness
from agent.decide.moment import Moment
from agent.outcomes import Basket, Goods, SaleMessage

_log = logging.getLogger(__name__)

#: The basket waits so long after the close for messages that were overtaken by it.
CLOSE_GRACE_S = 1.0
MAX_OPEN = 64
MAX_ENDED = 256
#: A sale of more steps gives no basket; its message would not fit into the broker's limit.
MAX_STEPS = 500
HOUR_S = 3600.0

_TILL_STEPS = frozenset({"opened", "item_scanned", "item_removed", "closed"})


@dataclass(slots=True)
class OpenBasket:
    """The goods of one sale so far; `sender_last_wall_s` is the sender's clock."""

    opened_at_s: float
    sender_last_wall_s: float = 0.0
    steps: list[tuple[float, Goods, int]] = field(default_factory=list)
    seen_from_start: bool = False
    late: bool = False
    closed: Moment | None = None

    def lines(self) -> tuple[tuple[Goods, int], ...]:
        """Return what is left of every product, in the sender's order of events."""
        counts: dict[Goods, int] = {}
        for _, goods, quantity in sorted(self.steps, key=lambda step: step[0]):
            counts[goods] = max(0, counts.get(goods, 0) + quantity)
        return tuple((goods, count) for goods, count in counts.items() if count > 0)


class BasketBook:
    """The baskets of one register.

    Args:
        challenge: How long a sale may last; from which age a child is a customer.
        groups: The age groups.
        new_id: Makes random ids.
        open_visits: Returns who stands there now.
    """

    def __init__(
        self,
        challenge: ChallengeSection,
        groups: AgeGroupSection,
        new_id: Callable[[], str],
        open_visits: Callable[[], Sequence[Visit]],
    ) -> None:
        self._challenge = challenge
        self._groups = groups
        self._new_id = new_id
        self._open_visits = open_visits
        self._left: deque[Visit] = deque(maxlen=MAX_VISITS)
        self._baskets: dict[str, OpenBasket] = {}
        self._ended: dict[str, float] = {}
        self._lateness = Lateness()

    def visit_ended(self, visit: Visit) -> None:
        """Remember who was there: a sale may outlast them."""
        self._left.append(visit)

    def handle(self, message: SaleMessage, now: Moment, told_late: bool) -> list[Basket]:
        """Take one message that is no repetition; return a basket that it proves to be over."""
        if message.source != "point_of_sale" or message.step not in _TILL_STEPS:
            return []
        over: list[Basket] = []
        late = self._lateness.is_late(message.occurred_wall_s, now, told_late)
        basket = self._basket_of(message, now, over)
        if basket is not None:
            basket.late = basket.late or late
            _apply(basket, message, now)
        return over

    def run_due(self, now: Moment) -> list[Basket]:
        """Return the baskets of the sales that are over."""
        over = [
            sale_id
            for sale_id, basket in self._baskets.items()
            if basket.closed is not None and now.at_s - basket.closed.at_s >= CLOSE_GRACE_S
        ]
        baskets = [found for sale_id in over for found in self._end(sale_id)]
        for sale_id, basket in list(self._baskets.items()):
            if now.at_s - basket.opened_at_s > self._challenge.sale_max_s:
                _log.info("basket_dropped reason=sale_never_closed")
                self._forget(sale_id)
        return baskets

    def finish(self) -> list[Basket]:
        """Return the baskets of the sales that are closed already; the others are lost."""
        closed = [sale_id for sale_id, basket in self._baskets.items() if basket.closed]
        return [found for sale_id in closed for found in self._end(sale_id)]

    def _basket_of(
        self, message: SaleMessage, now: Moment, over: list[Basket]
    ) -> OpenBasket | None:
        basket = self._baskets.get(message.sale_id)
        if basket is not None:
            if basket.closed is None or not _begins_after(message, basket.sender_last_wall_s):
                return basket
            over += self._end(message.sale_id)  # the number is used again at once
        last_wall_s = self._ended.get(message.sale_id)
        if last_wall_s is not None and not _begins_after(message, last_wall_s):
            return None
        if len(self._baskets) >= MAX_OPEN:
            self._forget(next(iter(self._baskets)))
        opened = OpenBasket(opened_at_s=now.at_s)
        self._baskets[message.sale_id] = opened
        return opened

    def _end(self, sale_id: str) -> list[Basket]:
        basket = self._forget(sale_id)
        lines = basket.lines()
        whole = basket.seen_from_start and len(basket.steps) <= MAX_STEPS
        if basket.closed is None or not lines or not whole:
            return []
        return [
            Basket(
                event_id=self._new_id(),
                lines=lines,
                group_probabilities=self._buyers(basket, basket.closed),
                hour_wall_s=basket.closed.wall_s // HOUR_S * HOUR_S,
            )
        ]

    def _buyers(self, basket: OpenBasket, closed: Moment) -> tuple[tuple[str, float], ...]:
        if basket.late:
            return ()  # who stands there now is not who bought then
        visits = [*self._left, *self._open_visits()]
        presences = presences_during(visits, basket.opened_at_s, closed.at_s)
        child_below_years = float(self._challenge.accompanied_child_below_years)
        return buyer_probabilities(presences, self._groups, child_below_years)

    def _forget(self, sale_id: str) -> OpenBasket:
        basket = self._baskets.pop(sale_id)
        self._ended.pop(sale_id, None)
        self._ended[sale_id] = basket.sender_last_wall_s
        if len(self._ended) > MAX_ENDED:
            del self._ended[next(iter(self._ended))]
        return basket


def _apply(basket: OpenBasket, message: SaleMessage, now: Moment) -> None:
    basket.sender_last_wall_s = max(basket.sender_last_wall_s, message.occurred_wall_s)
    if message.step == "opened":
        basket.seen_from_start = True
    elif message.step == "closed":
        basket.closed = basket.closed or now
    elif len(basket.steps) <= MAX_STEPS:
        goods = Goods(message.category, message.product_id)
        quantity = -message.quantity if message.step == "item_removed" else message.quantity
        basket.steps.append((message.occurred_wall_s, goods, quantity))


def _begins_after(message: SaleMessage, sender_last_wall_s: float) -> bool:
    """Return whether the message starts a new sale under a number that was used before."""
    starts = message.step in ("opened", "item_scanned")
    return starts and message.occurred_wall_s > sender_last_wall_s
