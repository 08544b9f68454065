"""When to make an offer to who stands at the register: once a visit, and not too often."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from agent.config.decision import AgeGroupSection, ChallengeSection
from agent.config.insights import OfferSection
from agent.decide.buyers import MAX_BUYERS, Presence, mixture, without_children
from agent.decide.customer_place import Visit
from agent.decide.moment import Moment
from agent.decide.offer_table import OfferTable
from agent.outcomes import Goods, Offer


class OfferAdvisor:
    """Makes offers from a table.

    Args:
        section: How much evidence is needed, and how often an offer may come.
        challenge: Age-restricted categories, which are never offered, and the child's age.
        groups: The age groups of the table.
        table: What each group buys.
        new_id: Makes random ids.
    """

    def __init__(
        self,
        section: OfferSection,
        challenge: ChallengeSection,
        groups: AgeGroupSection,
        table: OfferTable,
        new_id: Callable[[], str],
    ) -> None:
        self._section = section
        self._challenge = challenge
        self._groups = groups
        self._table = table
        self._new_id = new_id
        self._served: set[tuple[str, str]] = set()
        self._last_at_s = -math.inf

    def advise(self, visits: Sequence[Visit], now: Moment) -> list[Offer]:
        """Return an offer for the people who are there now, if one is due.

        Somebody who joins is offered something anew; everybody who is there has then had theirs.
        """
        self._served &= {_key(visit) for visit in visits}
        if now.at_s - self._last_at_s < self._section.min_interval_s:
            return []
        if all(_key(visit) in self._served for visit in visits):
            return []
        known = [visit for visit in visits if visit.evidence.crops >= self._section.min_crops]
        if all(_key(visit) in self._served for visit in known):
            return []
        goods = self._goods(known)
        self._served |= {_key(visit) for visit in known}
        if not goods:
            return []
        self._last_at_s = now.at_s
        expires_wall_s = now.wall_s + self._section.expires_s
        return [Offer(self._new_id(), goods, now.wall_s, expires_wall_s)]

    def _goods(self, visits: Sequence[Visit]) -> tuple[Goods, ...]:
        people = [Presence(visit.evidence.distribution, 1.0) for visit in visits]
        child_below_years = float(self._challenge.accompanied_child_below_years)
        customers = without_children(people, child_below_years)
        if len(customers) > MAX_BUYERS:
            return ()
        probabilities = dict(mixture(customers, self._groups))
        return self._table.best(
            probabilities, self._section.products, without=self._challenge.categories
        )


def _key(visit: Visit) -> tuple[str, str]:
    return visit.camera_id, visit.visit_id
