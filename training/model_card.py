"""MODEL_CARD.md, made from measured results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from agent.estimate.artefact import ModelEntry, load_manifest
from training import ablation
from training.robustness import HEADING, cells

CARD_NAME = "MODEL_CARD.md"
_INTENDED = """\
## Intended use
Advice to a cashier at a supermarket register: ask this customer for ID, or say nothing.
The estimate may only add a challenge; a person decides. It also gives one anonymous age
group for each visit. The model sees an eye-aligned crop of a face and gives a probability
for each year 0..100. It tells nothing else about a person.

Not for: approving a sale, replacing an ID check, recognising persons, anything about a
single person's exact age, faces under 10 years beside adults, or photographs of photographs.

## Limits
- Labels of UTKFace are partly guesses of an algorithm checked by people; near duplicates
  carry ages up to 48 years apart. Every figure below contains that noise.
- Both data sets are portraits from the web. A register camera from above, in bad light or
  through a mask is harder; no figure here was measured at a register.
- The figures are for one photograph. A visit joins several crops, which are correlated.
- Errors differ by age, sex and ancestry: see the tables. The data have no other traits.

## Licence
**Research use.** The network was trained on UTKFace, which is for non-commercial research
only, and the weights inherit that. FairFace is CC BY 4.0 (Kärkkäinen & Joo 2021). The
starting weights are Yahoo's open_nsfw (BSD-2-Clause), which was trained on ImageNet first.
"""


def write_model_card(model: Path, report: dict[str, Any]) -> None:
    """Write MODEL_CARD.md into the model's folder.

    Args:
        model: Folder of the model; the manifest lies beside it.
        report: From `evaluate`.
    """
    entries = {entry.name: entry for entry in load_manifest(model.parent).models}
    entry = entries[model.name]
    parts = [
        f"# {model.name}\n",
        "Made by `make train` (`python -m training.evaluate --write-card`); do not edit.\n",
        _description(entry),
        _INTENDED,
        _utkface(report),
        _fairface(report["fairface"]),
        _thresholds(report),
        _robustness(report),
        _comparison(report),
        _ablation(report),
        _artefacts(entry),
        _plots(model),
    ]
    (model / CARD_NAME).write_text("\n".join(part for part in parts if part))


def _description(entry: ModelEntry) -> str:
    side_px = entry.input.crop_px
    return (
        f"{entry.topology}, 101 outputs, one a year; input {side_px} x {side_px} px RGB, cut by "
        "`agent.estimate.align`; channel means, calibration and softmax are inside the model. "
        f"Exported {entry.created:%Y-%m-%d %H:%M} UTC.\n"
    )


def _utkface(report: dict[str, Any]) -> str:
    exact = report["utkface"]
    rows = {"**all ages**": exact["all_ages"], "**10-70**": exact["ages_10_to_70"]}
    for kind in ("age_band", "sex", "ancestry"):
        rows |= exact[kind]
    lines = [
        (
            name,
            error["faces"],
            f"{error['mae_years']:.2f}",
            f"{error['median_years']:.2f}",
            f"{error['bias_years']:+.2f}",
            f"{error['within_5_years_ratio']:.1%}",
            _covered(error),
        )
        for name, error in rows.items()
        if error is not None
    ]
    heading = ("group", "faces", "MAE", "median", "bias", "within 5 years", "inside stated 90 %")
    return (
        f"## UTKFace, split `{report['split']}`: exact ages, one view\n"
        f"Path: {report['path']}. A face was found in "
        f"{exact['faces_found']} of {exact['photographs']} photographs "
        f"({exact['faces_found_ratio']:.2%}); the others are not in the errors. Years; in "
        "brackets 95 % Wilson intervals.\n\n"
        f"{_table(heading, lines)}\n{_gaps(exact)}"
    )


def _covered(error: dict[str, Any]) -> str:
    low, high = error["interval_90_coverage_bounds"]
    return f"{error['interval_90_coverage_ratio']:.1%} ({low:.1%}-{high:.1%})"


def _gaps(exact: dict[str, Any]) -> str:
    gaps = []
    for kind in ("sex", "ancestry"):
        errors = [error["mae_years"] for error in exact[kind].values()]
        if len(errors) > 1:
            gaps.append(f"{max(errors) - min(errors):.2f} years by {kind}")
    return f"Largest gap of the MAE: {', '.join(gaps)}.\n" if gaps else ""


def _fairface(report: dict[str, Any]) -> str:
    if report["inside_ratio"] is None:
        return ""
    rows = {"**all**": report} | report["sex"] | report["ancestry"]
    lines = [
        (name, f"{row['inside_ratio']:.1%}", f"{row['mean_distance_years']:.2f}")
        for name, row in rows.items()
    ]
    return (
        "## FairFace: intervals\n"
        f"A face was found in {report['faces_found']} of {report['photographs']} photographs "
        f"({report['faces_found_ratio']:.2%}). Distance of the mean to the labelled interval.\n\n"
        f"{_table(('group', 'inside the interval', 'distance, years'), lines)}"
    )


def _thresholds(report: dict[str, Any]) -> str:
    lines = [
        (
            row["legal_age_years"],
            f"{row['max_false_pass_ratio']:.2f}",
            f"{row['threshold_years']:.1f}",
            _share(row["false_pass"]),
            _share(row["challenged_18_24"]),
            _share(row["challenged_25_plus"]),
        )
        for row in report["thresholds"]
    ]
    heading = ("legal age", "target", "threshold", "false pass", "18-24 asked", "25+ asked")
    return (
        f"## Thresholds, as they do on `{report['split']}`\n"
        "Chosen on the calibration and validation splits (`thresholds.json`). False pass: of "
        "the last four years under the legal age; 95 % Wilson intervals. A target that is "
        "missing here is one that the data cannot support; `thresholds.json` says why.\n\n"
        f"{_table(heading, lines)}"
    )


def _share(row: dict[str, Any]) -> str:
    return f"{row['count']}/{row['n']} = {row['ratio']:.1%} ({row['low']:.1%}-{row['high']:.1%})"


def _robustness(report: dict[str, Any]) -> str:
    rows = report.get("robustness")
    if not rows:
        return ""
    return (
        f"## Robustness on UTKFace `{report['split']}`\n"
        "Effects laid on the photographs, 160 px with a face of about 128; covers on the aligned "
        "crop. The gate is the agent's, with its limits as shipped. Years.\n\n"
        f"{_table(HEADING, [cells(row) for row in rows])}"
    )


def _comparison(report: dict[str, Any]) -> str:
    comparison = report.get("comparison")
    if not comparison:
        return ""
    lines = [
        (
            row["name"],
            f"{row['faces_found']} of {comparison['photographs']}",
            _years(row["mae_years"]),
            _years(row["mae_where_found_years"]),
        )
        for row in comparison["rows"]
    ]
    heading = ("package", "faces found", "MAE where all found one", "MAE where it found one")
    return (
        f"## Beside another package, on `{report['split']}`\n"
        f"The same {comparison['photographs']} photographs of 10-70-year-olds, each package with "
        "its own detector and in its own environment, in one run. All found a face in "
        f"{comparison['found_by_all']}. Years.\n\n{_table(heading, lines)}"
    )


def _ablation(report: dict[str, Any]) -> str:
    rows = report.get("ablation")
    if not rows:
        return ""
    return (
        f"## What each step brought, on UTKFace `{report['split']}`\n"
        "Short runs of `python -m training.ablation`, one pass each over their photographs, "
        f"measured in one run in Keras on {report['ablation_on']}: compare neighbours, not with "
        "the figures above. Each has what the one above has; `resolution` and `widening` compare "
        "with `goes on`. Years.\n\n"
        f"{_table(ablation.HEADING, [ablation.cells(row) for row in rows])}"
    )


def _years(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _artefacts(entry: ModelEntry) -> str:
    metrics: dict[str, Any] = entry.metrics
    lines = [
        (
            name,
            f"{each['mae_years']:.3f}",
            f"{each['mae_loss_years']:+.4f}",
            f"{each['max_probability_difference']:.4f}",
        )
        for name, each in metrics.items()
        if isinstance(each, dict) and "mae_loss_years" in each
    ]
    shipped = ", ".join(f"{name} {each.precision}" for name, each in entry.artefacts.items())
    heading = ("artefact", "MAE", "lost to Keras fp32", "largest difference of a probability")
    return (
        f"## Artefacts on {metrics['split']}\n"
        f"Shipped: {shipped}. Keras fp32: {metrics['keras_fp32_mae_years']:.3f} years.\n\n"
        f"{_table(heading, lines)}"
    )


def _plots(model: Path) -> str:
    files = sorted((model / "plots").glob("*.png"))
    return "## Plots\n" + "\n".join(f"![{f.stem}](plots/{f.name})" for f in files) + "\n"


def _table(heading: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)
