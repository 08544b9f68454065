"""The temperature undoes what made the probabilities too sure."""

import numpy as np
import pytest

from training.temperature import fit_temperature, negative_log_likelihood, softmax


@pytest.mark.parametrize("true_temperature", [0.7, 1.0, 1.6])
def test_the_temperature_that_made_the_labels_is_found(true_temperature: float) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (4000, 101)).astype(np.float32)
    probabilities = softmax(logits, true_temperature)
    ages = np.array([random.choice(101, p=row / row.sum()) for row in probabilities.astype(float)])

    fitted = fit_temperature(logits, ages)

    assert fitted == pytest.approx(true_temperature, rel=0.06)


def test_a_softmax_row_sums_to_one_even_for_large_logits() -> None:
    rows = softmax(np.array([[1e4, 0.0, -1e4], [0.0, 0.0, 0.0]], np.float32), 0.5)

    assert rows.sum(axis=1) == pytest.approx([1.0, 1.0])


def test_an_impossible_year_costs_much_but_is_finite() -> None:
    logits = np.zeros((1, 101), np.float32)
    logits[0, 0] = 1e4

    assert 20 < negative_log_likelihood(logits, np.array([50]), 1.0) < 100
