"""Figures of the finished model: pure arithmetic on predictions and labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.records import AGE_CLASSES, Float32Array
from training.data import Faces, IntArray
from training.false_pass import Ratio, challenged

_YEARS = np.arange(AGE_CLASSES, dtype=np.float32)
BANDS_YEARS = ((0, 9), (10, 17), (18, 24), (25, 34), (35, 49), (50, 64), (65, 100))
NEAR_YEARS = 5
INTERVAL_RATIO = 0.90
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What the model said about the photographs of one split in which a face was found.

    Attributes:
        probabilities: (n, 101).
        low_years: (n,) labelled interval; equal to `high_years` for an exact age.
        high_years: (n,).
        sex: (n,) for the fairness report only.
        ancestry: (n,) likewise.
        photographs: Of the split, found or not.
    """

    probabilities: Float32Array
    low_years: IntArray
    high_years: IntArray
    sex: npt.NDArray[np.str_]
    ancestry: npt.NDArray[np.str_]
    photographs: int

    @property
    def mean_years(self) -> Float32Array:
        """(n,) expected age."""
        means: Float32Array = self.probabilities @ _YEARS
        return means


def predictions_of(
    faces: Faces, indices: IntArray, probabilities: Float32Array, photographs: int
) -> Predictions:
    """Join probabilities with the labels of the photographs they belong to."""
    intervals = faces.intervals(indices)
    return Predictions(
        probabilities=probabilities,
        low_years=intervals[:, 0],
        high_years=intervals[:, 1],
        sex=np.array([faces.rows[i]["sex"] for i in indices]),
        ancestry=np.array([faces.rows[i]["ancestry"] for i in indices]),
        photographs=photographs,
    )


@dataclass(frozen=True, slots=True)
class AgeError:
    """Errors on faces whose exact age is known, in years; bias is estimate minus truth.

    Attributes:
        interval_90_coverage_bounds: Of the coverage, its 95 % Wilson interval.
    """

    faces: int
    mae_years: float
    median_years: float
    bias_years: float
    within_5_years_ratio: float
    interval_90_coverage_ratio: float
    interval_90_coverage_bounds: tuple[float, float]


def age_error(predictions: Predictions, chosen: BoolArray | None = None) -> AgeError | None:
    """Return the errors on the chosen faces, or None when there are none."""
    if chosen is None:
        chosen = np.ones(len(predictions.low_years), bool)
    if not chosen.any():
        return None
    true = predictions.low_years[chosen]
    signed = predictions.mean_years[chosen] - true
    error = np.abs(signed)
    inside = covered(predictions.probabilities[chosen], true)
    coverage = Ratio(int(inside.sum()), len(inside))
    return AgeError(
        faces=int(chosen.sum()),
        mae_years=float(error.mean()),
        median_years=float(np.median(error)),
        bias_years=float(signed.mean()),
        within_5_years_ratio=float((error <= NEAR_YEARS).mean()),
        interval_90_coverage_ratio=coverage.ratio,
        interval_90_coverage_bounds=coverage.interval,
    )


def covered(
    probabilities: Float32Array, ages_years: IntArray, stated_ratio: float = INTERVAL_RATIO
) -> BoolArray:
    """Return whether the central interval of years holds the true one.

    The interval's ends are quantiles within a year, as `AgeDistribution.quantile_years`
    has them; the true age is taken as the middle of its year.
    """
    cumulative = np.cumsum(probabilities, axis=1)
    rows = np.arange(len(ages_years))
    years = np.minimum(ages_years, AGE_CLASSES - 1)  # the last class is "100 and older"
    position = cumulative[rows, years] - 0.5 * probabilities[rows, years]
    tail = (1 - stated_ratio) / 2
    return (position >= tail) & (position <= 1 - tail)


def covered_ratio(predictions: Predictions, stated_ratio: float) -> float:
    """Return the share of true ages inside the central interval of `stated_ratio`."""
    return float(covered(predictions.probabilities, predictions.low_years, stated_ratio).mean())


def by_group(predictions: Predictions) -> dict[str, dict[str, AgeError]]:
    """Return the errors by age band, sex and ancestry; empty groups are left out."""
    true = predictions.low_years
    groups: dict[str, dict[str, BoolArray]] = {
        "age_band": {f"{low}-{high}": (true >= low) & (true <= high) for low, high in BANDS_YEARS},
        "sex": _masks(predictions.sex),
        "ancestry": _masks(predictions.ancestry),
    }
    return {
        kind: {
            name: error
            for name, mask in masks.items()
            if (error := age_error(predictions, mask)) is not None
        }
        for kind, masks in groups.items()
    }


def _masks(values: npt.NDArray[np.str_]) -> dict[str, BoolArray]:
    return {str(value): values == value for value in np.unique(values)}


def exact_age_report(predictions: Predictions) -> dict[str, Any]:
    """Return everything measured where exact ages are known (UTKFace)."""
    true = predictions.low_years
    middle = age_error(predictions, (true >= 10) & (true <= 70))
    whole = age_error(predictions)
    return {
        "photographs": predictions.photographs,
        "faces_found": len(true),
        "faces_found_ratio": _share(len(true), predictions.photographs),
        "all_ages": asdict(whole) if whole else None,
        "ages_10_to_70": asdict(middle) if middle else None,
    } | {
        kind: {name: asdict(error) for name, error in errors.items()}
        for kind, errors in by_group(predictions).items()
    }


def interval_report(predictions: Predictions) -> dict[str, Any]:
    """Return what can be measured where only intervals are known (FairFace)."""
    distance = distance_years(predictions)
    rounded = np.round(predictions.mean_years)
    inside = (rounded >= predictions.low_years) & (rounded <= predictions.high_years)
    groups = {"sex": _masks(predictions.sex), "ancestry": _masks(predictions.ancestry)}
    found = len(distance)
    return {
        "photographs": predictions.photographs,
        "faces_found": found,
        "faces_found_ratio": _share(found, predictions.photographs),
        "inside_ratio": float(inside.mean()) if found else None,
        "mean_distance_years": float(distance.mean()) if found else None,
    } | {
        kind: {
            name: {
                "faces": int(mask.sum()),
                "inside_ratio": float(inside[mask].mean()),
                "mean_distance_years": float(distance[mask].mean()),
            }
            for name, mask in masks.items()
        }
        for kind, masks in groups.items()
    }


def distance_years(predictions: Predictions) -> Float32Array:
    """Return (n,) how far the mean is from the labelled interval; 0 inside."""
    mean = predictions.mean_years
    outside = np.maximum(predictions.low_years - mean, mean - predictions.high_years)
    distance: Float32Array = np.maximum(outside, 0).astype(np.float32)
    return distance


def threshold_report(
    predictions: Predictions, thresholds: Iterable[tuple[int, float, float]]
) -> list[dict[str, Any]]:
    """Return who passes and who is asked at thresholds that were chosen elsewhere.

    Args:
        predictions: With exact ages.
        thresholds: (legal age, target ratio, threshold in years).
    """
    ages, means = predictions.low_years.astype(np.float32), predictions.mean_years
    return [
        {
            "legal_age_years": legal_age,
            "max_false_pass_ratio": target,
            "threshold_years": threshold,
            "false_pass": _as_dict(_passed(ages, means, threshold, legal_age - 4, legal_age - 1)),
            "challenged_18_24": _as_dict(challenged(ages, means, threshold, 18, 24)),
            "challenged_25_plus": _as_dict(challenged(ages, means, threshold, 25, 100)),
        }
        for legal_age, target, threshold in thresholds
    ]


def _passed(
    ages: Float32Array, means: Float32Array, threshold: float, low: int, high: int
) -> Ratio:
    asked = challenged(ages, means, threshold, low, high)
    return Ratio(asked.total - asked.count, asked.total)


def _as_dict(ratio: Ratio) -> dict[str, float]:
    low, high = ratio.interval
    return {
        "count": ratio.count,
        "n": ratio.total,
        "ratio": ratio.ratio,
        "low": low,
        "high": high,
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
