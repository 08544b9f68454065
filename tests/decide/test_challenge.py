"""The policy: doubt asks, and nothing that makes evidence weaker makes it less cautious."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.decision import CategoryPolicy, ChallengeSection
from agent.decide.challenge import (
    CAUTION,
    Judgement,
    Rule,
    judge,
    judge_visit,
    make_rules,
    strictest,
)
from agent.decide.evidence import NO_EVIDENCE, Evidence
from agent.records import AGE_CLASSES, AgeDistribution
from tests.decide.factories import entry, gaussian, table

SECTION = ChallengeSection()
RULE = Rule("alcohol", CategoryPolicy(), 28.0)
NOW_S = 100.0


def person(mean_years: float, crops: int = 5, age_s: float = 1.0) -> Evidence:
    return Evidence(gaussian(mean_years, 4.0), crops, NOW_S - age_s)


def advise(*people: Evidence, rule: Rule = RULE) -> Judgement:
    return judge(people, rule, SECTION, NOW_S)


def test_who_looks_old_enough_is_not_asked() -> None:
    assert advise(person(45)) == Judgement("none", None, waitable=False, people=1)


def test_the_calibrated_threshold_counts_when_it_is_above_the_challenge_age() -> None:
    assert advise(person(27.5)).advice == "challenge"
    assert advise(person(28.5)).advice == "none"


def test_the_challenge_age_counts_when_it_is_above_the_calibrated_threshold() -> None:
    rule = Rule("alcohol", CategoryPolicy(challenge_age_years=40), 28.0)
    assert advise(person(39), rule=rule).reason == "looks_under_challenge_age"
    assert advise(person(41), rule=rule).advice == "none"


def test_without_calibration_nobody_passes() -> None:
    rule = Rule("alcohol", CategoryPolicy(), None)
    assert advise(person(80), rule=rule).reason == "not_calibrated"
    assert not advise(person(80), rule=rule).waitable
    assert advise(person(20), rule=rule).advice == "challenge"


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (NO_EVIDENCE, "no_evidence"),
        (Evidence(AgeDistribution((math.nan,) * AGE_CLASSES), 9, NOW_S), "no_evidence"),
        (person(60, crops=2), "too_few_crops"),
        (person(60, age_s=10.1), "stale_evidence"),
        (person(60, age_s=math.nan), "stale_evidence"),
    ],
)
def test_evidence_that_lacks_something_is_unsure_and_worth_a_wait(
    evidence: Evidence, reason: str
) -> None:
    judgement = advise(evidence)
    assert (judgement.advice, judgement.reason, judgement.waitable) == ("unsure", reason, True)


def test_nobody_at_the_place_is_unsure() -> None:
    assert advise() == Judgement("unsure", "no_evidence", waitable=True, people=0)


def test_of_several_people_the_youngest_decides_and_the_reason_says_so() -> None:
    judgement = advise(person(50), person(20), person(35))
    assert (judgement.advice, judgement.reason) == ("challenge", "several_people")
    assert judgement.people == 3


def test_a_person_without_evidence_beside_an_adult_is_unsure() -> None:
    assert advise(person(50), NO_EVIDENCE).advice == "unsure"


def test_a_child_beside_an_adult_does_not_count_but_is_a_person() -> None:
    judgement = advise(person(45), person(6))
    assert (judgement.advice, judgement.people) == ("none", 2)


def test_the_reason_is_the_adults_own_when_only_a_child_stands_beside() -> None:
    assert advise(person(22), person(6)).reason == "looks_under_challenge_age"


def test_a_child_alone_or_beside_another_child_is_asked_for() -> None:
    assert advise(person(6)).advice == "challenge"
    assert advise(person(6), person(8)).advice == "challenge"
    assert advise(person(6), person(14)).advice == "challenge"


def test_a_low_legal_age_makes_nobody_the_adult_beside_himself() -> None:
    energy_drinks = Rule("energy", CategoryPolicy(legal_age_years=8, challenge_age_years=12), 12.0)
    assert advise(person(9), rule=energy_drinks).advice == "challenge"


def test_a_child_is_only_left_out_on_good_evidence() -> None:
    assert advise(person(45), person(6, crops=1)).reason == "too_few_crops"
    assert advise(person(45, age_s=60), person(6)).advice == "challenge"


def test_a_single_visit_is_judged_without_its_neighbours() -> None:
    def one(evidence: Evidence, *others: Evidence) -> Judgement:
        return judge_visit(evidence, others, RULE, SECTION, NOW_S)

    assert one(person(45), person(20)).advice == "none"
    assert one(person(20), person(45)).advice == "challenge"
    assert one(person(6), person(45)).advice == "none"
    assert one(person(6)).advice == "challenge"


def test_rules_come_from_the_table_for_each_category() -> None:
    section = ChallengeSection.model_validate(
        {"categories": {"alcohol": {}, "cognac": {"legal_age_years": 21}}}
    )
    rules = make_rules(section, table(entry(threshold_years=29.5)))
    assert rules["alcohol"].effective_threshold_years == 29.5
    assert rules["cognac"].threshold_years is None
    assert strictest(list(rules.values())) is rules["cognac"]
    assert make_rules(section, None)["alcohol"].threshold_years is None


PERSONS = st.builds(
    person,
    st.floats(10.5, 95),
    st.integers(0, 10),
    st.floats(0, 20),
)
CROWDS = st.lists(PERSONS, min_size=1, max_size=4)
RULES = st.builds(
    Rule,
    st.just("alcohol"),
    st.builds(CategoryPolicy, challenge_age_years=st.integers(18, 40)),
    st.one_of(st.none(), st.floats(15, 45)),
)


def asks(*people: Evidence, rule: Rule) -> bool:
    return advise(*people, rule=rule).advice != "none"


@given(CROWDS, RULES, st.data())
def test_younger_is_never_less_cautious(
    people: list[Evidence], rule: Rule, data: st.DataObject
) -> None:
    # Down to the accompanied child, which the law of the shop exempts.
    index = data.draw(st.integers(0, len(people) - 1))
    old = people[index]
    assert old.distribution is not None
    mean_years = data.draw(st.floats(10.5, max(10.5, old.distribution.mean_years)))
    younger = Evidence(gaussian(mean_years, 4.0), old.crops, old.last_at_s)
    assert younger.distribution is not None
    if not 10 <= younger.distribution.mean_years <= old.distribution.mean_years:
        return
    before = advise(*people, rule=rule)
    after = advise(*people[:index], younger, *people[index + 1 :], rule=rule)
    assert CAUTION[after.advice] >= CAUTION[before.advice]


@given(CROWDS, RULES, st.data())
def test_fewer_crops_older_evidence_and_nan_never_silence(
    people: list[Evidence], rule: Rule, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(people) - 1))
    old = people[index]
    nan = AgeDistribution((math.nan,) * AGE_CLASSES)
    weaker = data.draw(
        st.sampled_from(
            [
                Evidence(old.distribution, max(0, old.crops - 3), old.last_at_s),
                Evidence(old.distribution, old.crops, old.last_at_s - 8),
                Evidence(old.distribution, old.crops, math.nan),
                Evidence(nan, old.crops, old.last_at_s),
                NO_EVIDENCE,
            ]
        )
    )
    after = (*people[:index], weaker, *people[index + 1 :])
    assert asks(*after, rule=rule) or not asks(*people, rule=rule)


@given(CROWDS, PERSONS, RULES)
def test_one_more_person_never_silences(
    people: list[Evidence], another: Evidence, rule: Rule
) -> None:
    before, after = advise(*people, rule=rule), advise(*people, another, rule=rule)
    assert CAUTION[after.advice] >= CAUTION[before.advice]


@given(CROWDS, RULES, st.floats(0, 60))
def test_time_that_passes_never_silences(
    people: list[Evidence], rule: Rule, later_s: float
) -> None:
    after = judge(people, rule, SECTION, NOW_S + later_s)
    assert after.advice != "none" or not asks(*people, rule=rule)
