"""The challenge policy: from what is known about the people to an advice. Pure.

Doubt asks: whatever is missing, old, little or not finite is `unsure`, and `unsure` asks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agent.config.decision import CategoryPolicy, ChallengeSection
from agent.decide.evidence import Evidence
from agent.decide.thresholds import ThresholdTable
from agent.outcomes import AlertReason

AdviceLevel = Literal["none", "unsure", "challenge"]

#: More caution is a higher number; an advice within a sale only rises.
CAUTION: dict[AdviceLevel, int] = {"none": 0, "unsure": 1, "challenge": 2}


@dataclass(frozen=True, slots=True)
class Rule:
    """A category's policy with what calibration allows.

    Attributes:
        threshold_years: Calibrated; None when no calibration supports the policy.
    """

    category: str
    policy: CategoryPolicy
    threshold_years: float | None

    @property
    def effective_threshold_years(self) -> float:
        """Who has a fused mean below it is asked: the higher of policy and calibration."""
        return max(float(self.policy.challenge_age_years), self.threshold_years or 0.0)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The policy's answer for a sale.

    Attributes:
        reason: Why it asks; None when it does not.
        waitable: More evidence, soon, could change it: waiting is worth while.
        people: Persons at the customer's place.
    """

    advice: AdviceLevel
    reason: AlertReason | None
    waitable: bool
    people: int


@dataclass(frozen=True, slots=True)
class _Person:
    advice: AdviceLevel
    reason: AlertReason | None
    mean_years: float  # NaN when unknown


def make_rules(section: ChallengeSection, thresholds: ThresholdTable | None) -> dict[str, Rule]:
    """Return the rule of every configured category."""
    rules = {}
    for category, policy in section.categories.items():
        entry = (
            thresholds.lookup(policy.legal_age_years, section.max_false_pass_ratio)
            if thresholds is not None
            else None
        )
        threshold_years = entry.threshold_years if entry is not None else None
        rules[category] = Rule(category, policy, threshold_years)
    return rules


def strictest(rules: Sequence[Rule]) -> Rule:
    """Return the rule that asks most people: for goods of a category nobody configured."""
    return max(rules, key=lambda r: (r.threshold_years is None, r.effective_threshold_years))


def judge(
    people: Sequence[Evidence], rule: Rule, section: ChallengeSection, now_s: float
) -> Judgement:
    """Return the advice about the people at the customer's place: the youngest decides.

    Args:
        people: One evidence a person who counts as being there.
        rule: Of the goods' category.
        section: How much and how fresh evidence must be.
        now_s: Monotonic time, the same clock as the evidence's.
    """
    if not people:
        return Judgement("unsure", "no_evidence", waitable=True, people=0)
    persons = [_judge_person(evidence, rule, section, now_s) for evidence in people]
    counted = _without_accompanied_children(persons, rule, section)
    worst = max(counted, key=lambda person: CAUTION[person.advice])
    reason = worst.reason
    if worst.advice == "challenge" and len(counted) > 1:
        reason = "several_people"
    waitable = worst.advice == "unsure" and any(_lacks_evidence(person) for person in counted)
    return Judgement(worst.advice, reason, waitable, people=len(people))


def judge_visit(
    person: Evidence,
    others: Sequence[Evidence],
    rule: Rule,
    section: ChallengeSection,
    now_s: float,
) -> Judgement:
    """Return the advice about one person alone; the others only make a child accompanied.

    For a register without a point of sale, which advises once a visit.
    """
    persons = [_judge_person(e, rule, section, now_s) for e in (person, *others)]
    judged = persons[0]
    people = len(persons)
    if not any(
        counted is judged for counted in _without_accompanied_children(persons, rule, section)
    ):
        return Judgement("none", None, waitable=False, people=people)
    return Judgement(judged.advice, judged.reason, _lacks_evidence(judged), people)


def _judge_person(
    evidence: Evidence, rule: Rule, section: ChallengeSection, now_s: float
) -> _Person:
    mean_years = evidence.distribution.mean_years if evidence.distribution else math.nan
    lack = _lack(evidence, mean_years, section, now_s)
    if lack is not None:
        return _Person("unsure", lack, math.nan)
    if mean_years < rule.effective_threshold_years:
        return _Person("challenge", "looks_under_challenge_age", mean_years)
    if rule.threshold_years is None:
        # Fail safe: nobody passes by a threshold that no measurement supports.
        return _Person("unsure", "not_calibrated", mean_years)
    return _Person("none", None, mean_years)


def _lack(
    evidence: Evidence, mean_years: float, section: ChallengeSection, now_s: float
) -> AlertReason | None:
    """Return what the evidence lacks, or None when it is good enough to judge by."""
    if not math.isfinite(mean_years):  # no crop, or NaN: fail safe
        return "no_evidence"
    if evidence.crops < section.min_crops:
        return "too_few_crops"
    # Written so that a NaN time is stale too.
    if not now_s - evidence.last_at_s <= section.evidence_max_age_s:
        return "stale_evidence"
    return None


def _lacks_evidence(person: _Person) -> bool:
    return person.advice == "unsure" and person.reason != "not_calibrated"


def _without_accompanied_children(
    persons: Sequence[_Person], rule: Rule, section: ChallengeSection
) -> list[_Person]:
    """Leave out children who stand beside somebody of legal age, or every parent would be asked.

    A child is left out only on good evidence; without it the child is a person like any other.
    """
    limit_years = section.accompanied_child_below_years
    # A legal age may be lower than the limit: nobody is a child and the adult beside it.
    adult_years = max(rule.policy.legal_age_years, limit_years)
    adult = any(person.mean_years >= adult_years for person in persons)
    if not adult:
        return list(persons)
    return [person for person in persons if not person.mean_years < limit_years]
