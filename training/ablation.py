"""What each step of the recipe brought: a chain of short runs that differ in one thing each.

`python -m training.ablation` trains what is missing (a quarter of an hour on 2 cores; a killed
one goes on), then `evaluate --ablation` measures all of them, in one run and on one split.

Every run is short, so its error is far from the shipped model's: what can be compared is two
neighbours. The last two start from a run before them; `goes on` is what they compare with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from agent.records import Float32Array
from training.age_calibration import REGIONS_YEARS, softmax
from training.data import Faces, IntArray, load_faces
from training.predict import calibration_of, logits_of
from training.report import covered
from training.serving import LAST_WEIGHTS, load_trained
from training.settings import Settings, load_settings
from training.train import Run

FOLDER = Path(".cache/runs/ablation")
_PASSES, _MORE_PASSES = 1.0, 0.25
#: A run has 220 to 890 steps: the full recipe's warm-up and average would outlast them.
_WARMUP_STEPS, _AVERAGING_RATIO = 50, 0.98
_LOW_PX, _HIGH_PX = 64, 96
HEADING = ("step", "what it is", "MAE", "10-70", "inside stated 90 %: all", "10-17", "25-34")


@dataclass(frozen=True, slots=True)
class Step:
    """One run of the table.

    Attributes:
        name: Of its folder and row.
        text: What it differs in from the one above.
        settings: Of the run.
    """

    name: str
    text: str
    settings: Settings


def steps(folder: Path) -> Iterator[Step]:
    """Yield the runs in the table's order; each has what the one above has, and one thing more.

    Args:
        folder: Of the runs.
    """
    plain = Settings(
        crop_px=_LOW_PX,
        passes=_PASSES,
        warmup_steps=_WARMUP_STEPS,
        averaging_ratio=_AVERAGING_RATIO,
        sources=("utkface",),
        start_from="scratch",
        output="single",
        aligned=False,
    )
    yield Step("plain", "one output, absolute error, from scratch, box crops, UTKFace", plain)
    pretrained = replace(plain, start_from="pretrained")
    yield Step("pretraining", "starts from open_nsfw's weights", pretrained)
    years = replace(pretrained, output="years")
    yield Step("distribution", "a probability for each year, soft labels", years)
    aligned = replace(years, aligned=True)
    yield Step("alignment", "crops turned and sized by the eyes", aligned)
    both = replace(aligned, sources=("utkface", "fairface"))
    yield Step("fairface", "FairFace's intervals mixed in", both)
    weights = folder / "fairface" / LAST_WEIGHTS
    more = replace(both, passes=_MORE_PASSES, learning_rate=3e-4, start_from=str(weights))
    yield Step("goes on", f"{_MORE_PASSES:g} passes more, nothing else", more)
    sharper = replace(more, crop_px=_HIGH_PX)
    yield Step("resolution", f"the same passes at {_HIGH_PX} px instead of {_LOW_PX}", sharper)
    wide = replace(more, width=1.0, start_from=f"widen:{folder / 'fairface'}")
    yield Step("widening", f"the same passes at full width and {_LOW_PX} px", wide)


def train_missing(faces: Faces, folder: Path, console: Console) -> None:
    """Train every run that is not finished."""
    for step in steps(folder):
        console.print(f"[bold]{step.name}[/]: {step.text}")
        Run(step.settings, faces, folder / step.name).train()


def measure(faces: Faces, folder: Path, split: str) -> list[dict[str, Any]]:
    """Return a row for each finished run, and one for the last half-width run calibrated.

    Args:
        faces: The prepared photographs.
        folder: Of the runs.
        split: Of UTKFace's photographs.
    """
    rows: list[dict[str, Any]] = []
    for step in steps(folder):
        run = folder / step.name
        settings = load_settings(run / "settings.json")
        chosen = replace(faces, aligned=settings.aligned)
        model = load_trained(run, settings, chosen, LAST_WEIGHTS)
        indices = chosen.select(split, "utkface")
        logits = logits_of(model, chosen, indices, settings.crop_px)
        ages = chosen.exact_ages(indices)
        rows.append(_row(step.name, step.text, logits, ages))
        if step.name == "resolution":
            fitted = calibration_of(
                partial(logits_of, model, chosen, crop_px=settings.crop_px), chosen
            )
            scaled = logits * fitted.scale + fitted.bias
            text = "the same network, each year calibrated"
            rows.append(_row("calibration", text, scaled, ages))
    return rows


def _row(name: str, text: str, logits: Float32Array, ages_years: IntArray) -> dict[str, Any]:
    is_single = logits.shape[1] == 1
    means = logits[:, 0] if is_single else softmax(logits) @ np.arange(logits.shape[1])
    errors = np.abs(means - ages_years)
    row: dict[str, Any] = {
        "step": name,
        "text": text,
        "mae_years": float(errors.mean()),
        "ages_10_to_70_mae_years": float(errors[(ages_years >= 10) & (ages_years <= 70)].mean()),
        "coverage_ratio": None,
    }
    if not is_single:
        inside = covered(softmax(logits), ages_years)
        row["coverage_ratio"] = float(inside.mean())
        for low, high in REGIONS_YEARS[:3]:
            region = (ages_years >= low) & (ages_years <= high)
            if region.any():
                row[f"coverage_{low}_{high}_ratio"] = float(inside[region].mean())
    return row


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return a row's texts under `HEADING`."""
    shares = (row.get(f"coverage{key}_ratio") for key in ("", "_10_17", "_25_34"))
    return (
        row["step"],
        row["text"],
        f"{row['mae_years']:.2f}",
        f"{row['ages_10_to_70_mae_years']:.2f}",
        *("-" if share is None else f"{share:.1%}" for share in shares),
    )


def table(rows: list[dict[str, Any]]) -> Table:
    """Return the rows for a terminal."""
    shown = Table(*HEADING, title="Ablation")
    for row in rows:
        shown.add_row(*cells(row))
    return shown


def main(
    faces: Annotated[Path, typer.Option(help="what prepare wrote")] = Path(".cache/faces"),
    out: Annotated[Path, typer.Option(help="folder of the runs")] = FOLDER,
) -> None:
    """Train the runs of the ablation table that are missing."""
    train_missing(load_faces(faces), out, Console())


if __name__ == "__main__":
    typer.run(main)
