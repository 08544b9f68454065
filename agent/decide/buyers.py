"""Whose basket it was: the visits during a sale, as one distribution over age groups. Pure.

A camera sees who stands there, not who pays, so the answer is stated as a probability:

- Whoever was at the customer's place while the sale was open counts with their seconds in it.
- Who was there for less than half as long as the longest one is the customer before or after,
  or somebody passing.
- A child beside an adult does not buy (as in the challenge policy, DESIGN §6).
- Several who remain are a mixture by their seconds: sums over many baskets stay right where a
  choice of one would not. More than three are a crowd: unknown.
- One who remains without evidence makes it unknown: the others would get what is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.config.decision import AgeGroupSection
from agent.decide.age_group import group_probabilities
from agent.decide.customer_place import Visit
from agent.records import AgeDistribution

#: Present for a smaller share of the longest presence: not a customer of this sale.
MIN_PRESENCE_RATIO = 0.5
#: More people than this are a crowd of which nobody can say who buys.
MAX_BUYERS = 3
ADULT_YEARS = 18.0

GroupProbabilities = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Presence:
    """One person for so long; None: nothing is known about their age."""

    distribution: AgeDistribution | None
    seconds_s: float


def presences_during(visits: Sequence[Visit], from_s: float, until_s: float) -> list[Presence]:
    """Return who was there between two monotonic times, and for how long."""
    found = []
    for visit in visits:
        end_s = min(until_s, visit.last_seen_at_s) if visit.ended else until_s
        seconds_s = end_s - max(from_s, visit.started_at_s)
        if seconds_s > 0.0:
            found.append(Presence(visit.evidence.distribution, seconds_s))
    return found


def buyer_probabilities(
    presences: Sequence[Presence], groups: AgeGroupSection, child_below_years: float
) -> GroupProbabilities:
    """Return (name, probability) of every group, or nothing when it is not known who bought."""
    longest_s = max((each.seconds_s for each in presences), default=0.0)
    stayed = [each for each in presences if each.seconds_s >= MIN_PRESENCE_RATIO * longest_s]
    buyers = without_children(stayed, child_below_years)
    if not 1 <= len(buyers) <= MAX_BUYERS:
        return ()
    return mixture(buyers, groups)


def without_children(presences: Sequence[Presence], child_below_years: float) -> list[Presence]:
    """Leave out children, on good evidence only, when an adult is there."""
    means = [each.distribution.mean_years if each.distribution else None for each in presences]
    if not any(mean is not None and mean >= ADULT_YEARS for mean in means):
        return list(presences)
    pairs = zip(presences, means, strict=True)
    return [each for each, mean in pairs if mean is None or mean >= child_below_years]


def mixture(presences: Sequence[Presence], groups: AgeGroupSection) -> GroupProbabilities:
    """Return the groups' probabilities, each person weighing by their seconds."""
    total_s = sum(each.seconds_s for each in presences)
    sums: dict[str, float] = {}
    for each in presences:
        known = group_probabilities(each.distribution, groups)
        if not known:
            return ()
        for name, probability in known:
            sums[name] = sums.get(name, 0.0) + probability * each.seconds_s / total_s
    return tuple(sums.items())
