"""Age groups: from a distribution to the probability of every group. Pure."""

from __future__ import annotations

import itertools
import math

from agent.config.decision import AgeGroupSection
from agent.records import AGE_CLASSES, AgeDistribution

UNKNOWN_GROUP = "unknown"


def group_names(section: AgeGroupSection) -> tuple[str, ...]:
    """Return the groups' names in order of age, such as `("0-9", "10-17", …, "65+")`."""
    bounds = section.lower_bounds_years
    closed = [f"{low}-{high - 1}" for low, high in itertools.pairwise(bounds)]
    return (*closed, f"{bounds[-1]}+")


def group_probabilities(
    distribution: AgeDistribution | None, section: AgeGroupSection
) -> tuple[tuple[str, float], ...]:
    """Return (name, probability) of every group; they sum to 1.

    Without evidence (None, or a distribution with NaN) there is nothing to say: empty.
    """
    if distribution is None:
        return ()
    total = sum(distribution.probabilities)
    if not (math.isfinite(total) and total > 0.0):
        return ()
    edges = (*section.lower_bounds_years, AGE_CLASSES)
    shares = [
        sum(distribution.probabilities[low:high]) / total for low, high in itertools.pairwise(edges)
    ]
    return tuple(zip(group_names(section), shares, strict=True))


def most_probable_group(probabilities: tuple[tuple[str, float], ...]) -> str:
    """Return the name of the most probable group, the younger of equals; `unknown` of none."""
    if not probabilities:
        return UNKNOWN_GROUP
    return max(probabilities, key=lambda group: group[1])[0]
