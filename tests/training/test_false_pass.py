"""A threshold keeps its promise on the faces that chose it, or is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.false_pass import MAX_UPPER_FACTOR, Ratio, challenged, choose_threshold

means = st.lists(st.floats(8, 60, width=32), min_size=1, max_size=400)


@given(means, st.sampled_from([0.02, 0.05, 0.10]), st.sampled_from([16, 18, 21]))
def test_no_more_minors_pass_than_the_target_allows(
    values: list[float], target: float, legal_age: int
) -> None:
    estimates = np.array(values, np.float32)

    chosen = choose_threshold(estimates, legal_age, target)

    if chosen.threshold_years is None:
        assert str(len(values)) in chosen.reason
        return
    passed = int((estimates >= chosen.threshold_years).sum())
    assert passed == chosen.passed.count
    assert passed / len(values) <= target
    assert chosen.passed.interval[1] <= MAX_UPPER_FACTOR * target
    assert chosen.threshold_years > legal_age


def test_few_faces_support_no_strict_target() -> None:
    chosen = choose_threshold(np.full(20, 15).astype(np.float32), 18, 0.02)

    assert chosen.threshold_years is None
    assert "20 faces are too few" in chosen.reason


def test_the_threshold_is_not_higher_than_it_must_be() -> None:
    estimates = (np.arange(100) / 5 + 10).astype(np.float32)  # 10.0 to 29.8

    chosen = choose_threshold(estimates, 18, 0.05)

    # Upper bound 2 x 0.05: up to 4 of 100 may pass; the fifth largest estimate is 29.0.
    assert chosen.passed.count == 4
    assert chosen.threshold_years == pytest.approx(29.1)


def test_wilson_gives_the_interval_of_the_textbook() -> None:
    low, high = Ratio(4, 67).interval

    assert low == pytest.approx(0.0235, abs=5e-4)
    assert high == pytest.approx(0.1438, abs=5e-4)


def test_of_nobody_nothing_is_known() -> None:
    assert Ratio(0, 0).interval == (0.0, 1.0)


def test_who_looks_younger_than_the_threshold_is_asked() -> None:
    ages = np.array([17, 18, 24, 25, 40], np.float32)
    looks = np.array([20, 26, 19, 24.9, 25], np.float32)

    young = challenged(ages, looks, 25.0, 18, 24)
    older = challenged(ages, looks, 25.0, 25, 100)

    assert (young.count, young.total) == (1, 2)
    assert (older.count, older.total) == (1, 2)
