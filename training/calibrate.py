"""Chooses the thresholds of the decision rule and writes them beside the model.

`python -m training.calibrate --model models/age_resnet50`

The calibration of each year is inside the artefacts: `export` fits it. Thresholds are chosen
on customers composed from UTKFace's `calibration` and `val` splits: each face moves before a
till's camera and goes through detector, tracker, quality gate, network, evidence and policy.
On clean photographs alone a threshold for 5 % let 12 % of minors pass as they move (2026-11).
The `test` split is never used; `evaluate` and `composed_visits` report it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from agent.decide.thresholds import FalsePass, ThresholdEntry, ThresholdTable
from agent.records import Float32Array
from training.composed.levels import Level, calibration_faces, composed_levels
from training.false_pass import (
    LEGAL_AGES_YEARS,
    MINOR_YEARS,
    TARGET_RATIOS,
    Threshold,
    challenged,
    choose_threshold,
)

#: Customers of 25 years and more, who show how many are asked for nothing.
ADULTS = 200
SEED = 20261124
_DIGITS = 4


def threshold_table(
    minors: tuple[Float32Array, Float32Array],
    adults: tuple[Float32Array, Float32Array],
    model_sha256: str,
) -> ThresholdTable:
    """Return the table for every legal age and target.

    Args:
        minors: (n,) ages and (n,) levels below which they pass; they choose the thresholds.
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


def calibrate(
    model: Path, data: Path, workers: int = 1, limit: int | None = None
) -> ThresholdTable:
    """Return the table of the exported OpenVINO model.

    Args:
        model: Folder with `model.xml` and `model.bin`.
        data: Folder with `labels.csv` and its zip files.
        workers: Processes.
        limit: Take only so many customers of each kind; None takes all.
    """
    ages = (min(LEGAL_AGES_YEARS) - MINOR_YEARS, max(LEGAL_AGES_YEARS) - 1)
    choosing, adults = calibration_faces(data, SEED, ages, ADULTS)
    levels = composed_levels(model, [*choosing[:limit], *adults[:limit]], workers, SEED)
    count = len(choosing[:limit])
    digest = hashlib.sha256((model / "model.bin").read_bytes()).hexdigest()
    return threshold_table(_arrays(levels[:count]), _arrays(levels[count:]), digest)


def _arrays(levels: Sequence[Level]) -> tuple[Float32Array, Float32Array]:
    ages = np.array([level.age_years for level in levels], np.float32)
    return ages, np.array([level.passing_years for level in levels], np.float32)


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
    shared: Annotated[
        Path, typer.Option(envvar="CHECKOUT_SHARED_DIR", help="folder that holds data/")
    ] = Path("../shared"),
    data: Annotated[
        Path | None, typer.Option(help="folder with labels.csv and its zip files; none: shared")
    ] = None,
    workers: Annotated[int, typer.Option(help="processes", min=1)] = os.cpu_count() or 1,
) -> None:
    """Write `thresholds.json` into the model's folder."""
    table = calibrate(model, data or shared / "data", workers)
    write_table(table, model / "thresholds.json")
    Console().print(_as_table(table))


if __name__ == "__main__":
    typer.run(main)
