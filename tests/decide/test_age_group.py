from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.decision import AgeGroupSection
from agent.decide.age_group import group_names, group_probabilities, most_probable_group
from agent.records import AGE_CLASSES, AgeDistribution
from tests.decide.factories import gaussian

SECTION = AgeGroupSection()


def certain(year: int) -> AgeDistribution:
    return AgeDistribution(tuple(1.0 if y == year else 0.0 for y in range(AGE_CLASSES)))


def test_names_follow_the_bounds() -> None:
    names = ("0-9", "10-17", "18-24", "25-34", "35-49", "50-64", "65+")
    assert group_names(SECTION) == names


@pytest.mark.parametrize(
    ("year", "group"),
    [(0, "0-9"), (9, "0-9"), (10, "10-17"), (17, "10-17"), (18, "18-24"), (64, "50-64"),
     (65, "65+"), (100, "65+")],
)  # fmt: skip
def test_a_year_falls_into_the_group_that_names_it(year: int, group: str) -> None:
    probabilities = group_probabilities(certain(year), SECTION)
    assert dict(probabilities)[group] == 1.0
    assert most_probable_group(probabilities) == group


@given(st.floats(0, 100), st.floats(0.5, 30))
def test_probabilities_sum_to_one_and_name_every_group(mean_years: float, sd_years: float) -> None:
    probabilities = group_probabilities(gaussian(mean_years, sd_years), SECTION)
    assert [name for name, _ in probabilities] == list(group_names(SECTION))
    assert math.isclose(sum(p for _, p in probabilities), 1.0, abs_tol=1e-9)


def test_without_evidence_the_group_is_unknown() -> None:
    assert group_probabilities(None, SECTION) == ()
    assert group_probabilities(AgeDistribution((math.nan,) * AGE_CLASSES), SECTION) == ()
    assert most_probable_group(()) == "unknown"


def test_of_equal_groups_the_younger_is_named() -> None:
    assert most_probable_group((("18-24", 0.5), ("25-34", 0.5))) == "18-24"
