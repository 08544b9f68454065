"""The ablation's runs differ in one thing each, and a row says what was measured."""

import itertools
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from tests.training.faces import noise_faces
from training.ablation import HEADING, _row, cells, steps
from training.evaluate import REPORT_NAME, Evaluation

COMPARED_WITH = {"resolution": "goes on", "widening": "goes on"}


def test_neighbours_differ_in_one_thing() -> None:
    chain = list(steps(Path("runs")))
    by_name = {step.name: asdict(step.settings) for step in chain}

    changed = {}
    for before, step in itertools.pairwise(chain):
        other = by_name[COMPARED_WITH.get(step.name, before.name)]
        mine = by_name[step.name]
        changed[step.name] = {key for key in mine if mine[key] != other[key]}

    assert changed == {
        "pretraining": {"start_from"},
        "distribution": {"output"},
        "alignment": {"aligned"},
        "fairface": {"sources"},
        "goes on": {"passes", "learning_rate", "start_from"},
        "resolution": {"crop_px"},
        "widening": {"width", "start_from"},  # the same run's weights, widened
    }


def test_a_distribution_row_has_error_and_coverage() -> None:
    logits = np.full((2, 101), -30, np.float32)
    logits[0, 12], logits[1, 30] = 0, 0

    row = _row("some", "text", logits, np.array([12, 34]))

    assert row["mae_years"] == pytest.approx(2)
    assert row["coverage_10_17_ratio"] == 1
    assert row["coverage_25_34_ratio"] == 0
    assert len(cells(row)) == len(HEADING)


def test_one_output_is_the_age_and_has_no_coverage() -> None:
    row = _row("plain", "text", np.array([[20.0], [80.0]], np.float32), np.array([22, 75]))

    assert (row["mae_years"], row["ages_10_to_70_mae_years"]) == (3.5, 2.0)
    assert cells(row)[-3:] == ("-", "-", "-")


def test_an_evaluation_without_runs_keeps_the_table_of_its_split(tmp_path: Path) -> None:
    table = {"ablation": [{"step": "plain"}], "ablation_on": "2026-11-24"}
    faces = noise_faces(2, tmp_path)
    none: dict[str, object] = {"ablation": [], "ablation_on": None}

    assert Evaluation(tmp_path, faces).ablation() == none
    (tmp_path / REPORT_NAME).write_text(json.dumps({"split": "test", **table}))
    assert Evaluation(tmp_path, faces).ablation() == table
    assert Evaluation(tmp_path, faces, "val").ablation() == none
