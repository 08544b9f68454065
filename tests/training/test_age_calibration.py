"""The calibration makes stated intervals true in every region of ages."""

from functools import cache

import numpy as np
import pytest

from agent.records import Float32Array
from training.age_calibration import (
    REGIONS_YEARS,
    AgeCalibration,
    fit_calibration,
    softmax,
    weights_as_in,
)
from training.data import IntArray
from training.report import covered

YEARS = np.arange(101)
#: How often the network's training had an age, against how often each comes here: smooth over
#: the years, as the fit's curves are.
PRIOR = 1 + 7 * np.exp(-0.5 * ((YEARS - 29.5) / 8) ** 2)


def leaning(count: int, seed: int) -> tuple[Float32Array, IntArray]:
    """Return logits of a network that leans towards some 30 and is too sure, and true ages."""
    random = np.random.default_rng(seed)
    ages = random.integers(5, 75, count)
    seen = ages + random.normal(0, 5, count)
    likelihood = -0.5 * ((seen[:, None] - YEARS) / 5) ** 2
    return (1.4 * (likelihood + np.log(PRIOR))).astype(np.float32), ages


@cache
def fitted() -> AgeCalibration:
    logits, ages = leaning(3000, seed=0)
    return fit_calibration(logits, np.stack([ages, ages], axis=1))


def coverages(probabilities: Float32Array, ages: IntArray) -> dict[tuple[int, int], float]:
    inside = covered(probabilities, ages)
    return {
        (low, high): float(inside[(ages >= low) & (ages <= high)].mean())
        for low, high in REGIONS_YEARS[:3]
    }


def test_regions_that_the_network_leans_from_and_to_become_true() -> None:
    calibration = fitted()
    logits, ages = leaning(6000, seed=1)

    before = coverages(softmax(logits), ages)
    after = coverages(calibration.probabilities(logits), ages)

    assert before[(10, 17)] < 0.86
    assert max(before.values()) - min(before.values()) > 0.08
    for found in after.values():
        assert found == pytest.approx(0.90, abs=0.04)


def test_the_mean_does_not_pay_for_it() -> None:
    calibration = fitted()
    logits, ages = leaning(6000, seed=1)

    before, after = (
        np.abs(probabilities @ YEARS - ages).mean()
        for probabilities in (softmax(logits), calibration.probabilities(logits))
    )

    assert after < before + 0.05


def test_no_calibration_changes_nothing() -> None:
    logits, _ = leaning(10, seed=3)

    assert np.allclose(AgeCalibration.none().probabilities(logits), softmax(logits), atol=1e-6)


def test_a_softmax_row_sums_to_one_even_for_large_logits() -> None:
    rows = softmax(np.array([[1e4, 0.0, -1e4], [0.0, 0.0, 0.0]], np.float32))

    assert rows.sum(axis=1) == pytest.approx([1.0, 1.0])


def test_added_minors_are_not_more_frequent_than_before() -> None:
    ages = np.array([14, 16, 30, 40])

    weights = weights_as_in(ages, np.array([14, 15, 17]))

    minors = [0, 1, 4, 5, 6]
    assert weights[minors].sum() == pytest.approx(2)
    assert weights[[2, 3]] == pytest.approx(1)


def test_faces_labelled_with_an_interval_help_where_no_age_is_exact() -> None:
    logits, ages = leaning(3000, seed=0)
    is_exact = ages >= 35
    exact = np.stack([ages, ages], axis=1)
    decades = np.stack([ages // 10 * 10, ages // 10 * 10 + 9], axis=1)
    mixed = np.where(is_exact[:, None], exact, decades)
    unseen, true = leaning(6000, seed=1)
    young = (true >= 10) & (true < 25)

    alone = fit_calibration(logits[is_exact], exact[is_exact])
    together = fit_calibration(logits, mixed)

    errors = [
        np.abs(calibration.probabilities(unseen[young]) @ YEARS - true[young]).mean()
        for calibration in (alone, together)
    ]
    assert errors[1] < errors[0] - 0.3
    missed = [
        abs(coverages(calibration.probabilities(unseen), true)[(18, 24)] - 0.90)
        for calibration in (alone, together)
    ]
    assert missed[1] < missed[0] - 0.02


def test_summed_probabilities_become_the_shares_of_the_regions() -> None:
    calibration = fitted()
    logits, ages = leaning(6000, seed=1)

    wrong = []
    for probabilities in (softmax(logits), calibration.probabilities(logits)):
        shares = [
            (
                probabilities[:, low : high + 1].sum(axis=1).mean(),
                ((ages >= low) & (ages <= high)).mean(),
            )
            for low, high in REGIONS_YEARS
        ]
        wrong.append(sum(abs(summed - true) for summed, true in shares) / 2)

    assert wrong[0] > 0.04
    assert wrong[1] < 0.02


def test_an_age_above_the_last_class_counts_as_that() -> None:
    logits, _ = leaning(20, seed=2)
    ages = np.full((20, 2), 104)

    calibration = fit_calibration(logits, ages)

    after = calibration.probabilities(logits)[:, -1].mean()
    assert np.isfinite(calibration.bias).all()
    assert after > softmax(logits)[:, -1].mean()
