"""The confusion of age groups: means over people, and an aggregate that is nobody's own."""

from __future__ import annotations

import json

import numpy as np
import pytest

from agent.config.decision import AgeGroupSection
from agent.decide.age_group import group_names
from training.group_confusion import PROTOTYPE_PEOPLE, aggregate, confusion_of, prototypes

NAMES = group_names(AgeGroupSection())


def answers(people: int) -> tuple[np.typing.NDArray[np.float64], np.typing.NDArray[np.int64]]:
    random = np.random.default_rng(1)
    true = np.arange(people) % len(NAMES)
    probabilities = random.random((people, len(NAMES))) + 3 * np.eye(len(NAMES))[true]
    return probabilities / probabilities.sum(axis=1, keepdims=True), true


def test_the_confusion_is_the_mean_answer_about_each_group() -> None:
    probabilities, true = answers(700)
    confusion = confusion_of(probabilities, true, "0" * 64, "somewhere")
    assert confusion.people == (100,) * len(NAMES)
    assert confusion.mean_probability[2] == pytest.approx(
        probabilities[true == 2].mean(axis=0), abs=1e-5
    )


def test_prototypes_are_of_several_people_and_keep_their_mean() -> None:
    probabilities, _ = answers(103)
    rows = np.array(prototypes(probabilities))
    assert rows[:, 0].sum() == 103
    assert rows[:, 0].min() >= PROTOTYPE_PEOPLE
    mean = rows[:, 0] @ rows[:, 1:] / 103
    assert mean == pytest.approx(probabilities.mean(axis=0), abs=1e-4)


def test_the_aggregate_counts_everybody_once_and_is_json() -> None:
    probabilities, true = answers(700)
    made = json.loads(json.dumps(aggregate(probabilities, true)))
    assert np.sum(made["most_probable"]) == np.sum(made["people"]) == 700
    assert list(made["prototypes"]) == made["groups"] == list(NAMES)
