"""The figures of the report on predictions whose errors are known."""

from dataclasses import replace

import numpy as np
import pytest

from agent.records import AGE_CLASSES
from training.report import (
    Predictions,
    age_error,
    covered_ratio,
    distance_years,
    exact_age_report,
    interval_report,
    threshold_report,
)


def certain(means: list[int], ages: list[int]) -> Predictions:
    return Predictions(
        probabilities=np.eye(AGE_CLASSES, dtype=np.float32)[means],
        low_years=np.array(ages),
        high_years=np.array(ages),
        sex=np.array(["female", "male"] * len(ages))[: len(ages)],
        ancestry=np.array(["asian"] * len(ages)),
        photographs=len(ages) + 1,
    )


def test_errors_are_those_of_the_means() -> None:
    error = age_error(certain([20, 30, 49], [22, 30, 40]))

    assert error is not None
    assert error.mae_years == pytest.approx(11 / 3)
    assert error.median_years == 2
    assert error.bias_years == pytest.approx(7 / 3)
    assert error.within_5_years_ratio == pytest.approx(2 / 3)
    assert error.interval_90_coverage_ratio == pytest.approx(1 / 3)
    # Wilson's interval of 1 of 3, from its formula by hand.
    assert error.interval_90_coverage_bounds == pytest.approx((0.0615, 0.7923), abs=1e-4)


def test_a_face_that_was_not_found_is_counted() -> None:
    report = exact_age_report(certain([20, 30], [20, 30]))

    assert report["photographs"] == 3
    assert report["faces_found"] == 2
    assert report["faces_found_ratio"] == pytest.approx(2 / 3)


def test_empty_groups_are_left_out() -> None:
    report = exact_age_report(certain([20, 30], [22, 30]))

    assert set(report["age_band"]) == {"18-24", "25-34"}
    assert report["sex"]["female"]["mae_years"] == 2


def test_inside_an_interval_the_distance_is_zero() -> None:
    predictions = replace(
        certain([20, 29, 33], [0, 0, 0]), low_years=np.full(3, 20), high_years=np.full(3, 29)
    )

    assert distance_years(predictions).tolist() == [0, 0, 4]
    assert interval_report(predictions)["inside_ratio"] == pytest.approx(2 / 3)


def test_true_uncertainty_is_covered_as_often_as_stated() -> None:
    random = np.random.default_rng(0)
    centre = random.uniform(30, 60, 6000)
    years = np.arange(AGE_CLASSES)
    weights = np.exp(-0.5 * ((years - centre[:, None]) / 6) ** 2)
    ages = np.round(random.normal(centre, 6)).astype(int)
    predictions = replace(
        certain([0] * 6000, ages.tolist()),
        probabilities=(weights / weights.sum(axis=1, keepdims=True)).astype(np.float32),
    )

    assert covered_ratio(predictions, 0.90) == pytest.approx(0.90, abs=0.015)
    assert covered_ratio(predictions, 0.50) == pytest.approx(0.50, abs=0.03)


def test_who_passes_and_who_is_asked_is_counted() -> None:
    predictions = certain([16, 30, 20, 26, 30], [15, 17, 20, 21, 40])

    (row,) = threshold_report(predictions, [(18, 0.05, 25.0)])

    assert (row["false_pass"]["count"], row["false_pass"]["n"]) == (1, 2)
    assert (row["challenged_18_24"]["count"], row["challenged_18_24"]["n"]) == (1, 2)
    assert (row["challenged_25_plus"]["count"], row["challenged_25_plus"]["n"]) == (0, 1)


def test_an_age_beyond_the_last_class_is_measured_too() -> None:
    error = age_error(certain([90], [116]))

    assert error is not None
    assert error.mae_years == 26
