"""What the composed visits show: pure arithmetic with intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.decide.challenge import AdviceLevel
from agent.decide.evidence import fuse, look_of
from agent.records import AgeDistribution, AgeEstimate
from training.composed.clips import Presence
from training.false_pass import Ratio

#: A visit is a person's when they share at least this of the time that either covers: the
#: temporal intersection over union. A small face that is seen late is still the right visit.
MIN_SHARED_RATIO = 0.5
#: Of 20 disjoint subsets of one visit.
SUBSETS, SUBSET_CROPS = 20, 10
AGE_BANDS_YEARS = ((14, 17), (18, 24), (25, 120))
_RESAMPLES = 2000
_STATED_RATIO = 0.90
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AloneResult:
    """One composed customer: the truth, and what became of the sale.

    Attributes:
        single_errors_years: Of every crop alone.
        fused_error_years: None without evidence.
        is_covered: The true age lies in the fused 90 % interval; None without evidence.
        early_error_years: Of the evidence from the first three crops.
    """

    age_years: int
    single_errors_years: tuple[float, ...]
    fused_error_years: float | None
    is_covered: bool | None
    early_error_years: float | None
    advice: AdviceLevel


def alone_result(
    age_years: int, estimates: Sequence[AgeEstimate], advice: AdviceLevel
) -> AloneResult:
    """Return the figures of one customer from his estimates, in order of time."""
    fused = fused_distribution(estimates)
    early = fused_distribution(estimates[:3])
    return AloneResult(
        age_years=age_years,
        single_errors_years=tuple(abs(e.distribution.mean_years - age_years) for e in estimates),
        fused_error_years=None if fused is None else abs(fused.mean_years - age_years),
        is_covered=None if fused is None else covers(fused, age_years),
        early_error_years=None if early is None else abs(early.mean_years - age_years),
        advice=advice,
    )


def fused_distribution(estimates: Sequence[AgeEstimate]) -> AgeDistribution | None:
    """Return what the register fuses the estimates to."""
    return fuse([look for estimate in estimates if (look := look_of(estimate)) is not None])


def covers(distribution: AgeDistribution, age_years: int) -> bool:
    """Return whether the central 90 % interval holds the age, taken as the middle of its year."""
    tail = (1 - _STATED_RATIO) / 2
    low, high = distribution.quantile_years(tail), distribution.quantile_years(1 - tail)
    return low <= age_years + 0.5 <= high


def bootstrap(
    values: Floats, statistic: Callable[[Floats], float], seed: int = 1
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a statistic over resampled rows."""
    random = np.random.default_rng(seed)
    count = len(values)
    drawn = [statistic(values[random.integers(0, count, count)]) for _ in range(_RESAMPLES)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)


def error_figures(results: Sequence[AloneResult]) -> dict[str, Any]:
    """Return single, early and fused error, gain and coverage, with bootstrap intervals."""
    rows = [
        (
            float(np.mean(r.single_errors_years)),
            r.fused_error_years,
            float(bool(r.is_covered)),
            r.early_error_years,
        )
        for r in results
        if r.fused_error_years is not None and r.early_error_years is not None
    ]
    if not rows:
        raise ValueError(f"none of {len(results)} visits gave evidence: is the scene too dark?")
    table = np.array(rows, np.float64).reshape(-1, 4)
    single, fused, covered, early = table.T
    return {
        "visits": len(results),
        "without_evidence": len(results) - len(rows),
        "crops_per_visit": float(np.mean([len(r.single_errors_years) for r in results])),
        "single_mae_years": _with_interval(single),
        "three_crops_mae_years": _with_interval(early),
        "fused_mae_years": _with_interval(fused),
        "gain_years": _with_interval(single - fused),
        "coverage_ratio": _wilson(int(covered.sum()), len(covered)),
    }


def _with_interval(values: Floats) -> dict[str, float]:
    low, high = bootstrap(values, lambda drawn: float(drawn.mean()))
    return {"value": float(values.mean()), "low": low, "high": high}


def _wilson(count: int, total: int) -> dict[str, float]:
    ratio = Ratio(count, total)
    low, high = ratio.interval
    return {"value": ratio.ratio, "low": low, "high": high, "count": count, "n": total}


def decision_figures(results: Sequence[AloneResult]) -> dict[str, Any]:
    """Return by age band who passed unasked, and who was asked and how."""
    figures = {}
    for low_years, high_years in AGE_BANDS_YEARS:
        advices = [r.advice for r in results if low_years <= r.age_years <= high_years]
        name = f"{low_years}-{high_years}" if high_years < 100 else f"{low_years}+"
        figures[name] = {
            "passed": _wilson(advices.count("none"), len(advices)),
            "challenged": _wilson(advices.count("challenge"), len(advices)),
            "unsure": _wilson(advices.count("unsure"), len(advices)),
        }
    return figures


def subset_spread_years(
    estimates: Sequence[AgeEstimate], random: np.random.Generator
) -> float | None:
    """Return the standard deviation of the fused means of 20 disjoint subsets of 10 crops.

    The subsets are drawn at random; None with too few crops.
    """
    if len(estimates) < SUBSETS * SUBSET_CROPS:
        return None
    order = random.permutation(len(estimates))[: SUBSETS * SUBSET_CROPS]
    means = []
    for chosen in order.reshape(SUBSETS, SUBSET_CROPS):
        fused = fused_distribution([estimates[index] for index in sorted(chosen.tolist())])
        if fused is not None:
            means.append(fused.mean_years)
    return float(np.std(means, ddof=1))


def right_visits(
    truth: Sequence[Presence], visits: Sequence[tuple[float, float]]
) -> tuple[int, int]:
    """Return how many visits are right, and out of how many.

    Persons and visits are paired so that most are right. A missing visit, one too many, two
    people in one, and one cut in two all count as wrong.
    """
    right = _most_right(tuple(truth), tuple(visits))
    return right, len(truth) + len(visits) - right


def _most_right(truth: tuple[Presence, ...], visits: tuple[tuple[float, float], ...]) -> int:
    if not truth:
        return 0
    first, rest = truth[0], truth[1:]
    without = _most_right(rest, visits)
    paired = (
        1 + _most_right(rest, visits[:n] + visits[n + 1 :])
        for n, visit in enumerate(visits)
        if _shared_ratio(first, visit) >= MIN_SHARED_RATIO
    )
    return max(without, *paired, 0)


def _shared_ratio(presence: Presence, visit: tuple[float, float]) -> float:
    shared = min(presence.to_s, visit[1]) - max(presence.from_s, visit[0])
    either = max(presence.to_s, visit[1]) - min(presence.from_s, visit[0])
    return shared / either if either > 0 else 0.0


def visit_figures(counted: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """Return the share of right visits by kind of clip, and over all."""
    right = sum(pair[0] for pair in counted.values())
    total = sum(pair[1] for pair in counted.values())
    by_kind = {kind: _wilson(*pair) for kind, pair in counted.items()}
    return by_kind | {"all": _wilson(right, total)}


def spread_figures(spreads_years: Sequence[float]) -> dict[str, Any]:
    """Return mean, median and largest spread over the visits."""
    values = np.array(spreads_years, np.float64)
    if not len(values):
        return {"visits": 0, "mean_years": None, "median_years": None, "largest_years": None}
    return {
        "visits": len(values),
        "mean_years": float(values.mean()),
        "median_years": float(np.median(values)),
        "largest_years": float(values.max()),
    }
