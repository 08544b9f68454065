"""Chooses the thresholds of the decision rule and writes them beside the model.

`python -m training.calibrate --model models/age_resnet50`

The temperature is inside the artefacts: `export` fits it. Thresholds are chosen on the
`calibration` and `val` splits of UTKFace and never on `test`, where `evaluate` reports them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from agent.decide.thresholds import FalsePass, ThresholdEntry, ThresholdTable
from agent.records import AGE_CLASSES, Float32Array
from training.artefact_runtime import ArtefactRuntime
from training.data import Faces, load_faces
from training.false_pass import (
    LEGAL_AGES_YEARS,
    MINOR_YEARS,
    TARGET_RATIOS,
    Threshold,
    challenged,
    choose_threshold,
)

_YEARS = np.arange(AGE_CLASSES, dtype=np.float32)
_DIGITS = 4


def threshold_table(
    minors: tuple[Float32Array, Float32Array],
    adults: tuple[Float32Array, Float32Array],
    model_sha256: str,
) -> ThresholdTable:
    """Return the table for every legal age and target.

    Args:
        minors: (n,) ages and (n,) estimated means that choose the thresholds.
        adults: Likewise, of the validation split; they tell who is asked.
        model_sha256: Of the weights that made the estimates.
    """
    entries = []
    for legal_age in LEGAL_AGES_YEARS:
        chosen = (minors[0] >= legal_age - MINOR_YEARS) & (minors[0] < legal_age)
        entries += [
            _entry(choose_threshold(minors[1][chosen], legal_age, target), adults)
            for target in TARGET_RATIOS
        ]
    return ThresholdTable(
        schema_version=1, model_sha256=model_sha256, rule="fused_mean_years", tables=tuple(entries)
    )


def _entry(chosen: Threshold, adults: tuple[Float32Array, Float32Array]) -> ThresholdEntry:
    legal_age, target = chosen.legal_age_years, chosen.max_false_pass_ratio
    threshold = chosen.threshold_years
    if threshold is None:
        return ThresholdEntry(
            legal_age_years=legal_age,
            max_false_pass_ratio=target,
            threshold_years=None,
            reason_if_null=chosen.reason,
        )
    low, high = chosen.passed.interval
    return ThresholdEntry(
        legal_age_years=legal_age,
        max_false_pass_ratio=target,
        threshold_years=threshold,
        challenged_18_24_ratio=round(challenged(*adults, threshold, 18, 24).ratio, _DIGITS),
        challenged_25_plus_ratio=round(challenged(*adults, threshold, 25, 100).ratio, _DIGITS),
        false_pass=FalsePass(
            ratio=round(chosen.passed.ratio, _DIGITS),
            low=round(low, _DIGITS),
            high=round(high, _DIGITS),
            n=chosen.passed.total,
        ),
    )


def calibrate(model: Path, faces: Faces) -> ThresholdTable:
    """Return the table of the exported OpenVINO model.

    Args:
        model: Folder with `model.xml` and `model.bin`.
        faces: The prepared photographs.
    """
    runtime = ArtefactRuntime(model)
    ages, means = {}, {}
    for split in ("calibration", "val"):
        indices = faces.select(split, "utkface")
        ages[split] = np.array([faces.ages(i)[0] for i in indices], np.float32)
        crops = faces.crops(indices, runtime.crop_px)
        means[split] = runtime.predict(crops) @ _YEARS
    minors = (
        np.concatenate([ages["calibration"], ages["val"]]),
        np.concatenate([means["calibration"], means["val"]]),
    )
    digest = hashlib.sha256((model / "model.bin").read_bytes()).hexdigest()
    return threshold_table(minors, (ages["val"], means["val"]), digest)


def _as_table(table: ThresholdTable) -> Table:
    heading = ("under", "target", "threshold, years", "false pass", "n", "18-24 asked", "25+ asked")
    shown = Table(*heading)
    for entry in table.tables:
        legal, target = str(entry.legal_age_years), f"{entry.max_false_pass_ratio:.2f}"
        if entry.threshold_years is None or entry.false_pass is None:
            shown.add_row(legal, target, "-", entry.reason_if_null)
            continue
        passed = entry.false_pass
        shown.add_row(
            legal,
            target,
            f"{entry.threshold_years:.1f}",
            f"{passed.ratio:.3f} ({passed.low:.3f}-{passed.high:.3f})",
            str(passed.n),
            f"{entry.challenged_18_24_ratio:.2f}",
            f"{entry.challenged_25_plus_ratio:.2f}",
        )
    return shown


def write_table(table: ThresholdTable, path: Path) -> None:
    """Write `thresholds.json`."""
    path.write_text(json.dumps(table.model_dump(), indent=2) + "\n")


def main(
    model: Annotated[Path, typer.Option(help="folder of the model")] = Path("models/age_resnet50"),
    faces: Annotated[Path, typer.Option(help="what prepare wrote")] = Path(".cache/faces"),
) -> None:
    """Write `thresholds.json` into the model's folder."""
    table = calibrate(model, load_faces(faces))
    write_table(table, model / "thresholds.json")
    Console().print(_as_table(table))


if __name__ == "__main__":
    typer.run(main)
