"""The mean of runs' weights is a run's folder, and refuses what cannot be averaged."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.average import average
from training.network import build
from training.serving import BEST_WEIGHTS, LAST_WEIGHTS
from training.settings import load_settings

CROP_PX = 32


def run_of(folder: Path, fill: float, width: float = 0.0625) -> Path:
    """Write a run's folder whose weights are all the same number."""
    folder.mkdir()
    model = build(width, CROP_PX)
    model.set_weights([np.full_like(each, fill) for each in model.get_weights()])
    model.save_weights(folder / BEST_WEIGHTS)
    settings = {"width": width, "crop_px": CROP_PX, "seed": int(fill)}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "environment.json").write_text(json.dumps({"commit": "abc"}))
    return folder


def test_the_mean_of_two_runs_can_be_loaded_as_a_run(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / "one", 1.0), run_of(tmp_path / "two", 4.0)]

    average(runs, tmp_path / "mean")

    model = build(0.0625, CROP_PX)
    model.load_weights(tmp_path / "mean" / BEST_WEIGHTS)
    assert all((weight == 2.5).all() for weight in model.get_weights())
    assert load_settings(tmp_path / "mean" / "settings.json").seed == 4
    environment = json.loads((tmp_path / "mean" / "environment.json").read_text())
    averaged = [f"{name}/{BEST_WEIGHTS}" for name in ("one", "two")]
    assert environment == {"commit": "abc", "averages": averaged}


def test_a_file_of_a_run_can_stand_for_its_best_weights(tmp_path: Path) -> None:
    one = run_of(tmp_path / "one", 1.0)
    two = run_of(tmp_path / "two", 4.0)
    (two / BEST_WEIGHTS).rename(two / LAST_WEIGHTS)

    average([one, one, two / LAST_WEIGHTS], tmp_path / "mean")

    model = build(0.0625, CROP_PX)
    model.load_weights(tmp_path / "mean" / BEST_WEIGHTS)
    assert all((weight == 2).all() for weight in model.get_weights())


def test_runs_of_two_widths_have_no_mean(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / "one", 1.0), run_of(tmp_path / "wide", 1.0, width=0.125)]

    with pytest.raises(ValueError, match=r"wide.*width"):
        average(runs, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()
