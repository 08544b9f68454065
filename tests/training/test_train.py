"""A run that was killed goes on to the same losses."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.faces import noise_faces
from training.data import Faces
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
@pytest.mark.timeout(300)
def test_a_killed_run_goes_on_to_the_same_losses(tmp_path: Path, faces: Faces) -> None:
    whole = Run(TINY, faces, tmp_path / "whole")
    whole.train()
    Run(TINY, faces, tmp_path / "killed").train(until_step=8)  # behind the checkpoint at 6

    resumed = Run(TINY, faces, tmp_path / "killed")
    assert len(resumed.losses) == 6
    resumed.train()

    assert len(whole.losses) == 10
    np.testing.assert_allclose(resumed.losses, whole.losses, rtol=2e-3)
    files = {path.name for path in (tmp_path / "killed").iterdir()}
    assert files >= {"settings.json", "environment.json", "metrics.csv", "best.weights.h5"}
    rows = (tmp_path / "killed" / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "5", "10"]
    assert json.loads((tmp_path / "killed" / "environment.json").read_text())["data"]


def test_the_shipped_settings_can_be_read(repository: Path) -> None:
    files = sorted((repository / "training" / "configs").glob("*.json"))

    settings = {file.stem: load_settings(file) for file in files}

    assert settings["half96"].width == 0.5
    assert settings["full112"].start_from.startswith("widen:")
    assert settings["full112"].width == 1.0
