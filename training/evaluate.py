"""Measures the exported model through the path that a register's pictures take.

`python -m training.evaluate --model models/age_resnet50` uses the keypoints that `prepare`
cached, which are the agent's own two looks. `--from-images DATA` decodes the photographs
anew and gives them to the agent's pipeline for still pictures: detector, second look,
aligner, runtime, nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from agent.decide.thresholds import load_thresholds
from agent.records import Float32Array
from training import ablation
from training.artefact_runtime import ArtefactRuntime
from training.comparison import compare, sample
from training.data import Faces, IntArray, load_faces, spread_evenly
from training.manifest import add_metrics
from training.model_card import write_model_card
from training.photographs import predict_photographs
from training.plots import write_plots, write_robustness_plots
from training.report import (
    Predictions,
    exact_age_report,
    interval_report,
    predictions_of,
    threshold_report,
)
from training.robustness import Robustness
from training.robustness import table as robustness_table

REPORT_NAME = "evaluation.json"
FROM_PHOTOGRAPHS = (
    "photograph, detector, second look, aligner, OpenVINO model in the agent's runtime"
)
FROM_CACHE = "cached keypoints of the two looks, aligner, OpenVINO model in the agent's runtime"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one run of `evaluate` looks at."""

    model: Path
    faces: Faces
    split: str = "test"
    images: Path | None = None
    limit: int | None = None
    robustness_faces: int = 0
    compared_faces: int = 0
    ablation_runs: Path | None = None

    def predictions(self, source: str) -> Predictions:
        """Return the model's answers on one source's photographs of the split."""
        everything = self.faces.photographs(self.split, source)
        if self.limit is not None:
            everything = spread_evenly(everything, self.limit)
        if self.images is not None:
            found, probabilities = predict_photographs(
                self.model, self.images, self.faces, everything
            )
        else:
            found = everything[self.faces.found[everything]]
            probabilities = self._from_cache(found)
        return predictions_of(self.faces, found, probabilities, len(everything))

    def _from_cache(self, indices: IntArray) -> Float32Array:
        runtime = ArtefactRuntime(self.model)
        return runtime.predict(self.faces.crops(indices, runtime.crop_px))

    def robustness(self) -> list[dict[str, Any]]:
        """Return the rows of the robustness table, of faces spread evenly over the split."""
        found = self.faces.select(self.split, "utkface")
        spread = spread_evenly(found, self.robustness_faces)
        return Robustness(self.faces, spread, ArtefactRuntime(self.model)).report()

    def comparison(self) -> dict[str, Any] | None:
        """Return another package's errors beside the model's, or None when not asked for."""
        if not self.compared_faces:
            return None
        if self.images is None:
            raise typer.BadParameter("--compare needs the photographs: give --from-images too")
        chosen = sample(self.faces, self.split, self.compared_faces)
        return compare(self.model, self.images, self.faces, chosen)

    def ablation(self) -> dict[str, Any]:
        """Return the ablation's rows and their day; without runs those of the report before."""
        if self.ablation_runs:
            rows = ablation.measure(self.faces, self.ablation_runs, self.split)
            return {"ablation": rows, "ablation_on": f"{datetime.now(UTC):%Y-%m-%d}"}
        path = self.model / REPORT_NAME
        before = json.loads(path.read_text()) if path.exists() else {}
        kept = before if before.get("split") == self.split else {}
        return {"ablation": kept.get("ablation", []), "ablation_on": kept.get("ablation_on")}


def evaluate(evaluation: Evaluation) -> tuple[dict[str, Any], Predictions]:
    """Return the report, and the predictions with exact ages for the plots."""
    exact = evaluation.predictions("utkface")
    thresholds = load_thresholds(evaluation.model / "thresholds.json").tables
    usable = [
        (t.legal_age_years, t.max_false_pass_ratio, t.threshold_years)
        for t in thresholds
        if t.threshold_years is not None
    ]
    report = {
        "split": evaluation.split,
        "path": FROM_PHOTOGRAPHS if evaluation.images else FROM_CACHE,
        "utkface": exact_age_report(exact),
        "fairface": interval_report(evaluation.predictions("fairface")),
        "thresholds": threshold_report(exact, usable),
        "robustness": evaluation.robustness() if evaluation.robustness_faces else [],
        "comparison": evaluation.comparison(),
    } | evaluation.ablation()
    return report, exact


def headline(report: dict[str, Any]) -> dict[str, Any]:
    """Return the few figures that the manifest carries."""
    exact, interval = report["utkface"], report["fairface"]
    found = exact["all_ages"], exact["ages_10_to_70"]
    return {
        "utkface_mae_years": round(found[0]["mae_years"], 3) if found[0] else None,
        "utkface_10_to_70_mae_years": round(found[1]["mae_years"], 3) if found[1] else None,
        "utkface_faces_found_ratio": exact["faces_found_ratio"],
        "fairface_inside_ratio": interval["inside_ratio"],
        "fairface_distance_years": interval["mean_distance_years"],
    }


def publish(report: dict[str, Any], exact: Predictions, model: Path) -> None:
    """Write the report, the plots, the manifest's figures and MODEL_CARD.md of a model."""
    (model / REPORT_NAME).write_text(json.dumps(report, indent=2) + "\n")
    write_plots(exact, model / "plots")
    write_robustness_plots(report["robustness"], model / "plots")
    add_metrics(model, {f"{report['split']}_figures": headline(report)})
    write_model_card(model, report)


def tables(report: dict[str, Any]) -> list[Table]:
    """Return the report for a terminal."""
    shown = [_exact_table(report["utkface"]), _interval_table(report["fairface"])]
    if report["robustness"]:
        shown.append(robustness_table(report["robustness"]))
    if report["ablation"]:
        shown.append(ablation.table(report["ablation"]))
    return shown


def _exact_table(report: dict[str, Any]) -> Table:
    found = f"{report['faces_found']} of {report['photographs']} faces found"
    shown = Table(
        "group", "faces", "MAE", "median", "bias", "within 5", "in 90 %", title=f"UTKFace, {found}"
    )
    rows = {"all ages": report["all_ages"], "10-70": report["ages_10_to_70"]}
    for kind in ("age_band", "sex", "ancestry"):
        rows |= report[kind]
    for name, error in rows.items():
        if error is None:
            continue
        low, high = error["interval_90_coverage_bounds"]
        shown.add_row(
            name,
            str(error["faces"]),
            *(f"{error[key]:.2f}" for key in ("mae_years", "median_years", "bias_years")),
            f"{error['within_5_years_ratio']:.3f}",
            f"{error['interval_90_coverage_ratio']:.3f} ({low:.3f}-{high:.3f})",
        )
    return shown


def _interval_table(report: dict[str, Any]) -> Table:
    found = f"{report['faces_found']} of {report['photographs']} faces found"
    shown = Table("group", "inside", "distance, years", title=f"FairFace, {found}")
    rows = {"all": report} | report["sex"] | report["ancestry"]
    for name, row in rows.items():
        if row["inside_ratio"] is not None:
            shown.add_row(name, f"{row['inside_ratio']:.3f}", f"{row['mean_distance_years']:.2f}")
    return shown


def main(
    model: Annotated[Path, typer.Option(help="folder of the model")] = Path("models/age_resnet50"),
    faces: Annotated[Path, typer.Option(help="what prepare wrote")] = Path(".cache/faces"),
    split: Annotated[str, typer.Option(help="test, or val while choosing")] = "test",
    from_images: Annotated[Path | None, typer.Option(help="folder of labels.csv")] = None,
    limit: Annotated[int | None, typer.Option(help="photographs of each source")] = None,
    robustness_faces: Annotated[
        int, typer.Option("--robustness", help="faces of the robustness table; 0: none", min=0)
    ] = 0,
    compared_faces: Annotated[
        int, typer.Option("--compare", help="photographs for another package; 0: none", min=0)
    ] = 0,
    ablation_runs: Annotated[
        Path | None,
        typer.Option("--ablation", help="runs of training.ablation; none: the table before stays"),
    ] = None,
    write_card: Annotated[bool, typer.Option(help="MODEL_CARD.md and its plots")] = False,
) -> None:
    """Print the report and write it to `evaluation.json` beside the model when `write_card`."""
    chosen = Evaluation(
        model,
        load_faces(faces),
        split,
        from_images,
        limit,
        robustness_faces,
        compared_faces,
        ablation_runs,
    )
    report, exact = evaluate(chosen)
    console = Console()
    for each in tables(report):
        console.print(each)
    if write_card:
        publish(report, exact, model)


if __name__ == "__main__":
    typer.run(main)
