"""The whole path on 200 photographs, to see that it works; the figures mean nothing.

`python -m training.smoke`: prepare, train a few steps, a few more with those as the teacher,
export, calibrate, evaluate, in a temporary folder.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.calibrate import calibrate, write_table
from training.data import load_faces
from training.evaluate import Evaluation, evaluate, publish, tables
from training.export import export, register
from training.prepare import prepare
from training.serving import BEST_WEIGHTS
from training.settings import Settings
from training.teacher import teach
from training.train import Run

PHOTOGRAPHS = 200
#: Composed for the calibration, of each kind.
CUSTOMERS = 4
SETTINGS = Settings(crop_px=64, passes=2.0, batch=16, warmup_steps=4, averaging_ratio=0.5)


def smoke(data: Path, folder: Path, console: Console) -> None:
    """Run every step on few photographs.

    Args:
        data: Folder with `labels.csv` and its zip files.
        folder: Where everything is written.
        console: Shows the time each step took.
    """
    cache, model = folder / "faces", folder / "models" / "smoke"
    first, run, teacher = folder / "first", folder / "run", folder / "teacher.npy"
    begun = time.monotonic()

    def tell(step: str) -> None:
        console.print(f"{time.monotonic() - begun:6.1f} s  {step}")

    prepare(data, cache, workers=2, limit=PHOTOGRAPHS)
    tell("prepared")
    faces = load_faces(cache)
    Run(SETTINGS, faces, first).train()
    tell("trained")
    teach([first], faces, teacher)
    taught = replace(
        SETTINGS,
        passes=1.0,
        mix_ratio=0.3,
        teacher=str(teacher),
        start_from=str(first / BEST_WEIGHTS),
    )
    Run(taught, faces, run).train()
    tell("trained with a teacher")
    exported = export(run, faces, model)
    register(exported, model)
    tell(f"exported as {exported.precision}")
    write_table(calibrate(model, data, limit=CUSTOMERS), model / "thresholds.json")
    tell("calibrated")
    report, exact = evaluate(Evaluation(model, faces, robustness_faces=CUSTOMERS))
    publish(report, exact, model)
    for each in tables(report):
        console.print(each)
    tell("evaluated")


def main(
    shared: Annotated[
        Path, typer.Option(envvar="CHECKOUT_SHARED_DIR", help="folder that holds data/labels.csv")
    ] = Path("../shared"),
) -> None:
    """Try the whole training path on 200 photographs in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        smoke(shared / "data", Path(folder), Console())


if __name__ == "__main__":
    typer.run(main)
