"""What each age group buys, from the sums: shares, rates, lifts with intervals. Pure.

lift = rate of a product in the group / rate of the product over all baskets

Intervals are a delete-a-group jackknife over the random parts of the baskets (Kott 2001, The
Delete-a-Group Jackknife), on the logarithm for lifts: one method for what is corrected and
what is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.insights.confusion import Float64Array, GroupConfusion, corrected
from agent.insights.counts import BUCKETS, Counts

IntArray = npt.NDArray[np.int64]

#: 97.5 % quantile of Student's t with BUCKETS - 1 = 19 degrees of freedom.
T_QUANTILE = 2.093
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One age group; None: fewer baskets than the smallest count."""

    group: str
    baskets: float | None
    share_ratio: float | None
    low_ratio: float | None
    high_ratio: float | None


@dataclass(frozen=True, slots=True)
class LiftRow:
    """One product in one age group.

    Attributes:
        baskets: Of the group with the product.
        rate_ratio: Share of the group's baskets that hold the product.
        lift: Times as often as over all baskets; `low` and `high`: its 95 % interval.
    """

    group: str
    category: str
    product_id: str
    baskets: float
    rate_ratio: float
    lift: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report; products are sorted by lift within each group."""

    groups: tuple[GroupRow, ...]
    lifts: tuple[LiftRow, ...]
    baskets: int
    unknown: int
    other_groups: int
    min_baskets: int
    corrected: bool
    first_hour: str
    last_hour: str

    def of_group(self, group: str, limit: int) -> tuple[LiftRow, ...]:
        """Return the best products of a group."""
        return tuple(row for row in self.lifts if row.group == group)[:limit]


def make_report(counts: Counts, confusion: GroupConfusion | None, min_baskets: int) -> Report:
    """Return the report; cells with fewer baskets than `min_baskets` are left out."""
    enough = counts.with_product.sum(axis=0) >= min_baskets
    picked = np.flatnonzero(enough)
    full = _Estimate.of(counts, confusion, picked, leave_out=None)
    parts = [_Estimate.of(counts, confusion, picked, part) for part in range(BUCKETS)]
    return Report(
        groups=tuple(_group_rows(counts, full, parts, min_baskets)),
        lifts=tuple(_lift_rows(counts, picked, full, parts, min_baskets)),
        baskets=round(float(counts.baskets.sum())),
        unknown=counts.unknown,
        other_groups=counts.other_groups,
        min_baskets=min_baskets,
        corrected=confusion is not None,
        first_hour=counts.first_hour,
        last_hour=counts.last_hour,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Estimate:
    """Everything from all baskets, or from all but one part of them."""

    people: Float64Array  # (groups,)
    bought: Float64Array  # (groups, products)
    lift: Float64Array  # (groups, products)

    @classmethod
    def of(
        cls,
        counts: Counts,
        confusion: GroupConfusion | None,
        picked: IntArray,
        leave_out: int | None,
    ) -> _Estimate:
        kept = np.arange(BUCKETS) != (-1 if leave_out is None else leave_out)
        people = corrected(counts.people[kept].sum(axis=0)[:, None], confusion)[:, 0]
        bought = corrected(counts.bought[kept].sum(axis=0)[:, picked], confusion)
        overall = counts.with_product[kept].sum(axis=0)[picked] / counts.baskets[kept].sum()
        rate = bought / np.maximum(people, _TINY)[:, None]
        return cls(people, bought, rate / np.maximum(overall, _TINY))


def _spread(parts: Float64Array) -> Float64Array:
    """Return the half width of the 95 % interval from the leave-one-out values (axis 0)."""
    variance = (BUCKETS - 1) / BUCKETS * ((parts - parts.mean(axis=0)) ** 2).sum(axis=0)
    width: Float64Array = T_QUANTILE * np.sqrt(variance)
    return width


def _group_rows(
    counts: Counts, full: _Estimate, parts: list[_Estimate], min_baskets: int
) -> list[GroupRow]:
    shares = full.people / full.people.sum()
    width = _spread(np.array([part.people / part.people.sum() for part in parts]))
    rows = []
    for number, group in enumerate(counts.groups):
        baskets = float(full.people[number])
        if baskets < min_baskets:
            rows.append(GroupRow(group, None, None, None, None))
            continue
        share = float(shares[number])
        low, high = share - float(width[number]), share + float(width[number])
        rows.append(GroupRow(group, baskets, share, max(0.0, low), min(1.0, high)))
    return rows


def _lift_rows(
    counts: Counts,
    picked: IntArray,
    full: _Estimate,
    parts: list[_Estimate],
    min_baskets: int,
) -> list[LiftRow]:
    logs = np.log(np.maximum(full.lift, _TINY))
    width = _spread(np.log(np.maximum(np.array([part.lift for part in parts]), _TINY)))
    rows = []
    for number, group in enumerate(counts.groups):
        baskets = full.bought[number]
        shown = np.flatnonzero(baskets >= min_baskets)
        for column in shown[np.argsort(-full.lift[number, shown], kind="stable")]:
            category, product_id = counts.products[picked[column]]
            middle, half = float(logs[number, column]), float(width[number, column])
            rows.append(
                LiftRow(
                    group=group,
                    category=category,
                    product_id=product_id,
                    baskets=float(baskets[column]),
                    rate_ratio=float(baskets[column] / full.people[number]),
                    lift=float(full.lift[number, column]),
                    low=float(np.exp(middle - half)),
                    high=float(np.exp(middle + half)),
                )
            )
    return rows
