"""What age groups buy: baskets and offers of one register, both off unless configured."""

from __future__ import annotations

from typing import Protocol

from agent.config.decision import AgeGroupSection, ChallengeSection
from agent.config.insights import BasketSection, OfferSection
from agent.decide.basket import BasketBook
from agent.decide.customer_place import CustomerPlace, Visit
from agent.decide.moment import Moment
from agent.decide.offer import OfferAdvisor
from agent.decide.offer_table import OfferTable
from agent.outcomes import Basket, Offer, SaleMessage


class ShoppingSettings(Protocol):
    """What it reads of the config."""

    @property
    def challenge(self) -> ChallengeSection:
        """Restricted categories, the child's age, how long a sale may last."""
        ...

    @property
    def age_groups(self) -> AgeGroupSection:
        """The age groups."""
        ...

    @property
    def baskets(self) -> BasketSection:
        """Whether baskets are wanted."""
        ...

    @property
    def offers(self) -> OfferSection:
        """How offers are made."""
        ...


class AnalyticsIds(Protocol):
    """Makes random ids."""

    def new_analytics_id(self) -> str:
        """Return a UUIDv4."""
        ...


class Shopping:
    """Follows sales and visits, and says what goes out about them."""

    def __init__(self, config: ShoppingSettings, place: CustomerPlace, ids: AnalyticsIds) -> None:
        self._config = config
        self._place = place
        self._ids = ids
        self._advisor: OfferAdvisor | None = None
        self._book: BasketBook | None = None
        if config.baskets.enabled:
            self._book = BasketBook(
                config.challenge, config.age_groups, ids.new_analytics_id, place.open_visits
            )

    def use_offers(self, table: OfferTable) -> None:
        """Make offers from this table from now on."""
        config = self._config
        self._advisor = OfferAdvisor(
            config.offers, config.challenge, config.age_groups, table, self._ids.new_analytics_id
        )

    def handle_sale(self, message: SaleMessage, now: Moment, told_late: bool) -> list[Basket]:
        """Take one message of the till that is no repetition."""
        return [] if self._book is None else self._book.handle(message, now, told_late)

    def visit_ended(self, visit: Visit) -> None:
        """Take note of who has left."""
        if self._book is not None:
            self._book.visit_ended(visit)

    def run_due(self, now: Moment) -> list[Basket | Offer]:
        """Return what has become due."""
        due: list[Basket | Offer] = []
        if self._book is not None:
            due += self._book.run_due(now)
        if self._advisor is not None:
            due += self._advisor.advise(self._place.open_visits(), now)
        return due

    def finish(self) -> list[Basket]:
        """Return the baskets of closed sales: the agent stops."""
        return [] if self._book is None else self._book.finish()
