"""The pictures of the model card, small PNGs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from training.report import Predictions, covered_ratio

_DOTS_PER_INCH = 70
_BIN_YEARS = 5


def write_plots(predictions: Predictions, folder: Path) -> list[Path]:
    """Write all plots of predictions with exact ages and return their files."""
    folder.mkdir(parents=True, exist_ok=True)
    plots = {
        "predicted.png": _predicted,
        "error_by_age.png": _error_by_age,
        "reliability.png": _reliability,
        "false_pass.png": _false_pass,
    }
    files = []
    for name, draw in plots.items():
        figure = Figure(figsize=(4.5, 3.5), layout="constrained")
        draw(figure.subplots(), predictions)
        figure.savefig(folder / name, dpi=_DOTS_PER_INCH)
        files.append(folder / name)
    return files


def write_robustness_plots(rows: Sequence[dict[str, Any]], folder: Path) -> list[Path]:
    """Write the error by face size and by blur and return the files.

    Args:
        rows: Of the robustness table; without rows nothing is written.
        folder: Of the plots.
    """
    plots = {
        "error_by_face_size.png": (("face width",), "face width, px"),
        "error_by_blur.png": (("blur", "motion blur"), "sigma or length, px of 160"),
    }
    if not rows:
        return []
    files = []
    for name, (effects, label) in plots.items():
        figure = Figure(figsize=(4.5, 3.5), layout="constrained")
        axes = figure.subplots()
        for effect in effects:
            chosen = [row for row in rows if row["effect"] == effect]
            values = [row["value"] for row in chosen]
            axes.plot(values, [row["mae_years"] for row in chosen], marker=".", label=effect)
            taken = [row["mae_of_passed_years"] for row in chosen]
            axes.plot(values, _gaps(taken), "x", label=f"{effect}, taken by the gate")
        axes.set(xlabel=label, ylabel="mean error, years")
        axes.legend()
        figure.savefig(folder / name, dpi=_DOTS_PER_INCH)
        files.append(folder / name)
    return files


def _gaps(values: Sequence[float | None]) -> list[float]:
    """Return the values with NaN, which is not drawn, for None."""
    return [float("nan") if value is None else value for value in values]


def _predicted(axes: Any, predictions: Predictions) -> None:
    axes.plot(predictions.low_years, predictions.mean_years, ".", markersize=2, alpha=0.4)
    axes.plot((0, 100), (0, 100), linewidth=1, color="black")
    axes.set(xlabel="true age, years", ylabel="estimated mean, years")


def _error_by_age(axes: Any, predictions: Predictions) -> None:
    signed = predictions.mean_years - predictions.low_years
    group = predictions.low_years // _BIN_YEARS
    present = np.unique(group)
    middle = (present + 0.5) * _BIN_YEARS
    axes.plot(middle, [np.abs(signed[group == g]).mean() for g in present], label="mean error")
    axes.plot(middle, [signed[group == g].mean() for g in present], label="bias")
    axes.axhline(0, linewidth=0.5, color="black")
    axes.set(xlabel="true age, years", ylabel="years")
    axes.legend()


def _reliability(axes: Any, predictions: Predictions) -> None:
    stated = np.linspace(0.1, 0.95, 18)
    measured = [covered_ratio(predictions, float(ratio)) for ratio in stated]
    axes.plot(stated, measured, marker=".")
    axes.plot((0, 1), (0, 1), linewidth=1, color="black")
    axes.set(xlabel="stated interval", ylabel="share of true ages inside")


def _false_pass(axes: Any, predictions: Predictions) -> None:
    thresholds = np.arange(16, 40, 0.5)
    ages, means = predictions.low_years, predictions.mean_years
    for low, high, label in ((14, 17, "14-17 pass"), (18, 24, "18-24 pass"), (25, 100, "25+ pass")):
        chosen = means[(ages >= low) & (ages <= high)]
        if len(chosen):
            axes.plot(thresholds, [(chosen >= t).mean() for t in thresholds], label=label)
    axes.set(xlabel="threshold on the mean, years", ylabel="share not asked")
    axes.legend()
