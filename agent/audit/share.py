"""A share of few or many, with what it may really be. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: 97.5 % quantile of the normal distribution: a two-sided 95 % interval.
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `total`, with the Wilson score interval of 95 % (Wilson 1927, JASA 22)."""

    count: int
    total: int

    @property
    def ratio(self) -> float | None:
        """The share; None of nothing."""
        return self.count / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound; of nothing it could be anything."""
        if not self.total:
            return 0.0, 1.0
        p, n = self.count / self.total, self.total
        centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return max(0.0, centre - half), min(1.0, centre + half)

    @property
    def width(self) -> float:
        """Of the interval."""
        low, high = self.interval
        return high - low
