"""Evidence: the crops of one visit fused into one distribution. Pure.

Each crop's distribution leans a little on the consensus (the linear pool), then all are
multiplied (log pool) with weights that sum to the effective number of looks:

    leaned_i = (1 - LEAN) p_i + LEAN * sum_j v_j p_j
    fused    ~ prod_i leaned_i ** (v_i * effective),   sum_i v_i = 1

- `v_i` is the crop's quality divided by how crowded its moment is: eight crops within one
  second say hardly more than one.
- A wild crop is bounded: where it says "impossible" the lean leaves it with the consensus.
- `effective` can never exceed 1 / PERSON_CORRELATION: most of the network's error belongs to
  the person, and no number of looks removes it.
- A last linear share keeps the spread above SPREAD_KEPT_RATIO of that of a single crop.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.records import AGE_CLASSES, AgeDistribution, AgeEstimate

Float64Array = npt.NDArray[np.float64]

#: Crops of one visit that are kept; at the settled rate of 1 Hz the last half minute and more.
MAX_CROPS = 48
#: Time over which the crop's own error (pose, blur, light) is forgotten.
CORRELATION_TIME_S = 0.5
#: Share of the error's variance that every crop of a person has in common.
PERSON_CORRELATION = 0.8
#: The fused spread is at least this share of a single crop's (harmonic mean of variances).
SPREAD_KEPT_RATIO = math.sqrt(PERSON_CORRELATION)
#: Weight of the consensus in each crop before they are multiplied.
LEAN_RATIO = 0.2
#: A usable crop of poor quality still counts a little.
MIN_QUALITY_RATIO = 0.05
#: No single crop is taken for more certain than this.
MIN_VARIANCE_YEARS2 = 1.0
#: How far a distribution's sum may be from 1 before it is refused: it crossed a pipe as JSON.
SUM_TOLERANCE = 1e-3
_YEARS: Float64Array = np.arange(AGE_CLASSES, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about the age of one person.

    Attributes:
        distribution: None when there is no usable crop.
        crops: Usable crops behind it, those no longer kept included.
        last_at_s: Time of the newest of them; minus infinity when there is none.
    """

    distribution: AgeDistribution | None
    crops: int
    last_at_s: float


NO_EVIDENCE = Evidence(distribution=None, crops=0, last_at_s=-math.inf)


@dataclass(frozen=True, slots=True)
class Look:
    """One usable crop: its moment, its quality and what the network said."""

    at_s: float
    quality_ratio: float
    probabilities: tuple[float, ...]


class VisitEvidence:
    """Collects the estimates of one visit, the last `MAX_CROPS` of them."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque(maxlen=MAX_CROPS)
        self._crops = 0
        self._fused: Evidence | None = NO_EVIDENCE

    def add(self, estimate: AgeEstimate) -> bool:
        """Take one estimate; return False when it is no evidence (NaN, no distribution)."""
        look = look_of(estimate)
        if look is None:
            return False
        self._looks.append(look)
        self._crops += 1
        self._fused = None
        return True

    def evidence(self) -> Evidence:
        """Return the fused evidence so far."""
        if self._fused is None:
            last_at_s = max(look.at_s for look in self._looks)
            self._fused = Evidence(fuse(self._looks), self._crops, last_at_s)
        return self._fused


def look_of(estimate: AgeEstimate) -> Look | None:
    """Return the estimate as a look, or None when it cannot be evidence.

    Fail safe: what is not finite, negative or does not sum to 1 is no evidence, and too little
    evidence asks.
    """
    p = estimate.distribution.probabilities
    if not (math.isfinite(estimate.at_s) and math.isfinite(estimate.quality_ratio)):
        return None
    if not all(math.isfinite(value) and value >= 0.0 for value in p):
        return None
    if abs(sum(p) - 1.0) > SUM_TOLERANCE:
        return None
    quality_ratio = min(1.0, max(MIN_QUALITY_RATIO, estimate.quality_ratio))
    return Look(estimate.at_s, quality_ratio, p)


def fuse(looks: Sequence[Look]) -> AgeDistribution | None:
    """Return the fused distribution of the looks of one person, or None without any.

    The looks' order does not matter.
    """
    if not looks:
        return None
    crops = np.array([look.probabilities for look in looks], dtype=np.float64)
    crops /= crops.sum(axis=1, keepdims=True)
    times_s = np.array([look.at_s for look in looks], dtype=np.float64)
    quality = np.array([look.quality_ratio for look in looks], dtype=np.float64)
    independence = 1.0 / _crowding(times_s)
    weights = quality * independence
    weights /= weights.sum()
    linear = weights @ crops
    pooled = _log_pool(crops, weights, linear, effective_looks(float(independence.sum())))
    spread = _keep_spread(pooled, linear, _single_variance(crops, weights))
    spread /= spread.sum()
    return AgeDistribution(tuple(float(value) for value in spread))


def effective_looks(independent_moments: float) -> float:
    """Return how many independent looks that many separate moments are worth.

    The design effect of a cluster sample, n / (1 + (n - 1) r) with the intra-class correlation
    r (Kish 1965, Survey Sampling); between 1 and 1 / PERSON_CORRELATION.
    """
    return independent_moments / (1.0 + (independent_moments - 1.0) * PERSON_CORRELATION)


def _crowding(times_s: Float64Array) -> Float64Array:
    """Return for each moment how many looks share it; 1 when it stands alone."""
    gaps_s = np.abs(times_s[:, None] - times_s[None, :])
    shared: Float64Array = np.exp(-gaps_s / CORRELATION_TIME_S).sum(axis=1)
    return shared


def _log_pool(
    crops: Float64Array, weights: Float64Array, linear: Float64Array, effective: float
) -> Float64Array:
    leaned = (1.0 - LEAN_RATIO) * crops + LEAN_RATIO * linear
    with np.errstate(divide="ignore"):
        logs = np.log(leaned)  # -inf only where every crop says 0: the lean shares what any has
    score = effective * (weights[:, None] * logs).sum(axis=0)
    pooled: Float64Array = np.exp(score - score.max())
    pooled /= pooled.sum()
    return pooled


def _variance(p: Float64Array) -> float:
    mean = float(p @ _YEARS)
    return float(p @ (_YEARS - mean) ** 2)


def _single_variance(crops: Float64Array, weights: Float64Array) -> float:
    """Return the weighted harmonic mean of the crops' variances."""
    means = crops @ _YEARS
    variances = (crops * (_YEARS[None, :] - means[:, None]) ** 2).sum(axis=1)
    return 1.0 / float(weights @ (1.0 / np.maximum(variances, MIN_VARIANCE_YEARS2)))


def _keep_spread(
    pooled: Float64Array, linear: Float64Array, single_variance: float
) -> Float64Array:
    """Mix in as much of the linear pool as the spread needs.

    A mixture's variance is at least the mixture of the variances, so the share below suffices.
    """
    floor = SPREAD_KEPT_RATIO**2 * single_variance
    have, most = _variance(pooled), _variance(linear)
    if have >= floor or most <= have:
        return pooled
    share = min(1.0, (floor - have) / (most - have))
    return (1.0 - share) * pooled + share * linear
