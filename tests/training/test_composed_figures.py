from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.records import AgeEstimate
from tests.decide.factories import estimate
from training.composed.clips import Presence
from training.composed.figures import (
    alone_result,
    bootstrap,
    covers,
    decision_figures,
    error_figures,
    right_visits,
    subset_spread_years,
)
from training.composed.motion import WALK_S, Motion, Wave

STILL = tuple(Wave((0.0, 0.0), (0.0, 0.0)) for _ in range(5))


def looks(*means: float) -> list[AgeEstimate]:
    return [estimate(mean, at_s=float(number)) for number, mean in enumerate(means)]


def test_errors_of_single_crops_and_of_the_fused_one_are_told_apart() -> None:
    result = alone_result(30, looks(25.0, 35.0), "none")
    assert result.single_errors_years == pytest.approx((5.0, 5.0), abs=0.1)
    assert result.fused_error_years == pytest.approx(0.0, abs=0.1)
    assert result.is_covered is True


def test_a_customer_nobody_saw_counts_as_one_without_evidence() -> None:
    results = [alone_result(30, [], "unsure"), alone_result(30, looks(32.0), "none")]
    figures = error_figures(results)
    assert (figures["visits"], figures["without_evidence"]) == (2, 1)
    assert figures["fused_mae_years"]["value"] == pytest.approx(2.0, abs=0.1)


def test_the_interval_covers_what_is_near_and_not_what_is_far() -> None:
    distribution = estimate(30.0, 0.0).distribution
    assert covers(distribution, 32)
    assert not covers(distribution, 45)


def test_the_decision_is_counted_by_age() -> None:
    results = [
        alone_result(16, looks(16.0), "none"),
        alone_result(17, looks(17.0), "challenge"),
        alone_result(40, looks(40.0), "none"),
    ]
    figures = decision_figures(results)
    assert figures["14-17"]["passed"]["count"] == 1
    assert figures["14-17"]["challenged"]["n"] == 2
    assert figures["25+"]["passed"]["value"] == 1.0


def test_the_bootstrap_interval_holds_the_mean() -> None:
    values = np.random.default_rng(1).normal(5.0, 2.0, 400)
    low, high = bootstrap(values, lambda drawn: float(drawn.mean()))
    assert low < values.mean() < high
    assert high - low == pytest.approx(4 * 2.0 / 20, rel=0.2)


def test_subsets_of_equal_crops_do_not_spread_and_of_different_ones_do() -> None:
    random = np.random.default_rng(1)
    assert subset_spread_years(looks(*[30.0] * 200), random) == pytest.approx(0.0, abs=1e-6)
    mixed = looks(*np.random.default_rng(2).normal(30, 5, 200).tolist())
    spread = subset_spread_years(mixed, random)
    assert spread is not None
    assert 0.3 < spread < 5.0


def test_too_few_crops_have_no_spread() -> None:
    assert subset_spread_years(looks(*[30.0] * 199), np.random.default_rng(1)) is None


PRESENT = Presence(1.0, 6.0, 30)


@pytest.mark.parametrize(
    ("visits", "right", "total"),
    [
        ([(1.2, 6.1)], 1, 1),
        ([], 0, 1),
        ([(1.2, 3.2), (3.5, 5.7)], 0, 3),  # cut in two: one missing, two too many
        ([(1.2, 6.1), (2.0, 4.0)], 1, 2),  # one too many
        ([(2.5, 6.1)], 1, 1),  # seen late
        ([(4.5, 6.1)], 0, 2),  # seen far too late
    ],
)
def test_a_visit_is_right_when_its_edges_are(
    visits: list[tuple[float, float]], right: int, total: int
) -> None:
    assert right_visits([PRESENT], visits) == (right, total)


def test_two_people_taken_for_one_are_one_right_visit_of_two() -> None:
    truth = [Presence(0.0, 4.0, 20), Presence(0.5, 8.0, 40)]
    assert right_visits(truth, [(0.6, 8.0)]) == (1, 2)


def test_visits_are_paired_so_that_most_are_right() -> None:
    truth = [Presence(1.2, 6.3, 20), Presence(1.6, 5.2, 30), Presence(0.8, 6.0, 40)]
    assert right_visits(truth, [(1.3, 5.6), (1.8, 6.1), (2.2, 5.0)]) == (3, 3)


@given(st.floats(0.0, 20.0))
def test_nobody_is_seen_outside_his_stay(at_s: float) -> None:
    motion = Motion(2.0, 9.0, 300.0, 200.0, 80.0, STILL)
    pose = motion.at(at_s)
    assert (pose is None) == (not 2.0 <= at_s <= 9.0)
    if pose is not None and 2.0 + WALK_S <= at_s <= 9.0 - WALK_S:
        assert pose.x_px == pytest.approx(300.0)


def test_a_ducking_customer_is_below_the_picture_for_a_second() -> None:
    motion = Motion(0.0, 9.0, 300.0, 200.0, 80.0, STILL, ducks_s=((3.0, 4.5),))
    hidden = [t / 100 for t in range(900) if (pose := motion.at(t / 100)) and pose.y_px > 560]
    assert hidden[-1] - hidden[0] == pytest.approx(1.2, abs=0.25)
