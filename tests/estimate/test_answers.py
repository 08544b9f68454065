from __future__ import annotations

import math

import numpy as np
import pytest

from agent.errors import EstimateError
from agent.estimate.answers import check_crops, distributions


def test_rows_become_distributions_that_sum_to_one() -> None:
    raw = np.full((2, 101), 1 / 101, np.float16)
    raw[1] *= np.float16(1.02)
    answers = distributions(raw, 2)
    for answer in answers:
        assert math.fsum(answer.probabilities) == pytest.approx(1.0, abs=1e-12)
        assert answer.mean_years == pytest.approx(50.0, abs=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -0.1])
def test_one_bad_number_refuses_the_batch(bad: float) -> None:
    raw = np.full((3, 101), 1 / 101, np.float32)
    raw[1, 40] = bad
    with pytest.raises(EstimateError):
        distributions(raw, 3)


def test_logits_are_refused() -> None:
    with pytest.raises(EstimateError, match="must sum to 1"):
        distributions(np.full((1, 101), 0.5, np.float32), 1)


@pytest.mark.parametrize("shape", [(1, 100), (2, 101), (101,)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(EstimateError, match=r"expected probabilities \(1, 101\)"):
        distributions(np.zeros(shape, np.float32), 1)


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((1, 32, 32, 3), np.float32),
        np.zeros((1, 31, 32, 3), np.uint8),
        np.zeros((32, 32, 3), np.uint8),
        np.zeros((0, 32, 32, 3), np.uint8),
    ],
)
def test_crops_of_another_kind_are_refused(crops: np.ndarray) -> None:
    with pytest.raises(EstimateError, match=r"expected crops \(batch, 32, 32, 3\) uint8"):
        check_crops(crops, 32)


def test_crops_of_the_models_size_are_accepted() -> None:
    check_crops(np.zeros((5, 32, 32, 3), np.uint8), 32)
