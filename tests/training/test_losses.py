"""The loss: exact ages and intervals in one batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.records import AGE_CLASSES
from training.losses import AgeLoss, age_loss, target_row

DISTANCE_WEIGHT = 0.2


def losses(targets: list[tuple[int, int]], logits: np.ndarray) -> np.ndarray:
    rows = np.stack([target_row(low, high) for low, high in targets])
    return np.asarray(age_loss(rows, logits.astype(np.float32), DISTANCE_WEIGHT))


def sharp(year: int) -> np.ndarray:
    logits = np.full(AGE_CLASSES, -30.0)
    logits[year] = 30.0
    return logits


@given(st.integers(0, 100))
def test_the_soft_label_of_an_exact_age_sums_to_one_and_peaks_there(age: int) -> None:
    row = target_row(age, age)

    assert row[:AGE_CLASSES].sum() == pytest.approx(1, abs=1e-5)
    assert row[:AGE_CLASSES].argmax() == age
    assert row[AGE_CLASSES : AGE_CLASSES + 3].tolist() == [0, age, age]


@given(st.integers(0, 90), st.integers(1, 10))
def test_an_interval_masks_its_years_with_both_ends(low: int, length: int) -> None:
    row = target_row(low, low + length)

    assert np.flatnonzero(row[:AGE_CLASSES]).tolist() == list(range(low, low + length + 1))
    assert row[AGE_CLASSES : AGE_CLASSES + 3].tolist() == [1, low, low + length]


def test_all_mass_inside_the_interval_costs_nothing() -> None:
    assert losses([(20, 29)], sharp(25)[None])[0] == pytest.approx(0, abs=1e-4)


def test_where_inside_the_interval_the_mass_lies_makes_no_difference() -> None:
    low, high = losses([(20, 29), (20, 29)], np.stack([sharp(20), sharp(29)]))

    assert low == pytest.approx(high, abs=1e-4)


def test_a_uniform_guess_costs_the_log_of_the_share_and_the_distance_of_the_mean() -> None:
    expected = -np.log(10 / AGE_CLASSES) + DISTANCE_WEIGHT * (50 - 29)

    assert losses([(20, 29)], np.zeros((1, AGE_CLASSES)))[0] == pytest.approx(expected, rel=1e-4)


@given(st.integers(0, 100), st.integers(0, 100))
def test_further_from_the_true_age_never_costs_less(near: int, far: int) -> None:
    age = 40
    if abs(near - age) > abs(far - age):
        near, far = far, near
    wide = -0.5 * ((np.arange(AGE_CLASSES)[None] - np.array([[near], [far]])) / 4.0) ** 2

    closer, further = losses([(age, age), (age, age)], wide)

    if abs(far - age) > abs(near - age) + 3:
        assert closer < further


def test_a_teacher_is_matched_where_the_network_gives_its_probabilities() -> None:
    taught = np.full(AGE_CLASSES, 1 / AGE_CLASSES, np.float32)
    row = target_row(20, 29, taught)[None]
    like_it, label_only = np.zeros((1, AGE_CLASSES), np.float32), sharp(25)[None]

    def loss(logits: np.ndarray, teacher_weight: float) -> float:
        found = age_loss(row, logits.astype(np.float32), DISTANCE_WEIGHT, teacher_weight)
        return float(np.asarray(found)[0])

    assert loss(like_it, 1.0) == pytest.approx(np.log(AGE_CLASSES), rel=1e-4)
    assert loss(like_it, 1.0) < loss(label_only, 1.0)
    assert loss(label_only, 0.0) < loss(like_it, 0.0)
    half = (loss(like_it, 0.0) + loss(like_it, 1.0)) / 2
    assert loss(like_it, 0.5) == pytest.approx(half, rel=1e-4)


def test_two_faces_in_an_image_count_by_their_shares() -> None:
    logits = sharp(30)[None].astype(np.float32)
    pair = np.stack([target_row(30, 30, share=0.75), target_row(50, 50, share=0.25)])[None]

    mixed = float(np.asarray(AgeLoss(DISTANCE_WEIGHT)(pair, logits)))

    own, other = losses([(30, 30), (50, 50)], np.repeat(logits, 2, axis=0))
    assert mixed == pytest.approx(0.75 * own + 0.25 * other, rel=1e-4)
