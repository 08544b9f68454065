"""The offer table from a report: what each age group buys more often than others, for certain."""

from __future__ import annotations

from collections.abc import Collection

from agent.decide.offer_table import GroupOffers, OfferedProduct, OfferTable
from agent.insights.report import Report


def learn_offers(report: Report, products: int, restricted: Collection[str] = ()) -> OfferTable:
    """Return the table.

    Args:
        report: Its smallest count is the support limit.
        products: At most so many of each group.
        restricted: Categories that are never offered.
    """
    groups = []
    for row in report.groups:
        liked = [
            lift
            for lift in report.of_group(row.group, len(report.lifts))
            # A lift that may be chance is no preference.
            if lift.low > 1.0 and lift.category not in restricted
        ]
        offered = tuple(
            OfferedProduct(
                category=lift.category,
                product_id=lift.product_id,
                lift=round(lift.lift, 3),
                baskets=round(lift.baskets, 1),
            )
            for lift in liked[:products]
        )
        groups.append(GroupOffers(group=row.group, products=offered))
    return OfferTable(groups=tuple(groups))
