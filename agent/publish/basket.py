"""The payloads of what age groups buy; like all of `events`, without anything that tells who.

A basket must not be traced back to its sale: its id is random, its time is the hour, and its
probabilities are rounded, so that they do not name the `event/age-group` of the same visit.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from agent.outcomes import Basket, Offer
from agent.publish.events import GroupProbability, Identifier, Instant, Part, Payload, rfc3339
from agent.publish.sales import Category

#: Decimals of a basket's probabilities: the rounding is unbiased and far below the model's error.
DECIMALS = 3
#: What rounding every group may do to the sum.
SUM_TOLERANCE = 0.02


class GoodsPart(Part):
    """A product."""

    category: Category = Field(description="Such as `alcohol`.")
    product_id: Identifier


class BasketLine(GoodsPart):
    """A product and how much of it."""

    quantity: int = Field(ge=1, le=1_000_000)


class BasketPayload(Payload):
    """The goods of one sale with the age group that bought them; opt-in, no sale id.

    `occurred_at` is the full hour.
    """

    lines: tuple[BasketLine, ...] = Field(min_length=1, description="Every product once.")
    group_probabilities: tuple[GroupProbability, ...] = Field(
        description="In order of age, together 1; empty: it is not known who bought."
    )

    @model_validator(mode="after")
    def _consistent(self) -> BasketPayload:
        if not self.occurred_at.endswith(":00:00.000Z"):
            raise ValueError("occurred_at: expected a full hour")
        products = [(line.category, line.product_id) for line in self.lines]
        if len(set(products)) != len(products):
            raise ValueError("lines: expected every product once")
        groups = self.group_probabilities
        if len({each.group for each in groups}) != len(groups):
            raise ValueError("group_probabilities: expected every group once")
        total = sum(each.probability_ratio for each in groups)
        if groups and abs(total - 1.0) > SUM_TOLERANCE:
            raise ValueError("group_probabilities: expected to sum to 1")
        return self


class OfferPayload(Payload):
    """What to show now; opt-in. Says what to show, not how old somebody looks."""

    goods: tuple[GoodsPart, ...] = Field(min_length=1, description="The best first.")
    expires_at: Instant = Field(description="Not to be shown later.")


def basket_payload(basket: Basket) -> BasketPayload:
    """Return the payload of a sale that has ended."""
    return BasketPayload(
        event_id=basket.event_id,
        occurred_at=rfc3339(basket.hour_wall_s),
        lines=tuple(
            BasketLine(category=goods.category, product_id=goods.product_id, quantity=quantity)
            for goods, quantity in basket.lines
        ),
        group_probabilities=tuple(
            GroupProbability(group=group, probability_ratio=round(min(max(p, 0.0), 1.0), DECIMALS))
            for group, p in basket.group_probabilities
        ),
    )


def offer_payload(offer: Offer) -> OfferPayload:
    """Return the payload of an offer."""
    return OfferPayload(
        event_id=offer.event_id,
        occurred_at=rfc3339(offer.occurred_wall_s),
        goods=tuple(
            GoodsPart(category=goods.category, product_id=goods.product_id) for goods in offer.goods
        ),
        expires_at=rfc3339(offer.expires_wall_s),
    )
