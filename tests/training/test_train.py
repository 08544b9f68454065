"""A run that was killed goes on to the same losses."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.faces import noise_faces
from training.data import Faces
from training.serving import BEST_WEIGHTS, LAST_WEIGHTS, load_trained
from training.settings import Settings, load_settings
from training.train import Run

TINY = Settings(
    width=0.0625,
    crop_px=32,
    passes=2.0,
    batch=8,
    warmup_steps=2,
    averaging_ratio=0.5,
    sources=("utkface",),
    start_from="scratch",
    checkpoint_steps=3,
)


@pytest.fixture
def faces(tmp_path: Path) -> Faces:
    (tmp_path / "data.json").write_text('{"labels_sha256": "0"}')
    faces = noise_faces(48, tmp_path)
    splits = faces.splits.astype("<U11")
    splits[40:] = "val"
    return replace(faces, splits=splits)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_run_with_growing_crops_goes_on_to_the_same_losses(
    tmp_path: Path, faces: Faces
) -> None:
    settings = replace(TINY, early_crop_px=24, early_ratio=0.7)  # to step 7
    whole = Run(settings, faces, tmp_path / "whole")
    whole.train()
    Run(settings, faces, tmp_path / "killed").train(until_step=8)  # behind the checkpoint at 6

    resumed = Run(settings, faces, tmp_path / "killed")
    assert len(resumed.losses) == 6
    resumed.train()

    assert len(whole.losses) == 10
    np.testing.assert_allclose(resumed.losses, whole.losses, rtol=2e-3)
    files = {path.name for path in (tmp_path / "killed").iterdir()}
    assert files >= {"settings.json", "environment.json", "metrics.csv", "best.weights.h5"}
    rows = (tmp_path / "killed" / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "5", "10"]
    assert json.loads((tmp_path / "killed" / "environment.json").read_text())["data"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_from_the_weights_of_another_begins_its_own_schedule(
    tmp_path: Path, faces: Faces
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    Run(TINY, faces, first).train()
    settings = replace(TINY, start_from=str(first / BEST_WEIGHTS), passes=1.0)

    Run(settings, faces, second).train()

    start = load_trained(first, TINY, faces).get_weights()
    end = load_trained(second, settings, faces, LAST_WEIGHTS).get_weights()
    assert np.abs(end[0] - start[0]).max() > 1e-5  # at the end of the other's schedule: 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_single_output_learns_the_age_itself(tmp_path: Path, faces: Faces) -> None:
    settings = replace(TINY, output="single", aligned=False, passes=1.0)

    run = Run(settings, faces, tmp_path / "single")
    run.train()

    assert load_settings(tmp_path / "single" / "settings.json") == settings
    assert 5 < run.losses[0] < 80  # years
    (row,) = csv.DictReader((tmp_path / "single" / "metrics.csv").read_text().splitlines())
    assert float(row["utkface_distance_years"]) > 0


def test_the_shipped_settings_can_be_read(repository: Path) -> None:
    files = sorted((repository / "training" / "configs").glob("*.json"))

    settings = {file.stem: load_settings(file) for file in files}

    assert settings["half96"].width == 0.5
    assert settings["more96"].start_from == ".cache/runs/half96/best.weights.h5"
    assert settings["half112"].start_from == ".cache/runs/more96/best.weights.h5"
    assert settings["taught96"].start_from == ".cache/runs/half112/best.weights.h5"
    assert settings["settled96"].start_from == ".cache/runs/taught96/best.weights.h5"
    assert settings["retaught96"].start_from == ".cache/runs/settled96/best.weights.h5"
    assert settings["branch96"].start_from == ".cache/runs/mean96/best.weights.h5"
    assert settings["otherbranch96"].start_from == ".cache/runs/mean96/best.weights.h5"
    assert settings["longbranch96"].start_from == ".cache/runs/branches96/best.weights.h5"


def test_settings_take_from_the_file_they_are_based_on(tmp_path: Path) -> None:
    (tmp_path / "first.json").write_text(
        '{"seed": 3, "passes": 2.0, "augmentation": {"blur_ratio": 0.1, "cover_ratio": 0.2}}'
    )
    (tmp_path / "second.json").write_text(
        '{"based_on": "first.json", "seed": 4, "augmentation": {"cover_ratio": 0.3}}'
    )

    found = load_settings(tmp_path / "second.json")

    assert (found.seed, found.passes) == (4, 2.0)
    assert (found.augmentation.blur_ratio, found.augmentation.cover_ratio) == (0.1, 0.3)
