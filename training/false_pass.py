"""The threshold table: how old somebody must look to pass without being asked.

A minor whom nobody asks at the threshold passes unprompted: a false pass. Each customer has a
level, below which every threshold lets him pass: of one photograph the estimated mean, of a
composed visit what `composed.levels` finds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from agent.records import Float32Array

LEGAL_AGES_YEARS = (16, 18, 21)
TARGET_RATIOS = (0.02, 0.05, 0.10)
#: Minors of the last four years under the legal age: those who try.
MINOR_YEARS = 4
#: A target is supported when the Wilson upper bound stays below so many times the target.
MAX_UPPER_FACTOR = 2.0
#: 97.5 % quantile of the normal distribution: a two-sided 95 % interval.
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Ratio:
    """`count` of `total`, with the Wilson score interval of 95 % (Wilson 1927)."""

    count: int
    total: int

    @property
    def ratio(self) -> float:
        """The share; 0 of 0 is 0."""
        return self.count / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound; 0 of 0 could be anything."""
        if not self.total:
            return 0.0, 1.0
        p, n = self.ratio, self.total
        centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True, slots=True)
class Threshold:
    """What the data support for one legal age and one target.

    Attributes:
        threshold_years: None when they support nothing; `reason` says why.
        passed: Minors that passed at the threshold, where it was chosen.
    """

    legal_age_years: int
    max_false_pass_ratio: float
    threshold_years: float | None
    reason: str
    passed: Ratio


def choose_threshold(
    minors_level_years: Float32Array, legal_age_years: int, target_ratio: float
) -> Threshold:
    """Return the lowest threshold that the minors' levels support.

    The largest number of false passes is taken whose share is within the target and whose
    Wilson upper bound is within `MAX_UPPER_FACTOR` times the target.

    Args:
        minors_level_years: (n,) of customers just under the legal age.
        legal_age_years: The law's age.
        target_ratio: Share of minors that may pass.
    """
    total = len(minors_level_years)
    allowed = [
        count
        for count in range(int(target_ratio * total) + 1)
        if Ratio(count, total).interval[1] <= MAX_UPPER_FACTOR * target_ratio
    ]
    if not allowed:
        upper = Ratio(0, total).interval[1]
        reason = (
            f"{total} faces are too few: with no false pass at all the 95 % upper bound is "
            f"{upper:.3f}, more than {MAX_UPPER_FACTOR:g} x {target_ratio:g}"
        )
        return Threshold(legal_age_years, target_ratio, None, reason, Ratio(0, total))
    descending = np.sort(minors_level_years)[::-1]
    # Just above the first level that must not pass, rounded up to a tenth of a year.
    limit = max(float(descending[allowed[-1]]), float(legal_age_years))
    threshold = math.floor(limit * 10 + 1) / 10
    passed = Ratio(int((minors_level_years >= threshold).sum()), total)
    return Threshold(legal_age_years, target_ratio, threshold, "", passed)


def challenged(
    ages_years: Float32Array,
    level_years: Float32Array,
    threshold_years: float,
    low: int,
    high: int,
) -> Ratio:
    """Return how many of those aged `low` to `high` would be asked."""
    chosen = (ages_years >= low) & (ages_years <= high)
    return Ratio(int((level_years[chosen] < threshold_years).sum()), int(chosen.sum()))
