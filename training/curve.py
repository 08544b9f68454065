"""The loss of a run, as CSV and as a picture."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

SMOOTHED_STEPS = 50


def write(folder: Path, losses: Sequence[float], last_step: int) -> None:
    """Write `losses.csv` and `curve.png`.

    Args:
        folder: Of the run.
        losses: Of the last steps.
        last_step: Number of the last of them, from 1.
    """
    first = last_step - len(losses) + 1
    with (folder / "losses.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("step", "loss"))
        writer.writerows((first + n, f"{loss:.6f}") for n, loss in enumerate(losses))
    width = min(SMOOTHED_STEPS, len(losses))
    smooth = np.convolve(losses, np.full(width, 1 / width), "valid")
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(np.arange(len(smooth)) + first + width - 1, smooth)
    axes.set(xlabel="step", ylabel=f"loss, mean of {width} steps")
    figure.savefig(folder / "curve.png", dpi=80)
