"""Measures how the exported model confuses age groups: `models/<name>/group_confusion.json`.

`python -m training.group_confusion` takes the validation split, so that what is shown on the
test split is not what the correction was made from. `--aggregate FILE` writes the test split's
figures for the tests: means over at least eight people each, nobody's own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from agent.config.decision import AgeGroupSection
from agent.decide.age_group import group_names
from agent.estimate.artefact import find_model
from agent.insights.confusion import CONFUSION_NAME, GroupConfusion
from training.artefact_runtime import ArtefactRuntime, estimate_section
from training.data import Faces, load_faces

#: People behind one prototype of the aggregate.
PROTOTYPE_PEOPLE = 8
SECTION = AgeGroupSection()
Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def group_predictions(model: Path, faces: Faces, split: str) -> tuple[Float64Array, IntArray]:
    """Return (n, groups) probabilities and (n,) true groups of UTKFace's photographs."""
    indices = faces.select(split, "utkface")
    runtime = ArtefactRuntime(model)
    years = np.concatenate(
        [
            runtime.predict(faces.crops(indices[start : start + 512], runtime.crop_px))
            for start in range(0, len(indices), 512)
        ]
    ).astype(np.float64)
    ages = faces.exact_ages(indices)
    bounds = np.array(SECTION.lower_bounds_years)
    groups = np.add.reduceat(years, bounds, axis=1)
    return groups / groups.sum(axis=1, keepdims=True), np.searchsorted(bounds, ages, "right") - 1


def confusion_of(
    probabilities: Float64Array, true: IntArray, sha256: str, measured_on: str
) -> GroupConfusion:
    """Return what people of each group count for on average."""
    names = group_names(SECTION)
    rows = [probabilities[true == group].mean(axis=0) for group in range(len(names))]
    return GroupConfusion(
        model_sha256=sha256,
        measured_on=measured_on,
        groups=names,
        people=tuple(int((true == group).sum()) for group in range(len(names))),
        mean_probability=tuple(tuple(round(float(p), 5) for p in row) for row in rows),
    )


def prototypes(probabilities: Float64Array) -> list[list[float]]:
    """Return [people, probability of each group …] of neighbours in age, as the model sees it."""
    order = np.argsort(probabilities @ np.arange(probabilities.shape[1]), kind="stable")
    parts = np.array_split(order, max(1, len(order) // PROTOTYPE_PEOPLE))
    return [
        [len(part), *(round(float(p), 4) for p in probabilities[part].mean(axis=0))]
        for part in parts
    ]


def aggregate(probabilities: Float64Array, true: IntArray) -> dict[str, Any]:
    """Return what the tests need of the test split."""
    names = group_names(SECTION)
    most_probable = probabilities.argmax(axis=1)
    return {
        "groups": list(names),
        "people": [int((true == group).sum()) for group in range(len(names))],
        "mean_probability": [
            [round(float(p), 5) for p in probabilities[true == group].mean(axis=0)]
            for group in range(len(names))
        ],
        "most_probable": [
            np.bincount(most_probable[true == group], minlength=len(names)).tolist()
            for group in range(len(names))
        ],
        "prototypes": {
            name: prototypes(probabilities[true == group]) for group, name in enumerate(names)
        },
    }


def main(
    cache: Annotated[Path, typer.Option(help="What `prepare` wrote.")] = Path(".cache/faces"),
    model: Annotated[Path, typer.Option(help="Exported model.")] = Path("models/age_resnet50"),
    aggregate_to: Annotated[
        Path | None, typer.Option("--aggregate", help="Also write the tests' aggregate.")
    ] = None,
) -> None:
    """Write the confusion beside the model."""
    faces = load_faces(cache)
    entry = find_model(estimate_section(model))
    weights = {file.path: file.sha256 for file in entry.artefact("openvino").files}
    probabilities, true = group_predictions(model, faces, "val")
    confusion = confusion_of(probabilities, true, weights["model.bin"], "utkface val")
    (model / CONFUSION_NAME).write_text(_json(confusion.model_dump()), encoding="utf-8")
    if aggregate_to is not None:
        content = aggregate(*group_predictions(model, faces, "test"))
        aggregate_to.write_text(_json(content), encoding="utf-8")


def _json(content: dict[str, Any]) -> str:
    """Return JSON with one key a line."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    typer.run(main)
