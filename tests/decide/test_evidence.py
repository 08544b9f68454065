"""Fusing: proper, bounded, robust, and never surer than the crops allow."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.decide.evidence import (
    MAX_CROPS,
    NO_EVIDENCE,
    PERSON_CORRELATION,
    SPREAD_KEPT_RATIO,
    Look,
    VisitEvidence,
    effective_looks,
    fuse,
)
from agent.records import AGE_CLASSES, AgeDistribution
from tests.decide.factories import estimate, gaussian

LOOKS = st.lists(
    st.builds(
        lambda mean, sd, at, quality: Look(at, quality, gaussian(mean, sd).probabilities),
        st.floats(0, 100),
        st.floats(2, 25),
        st.floats(0, 60),
        st.floats(0.05, 1),
    ),
    min_size=1,
    max_size=12,
)


def looks(*means_years: float, sd_years: float = 5.0, gap_s: float = 1.0) -> list[Look]:
    return [
        Look(number * gap_s, 0.9, gaussian(mean, sd_years).probabilities)
        for number, mean in enumerate(means_years)
    ]


def fused(*means_years: float, sd_years: float = 5.0, gap_s: float = 1.0) -> AgeDistribution:
    distribution = fuse(looks(*means_years, sd_years=sd_years, gap_s=gap_s))
    assert distribution is not None
    return distribution


@given(LOOKS)
def test_the_result_is_a_proper_distribution(given_looks: list[Look]) -> None:
    distribution = fuse(given_looks)
    assert distribution is not None
    assert all(math.isfinite(p) and p >= 0 for p in distribution.probabilities)
    assert math.isclose(sum(distribution.probabilities), 1.0, abs_tol=1e-9)


@given(LOOKS)
def test_it_is_never_surer_than_the_documented_share_of_the_surest_crop(
    given_looks: list[Look],
) -> None:
    distribution = fuse(given_looks)
    assert distribution is not None
    surest = min(AgeDistribution(look.probabilities).sd_years for look in given_looks)
    assert distribution.sd_years >= SPREAD_KEPT_RATIO * surest - 1e-6


@given(LOOKS)
def test_the_mean_stays_between_the_youngest_and_the_oldest_crop(given_looks: list[Look]) -> None:
    # To one standard deviation: a product of skewed shapes may lean out a little.
    distribution = fuse(given_looks)
    assert distribution is not None
    crops = [AgeDistribution(look.probabilities) for look in given_looks]
    slack = max(crop.sd_years for crop in crops)
    assert distribution.mean_years >= min(crop.mean_years for crop in crops) - slack
    assert distribution.mean_years <= max(crop.mean_years for crop in crops) + slack


@given(LOOKS, st.randoms(use_true_random=False))
def test_the_order_of_the_crops_does_not_matter(
    given_looks: list[Look], shuffler: random.Random
) -> None:
    other = list(given_looks)
    shuffler.shuffle(other)
    one, two = fuse(given_looks), fuse(other)
    assert one is not None
    assert two is not None
    assert one.mean_years == pytest.approx(two.mean_years, abs=1e-6)


@given(st.lists(st.floats(25, 75), min_size=1, max_size=10), st.floats(0.5, 10))
def test_a_visit_that_looks_younger_as_a_whole_is_fused_younger(
    means_years: list[float], by_years: float
) -> None:
    younger = [mean - by_years for mean in means_years]
    assert fused(*younger).mean_years < fused(*means_years).mean_years


def test_one_crop_is_returned_as_it_is() -> None:
    only = gaussian(33)
    distribution = fused(33)
    assert distribution.probabilities == pytest.approx(only.probabilities, abs=1e-9)


def torn(one_years: float, other_years: float, share: float = 0.6) -> Look:
    """A crop that cannot decide between two ages."""
    one, other = gaussian(one_years, 3.0).probabilities, gaussian(other_years, 3.0).probabilities
    mixed = (share * a + (1 - share) * b for a, b in zip(one, other, strict=True))
    return Look(one_years + other_years, 0.9, tuple(mixed))


@given(st.lists(st.builds(torn, st.floats(5, 95), st.floats(5, 95)), min_size=1, max_size=6))
@example([torn(50, other, 0.8) for other in (2, 15, 85, 98)])
def test_crops_that_agree_in_one_of_several_ages_do_not_make_it_certain(
    given_looks: list[Look],
) -> None:
    distribution = fuse(given_looks)
    assert distribution is not None
    surest = min(AgeDistribution(look.probabilities).sd_years for look in given_looks)
    assert distribution.sd_years >= SPREAD_KEPT_RATIO * surest - 1e-6


def test_a_crop_that_turns_younger_hardly_makes_the_visit_older() -> None:
    """What robustness costs: at most 0.07 years in 4000 random visits, measured 2026-11."""
    draw = random.Random(2)
    for _ in range(300):
        means = [draw.gauss(30, 3) for _ in range(draw.choice([3, 4, 10]))]
        younger = [draw.uniform(1, means[0]), *means[1:]]
        rise = fused(*younger, gap_s=0.3).mean_years - fused(*means, gap_s=0.3).mean_years
        assert rise < 0.2


def test_many_crops_at_the_same_moment_say_no_more_than_one() -> None:
    assert fused(*[30] * 40, gap_s=0.0).sd_years == pytest.approx(5.0, abs=0.01)


def test_crops_apart_in_time_sharpen_up_to_the_limit() -> None:
    spread = fused(*[30] * 40, gap_s=1.0).sd_years
    assert spread < 4.7
    assert spread >= 5.0 * math.sqrt(PERSON_CORRELATION) - 0.01


@pytest.mark.parametrize("wild_years", [3.0, 70.0, 95.0])
def test_a_single_wild_crop_hardly_moves_ten(wild_years: float) -> None:
    calm = [24, 26, 25, 23, 27, 25, 24, 26, 25]
    assert abs(fused(*calm, wild_years).mean_years - fused(*calm).mean_years) < 2.0


def test_crops_that_disagree_leave_the_result_wide() -> None:
    assert fused(20, 60, 20, 60).sd_years > 10


def test_poor_crops_count_less_than_good_ones() -> None:
    good = Look(0.0, 1.0, gaussian(30).probabilities)
    poor = Look(5.0, 0.1, gaussian(40).probabilities)
    distribution = fuse([good, poor])
    assert distribution is not None
    assert 30 < distribution.mean_years < 32.5


@given(st.floats(1, 1e6))
def test_the_effective_number_of_looks_is_bounded(independent: float) -> None:
    assert 1.0 - 1e-9 <= effective_looks(independent) <= 1.0 / PERSON_CORRELATION


def test_a_visit_without_crops_is_no_evidence() -> None:
    assert VisitEvidence().evidence() == NO_EVIDENCE
    assert fuse([]) is None


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, -0.1, 5.0])
def test_what_is_no_distribution_is_no_evidence(wrong: float) -> None:
    good = estimate(30, 1.0)
    values = (wrong, *good.distribution.probabilities[1:])
    visit = VisitEvidence()
    assert not visit.add(replace(good, distribution=AgeDistribution(values)))
    assert visit.evidence() == NO_EVIDENCE


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_times_and_qualities_that_are_not_finite_are_no_evidence(wrong: float) -> None:
    visit = VisitEvidence()
    assert not visit.add(estimate(30, wrong))
    assert not visit.add(estimate(30, 1.0, quality_ratio=wrong))
    assert visit.evidence().crops == 0


def test_memory_is_bounded_and_the_count_goes_on() -> None:
    visit = VisitEvidence()
    for number in range(MAX_CROPS):
        visit.add(estimate(60, float(number)))
    for number in range(MAX_CROPS):
        visit.add(estimate(20, float(MAX_CROPS + number)))
    evidence = visit.evidence()
    assert evidence.crops == 2 * MAX_CROPS
    assert evidence.last_at_s == 2 * MAX_CROPS - 1
    assert evidence.distribution is not None
    assert evidence.distribution.mean_years == pytest.approx(20, abs=0.5)


def test_a_late_crop_does_not_make_the_evidence_older() -> None:
    visit = VisitEvidence()
    visit.add(estimate(30, 5.0))
    visit.add(estimate(30, 4.0))
    assert visit.evidence().last_at_s == 5.0


def test_certain_crops_that_contradict_each_other_are_still_a_distribution() -> None:
    def one(year: int) -> tuple[float, ...]:
        return tuple(1.0 if y == year else 0.0 for y in range(AGE_CLASSES))

    distribution = fuse([Look(0.0, 1.0, one(20)), Look(9.0, 1.0, one(60))])
    assert distribution is not None
    assert distribution.mean_years == pytest.approx(40, abs=0.1)


def test_fusing_brings_the_error_down_on_a_simulated_crowd() -> None:
    """A person's bias of 4 years and a crop's own error of 3: fusing takes most of the latter."""
    draw = random.Random(7)
    single = together = 0.0
    for _ in range(200):
        truth = draw.uniform(15, 75)
        bias = draw.gauss(0, 4)
        means = [min(max(truth + bias + draw.gauss(0, 3), 0), 100) for _ in range(10)]
        single += abs(means[0] - truth)
        together += abs(fused(*means, sd_years=5.0, gap_s=0.3).mean_years - truth)
    assert together / 200 < single / 200 - 0.3
