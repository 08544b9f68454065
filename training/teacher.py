"""Several trained networks as one teacher: what they make of every training photograph.

`python -m training.teacher --runs A --runs B` writes the softmax of their mean logits, each
photograph and its mirror image, once for all steps of a run. The mean of networks errs less
than each of them, and a distribution says more than a label (Hinton, Vinyals & Dean 2015).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer
from rich.progress import track

from agent.records import AGE_CLASSES, Float32Array
from training.age_calibration import softmax
from training.data import Faces, IntArray, load_faces
from training.serving import load_trained
from training.settings import load_settings

_BATCH = 256


def load_taught(path: Path, indices: IntArray) -> Float32Array:
    """Return (photographs, AGE_CLASSES) probabilities, NaN where the teacher saw nothing.

    Args:
        path: What `teach` wrote.
        indices: Photographs of the run.

    Raises:
        ValueError: A photograph of the run was not shown to the teacher.
    """
    taught: Float32Array = np.load(path)
    if len(taught) <= indices.max() or np.isnan(taught[indices, 0]).any():
        raise ValueError(f"{path} is of other photographs: python -m training.teacher writes it")
    return taught


def mean_logits(models: dict[keras.Model, int], faces: Faces, indices: IntArray) -> Float32Array:
    """Return (n, AGE_CLASSES), the mean over the networks and both mirror images.

    Args:
        models: To the width of the crops each takes.
        faces: The prepared photographs.
        indices: n of them.
    """
    total = np.zeros((len(indices), AGE_CLASSES), np.float32)
    for model, crop_px in models.items():
        crops = faces.crops(indices, crop_px).astype(np.float32)
        for view in (crops, np.ascontiguousarray(crops[:, :, ::-1])):
            total += keras.ops.convert_to_numpy(model.predict_on_batch(view))
    return np.divide(total, 2 * len(models), dtype=np.float32)


def teach(runs: list[Path], faces: Faces, out: Path) -> None:
    """Write the runs' mean probabilities of every training photograph.

    Args:
        runs: Their folders.
        faces: The prepared photographs.
        out: (photographs, AGE_CLASSES), `.npy`; NaN outside the training split.
    """
    models = {}
    for run in runs:
        settings = load_settings(run / "settings.json")
        models[load_trained(run, settings, faces)] = settings.crop_px
    taught = np.full((len(faces.rows), AGE_CLASSES), np.nan, np.float32)
    indices = faces.select("train")
    for start in track(range(0, len(indices), _BATCH), "showing photographs to the teacher"):
        chosen = indices[start : start + _BATCH]
        taught[chosen] = softmax(mean_logits(models, faces, chosen))
    out.parent.mkdir(parents=True, exist_ok=True)
    np.save(out, taught)


def main(
    runs: Annotated[list[Path], typer.Option(help="folder of a run; several times")],
    faces: Annotated[Path, typer.Option(help="what prepare wrote")] = Path(".cache/faces"),
    out: Annotated[Path, typer.Option(help="file to write")] = Path(".cache/teacher.npy"),
) -> None:
    """Write the runs' mean probabilities of every training photograph."""
    teach(runs, load_faces(faces), out)


if __name__ == "__main__":
    typer.run(main)
