"""Several runs' weights averaged into one network: no slower than one of them, and better.

`python -m training.average --runs A --runs B --out C` writes a run's folder for `export`; a run
named twice counts twice, and instead of its best weights a file of its folder can be named. It
works for runs that went on from one another, whose weights are near (Wortsman et al. 2022,
"Model soups"); elsewhere the mean of two networks' weights is no network.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer

from agent.records import Float32Array
from training.network import build
from training.serving import BEST_WEIGHTS
from training.settings import load_settings


def average(runs: list[Path], out: Path) -> None:
    """Write the mean of the runs' weights, with settings and environment of the last.

    Args:
        runs: Their folders, for the best weights of each, or files with weights in them.
        out: Folder of a run that ends there.

    Raises:
        ValueError: The networks differ in width, crop or output.
    """
    files = [run if run.is_file() else run / BEST_WEIGHTS for run in runs]
    settings = [load_settings(file.parent / "settings.json") for file in files]
    if len({(each.width, each.crop_px, each.output) for each in settings}) != 1:
        raise ValueError(f"not of one kind: {', '.join(map(str, runs))}: width, crop_px or output")
    kind = settings[-1]
    model = build(kind.width, kind.crop_px, outputs=kind.outputs)
    every = [_weights(model, file) for file in files]
    model.set_weights([np.mean(same, axis=0) for same in zip(*every, strict=True)])
    out.mkdir(parents=True, exist_ok=True)
    model.save_weights(out / BEST_WEIGHTS)
    last = files[-1].parent
    shutil.copy(last / "settings.json", out)
    environment = json.loads((last / "environment.json").read_text())
    environment["averages"] = [f"{file.parent.name}/{file.name}" for file in files]
    (out / "environment.json").write_text(json.dumps(environment, indent=2))


def _weights(model: keras.Model, file: Path) -> list[Float32Array]:
    model.load_weights(file)
    weights: list[Float32Array] = model.get_weights()
    return weights


def main(
    runs: Annotated[
        list[Path], typer.Option(help="folder of a run, or a file in it; several times")
    ],
    out: Annotated[Path, typer.Option(help="folder to write, for export")],
) -> None:
    """Write the mean of several runs' weights as a run's folder."""
    average(runs, out)


if __name__ == "__main__":
    typer.run(main)
