"""What a composed customer's level is: the highest threshold at which nobody asks him."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import assemble
from agent.config.schema import Config
from agent.errors import ModelError
from agent.records import PipeRecord, VisitStarted
from tests.decide.factories import estimate
from training.composed.levels import (
    calibration_faces,
    composed_levels,
    decision_config,
    passing_years,
)
from training.composed.watching import Recording, Watcher
from training.splits import split_of

BASE_S = 1000.0


def recording(*means_years: float) -> Recording:
    """A customer who is estimated twice a second, from the beginning to the end."""
    started: PipeRecord = VisitStarted("till", "v1", BASE_S)
    steps: list[tuple[float, tuple[PipeRecord, ...]]] = [(0.0, (started,))]
    for number, mean_years in enumerate(means_years):
        at_s = 0.5 * (number + 1)
        steps.append((at_s, (estimate(mean_years, BASE_S + at_s),)))
    steps.append((9.0, ()))
    return Recording(
        BASE_S, tuple(steps), ((1.0, "opened"), (2.0, "item_scanned"), (4.5, "closed"))
    )


@pytest.fixture(scope="module")
def config(repository: Path) -> Config:
    return decision_config(repository / "models" / "age_resnet50")


def test_the_level_is_what_the_customer_looks_like(config: Config) -> None:
    assert passing_years(recording(*[30.0] * 8), config) == pytest.approx(30.0, abs=0.1)


def test_the_youngest_moment_of_the_sale_counts(config: Config) -> None:
    steady = passing_years(recording(*[30.0] * 8), config)
    later_younger = passing_years(recording(*[30.0] * 4, *[20.0] * 4), config)
    younger_before_the_scan = passing_years(recording(*[20.0] * 2, *[32.0] * 6), config)
    assert later_younger < steady - 2
    assert younger_before_the_scan < steady


def test_without_evidence_no_threshold_lets_anybody_pass(config: Config) -> None:
    assert passing_years(recording(), config) == 0.0
    assert passing_years(recording(40.0, 40.0), config) == 0.0  # too few crops


def test_a_table_measured_with_other_weights_does_not_stop_the_choice_of_a_new_one(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ModelError("measured with other weights")

    monkeypatch.setattr(assemble, "thresholds", refuse)

    Watcher(config)


def test_levels_lie_between_the_tenths_of_thresholds(config: Config) -> None:
    level = passing_years(recording(*[27.3] * 8), config)
    assert round(level * 100) % 10 == 5


def test_nobody_of_the_test_or_training_split_calibrates(shared_dir: Path) -> None:
    choosing, adults = calibration_faces(shared_dir / "data", 1, (12, 20), 5)
    assert {split_of(face.row) for face in choosing} == {"calibration", "val"}
    assert {split_of(face.row) for face in adults} == {"val"}
    assert all(12 <= face.age_years <= 20 for face in choosing)
    assert sum(face.age_years >= 25 for face in adults) == 5


@pytest.mark.slow
def test_real_faces_have_levels_near_their_ages(repository: Path, shared_dir: Path) -> None:
    _, adults = calibration_faces(shared_dir / "data", 1, (14, 14), 3)
    model = repository / "models" / "age_resnet50"
    levels = composed_levels(model, adults[-3:], workers=1, seed=2)
    assert [level.age_years for level in levels] == [face.age_years for face in adults[-3:]]
    assert all(0.0 < level.passing_years < 90.0 for level in levels)
