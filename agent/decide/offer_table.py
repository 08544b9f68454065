"""The offer table: for each age group the products it buys more often than others do.

Written by `checkout-agent insights offers`, read by the agent:

    {"schema_version": 1,
     "groups": [{"group": "18-24",
                 "products": [{"category": "dairy", "product_id": "milk-1l",
                               "lift": 2.1, "baskets": 340.5}]}]}
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from agent.errors import ConfigError
from agent.outcomes import Goods

MAX_TABLE_BYTES = 5_000_000
_Text = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class OfferedProduct(_Part):
    """A product that a group buys more often than customers do on the whole."""

    category: _Text
    product_id: _Text
    lift: float = Field(gt=0.0, description="How many times as often.")
    baskets: float = Field(ge=0.0, description="Of this group with the product.")

    @property
    def goods(self) -> Goods:
        """The product alone."""
        return Goods(self.category, self.product_id)


class GroupOffers(_Part):
    """One group's products, the best first."""

    group: str
    products: tuple[OfferedProduct, ...]


class OfferTable(_Part):
    """Every group in order of age."""

    schema_version: Literal[1] = 1
    groups: tuple[GroupOffers, ...]

    def best(
        self, probabilities: Mapping[str, float], limit: int, without: Collection[str] = ()
    ) -> tuple[Goods, ...]:
        """Return the products with the highest expected lift, the best first.

        The lift is averaged over the groups by their probability, 1 where a group does not
        list the product; the most probable group alone would be wrong in every second case.

        Args:
            probabilities: Of every group.
            limit: How many products.
            without: Categories that are never offered.
        """
        gains: dict[Goods, float] = {}
        for offers in self.groups:
            share = probabilities.get(offers.group, 0.0)
            for product in offers.products:
                if product.category not in without:
                    gain = share * (product.lift - 1.0)
                    gains[product.goods] = gains.get(product.goods, 0.0) + gain
        ranked = sorted(gains, key=lambda goods: (-gains[goods], goods.product_id))
        return tuple(goods for goods in ranked if gains[goods] > 0.0)[:limit]


def load_offer_table(path: Path, group_names: tuple[str, ...]) -> OfferTable:
    """Read an offer table that was learned for these age groups.

    Raises:
        ConfigError: It is missing, no offer table, or one of other groups.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_TABLE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"offers.table: {path}: {error.strerror}: give another file") from error
    if len(content) > MAX_TABLE_BYTES:
        raise ConfigError(f"offers.table: {path}: at most {MAX_TABLE_BYTES} bytes")
    try:
        table = OfferTable.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"offers.table: {path}: {place[:80]}: {first['msg'][:200]}: "
            "make it with `checkout-agent insights offers`"
        ) from None
    names = tuple(each.group for each in table.groups)
    if names != group_names:
        raise ConfigError(
            f"offers.table: {path}: has groups {names!s:.200}, age_groups has {group_names}: "
            "learn the table from baskets with these groups"
        )
    return table
