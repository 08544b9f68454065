"""From a run to the files that ship: Keras fp16, OpenVINO int8, the manifest.

`python -m training.export --run .cache/runs/shipped96`
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from agent.records import AGE_CLASSES, Float32Array, UInt8Array
from training.age_calibration import AgeCalibration
from training.data import Faces, IntArray, load_faces
from training.keras_model import save_half
from training.manifest import write_entry
from training.openvino_model import calibrated, convert, quantise, run, save
from training.predict import calibration_of, logits_of
from training.serving import BEST_WEIGHTS, load_trained, with_probabilities
from training.settings import load_settings

_YEARS = np.arange(AGE_CLASSES, dtype=np.float32)

#: Aligned training crops, half from each source, that NNCF measures activations on.
CALIBRATION_CROPS = 400
#: int8 must not cost more than this, or the weights ship as fp16.
MAX_INT8_LOSS_YEARS = 0.10


@dataclass(frozen=True, slots=True)
class Parity:
    """How far an artefact is from Keras in float32, on UTKFace's validation split."""

    mae_years: float
    mae_loss_years: float
    max_probability_difference: float


def parity(reference: Float32Array, other: Float32Array, ages_years: IntArray) -> Parity:
    """Return how far `other` is from `reference`, both (n, 101) probabilities."""
    mae = [float(np.abs(p @ _YEARS - ages_years).mean()) for p in (reference, other)]
    return Parity(mae[1], mae[1] - mae[0], float(np.abs(reference - other).max()))


def calibration_crops(faces: Faces, crop_px: int, count: int, seed: int = 0) -> UInt8Array:
    """Return up to `count` aligned training crops, half from each source."""
    random = np.random.default_rng(seed)
    chosen = []
    for source in ("utkface", "fairface"):
        indices = faces.select("train", source)
        chosen.append(random.choice(indices, min(count // 2, len(indices)), replace=False))
    return faces.crops(np.concatenate(chosen), crop_px)


@dataclass(frozen=True, slots=True)
class Exported:
    """What `export` wrote, beside the files; measured on UTKFace's validation split."""

    crop_px: int
    width: float
    calibration: AgeCalibration
    precision: str
    reference_mae_years: float
    parities: dict[str, Parity]
    circumstances: dict[str, Any]

    @property
    def metrics(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "split": "utkface val",
            "keras_fp32_mae_years": round(self.reference_mae_years, 4),
            "trained_with": self.circumstances,
            "calibration": {
                "fitted_on": "utkface val and calibration, fairface val",
                "scale": [round(float(value), 4) for value in self.calibration.scale[::10]],
                "bias": [round(float(value), 4) for value in self.calibration.bias[::10]],
                "of_years": list(range(0, AGE_CLASSES, 10)),
            },
        } | {
            name: {key: round(value, 5) for key, value in asdict(parity).items()}
            for name, parity in self.parities.items()
        }


def export(run_folder: Path, faces: Faces, out: Path, weights: str = BEST_WEIGHTS) -> Exported:
    """Write the artefacts of a run into `out` and return their figures.

    Args:
        run_folder: Written by `train`.
        faces: The prepared photographs.
        out: Folder of the model.
        weights: File in the run's folder.
    """
    settings = load_settings(run_folder / "settings.json")
    model = load_trained(run_folder, settings, faces, weights)
    indices = faces.select("val", "utkface")
    ages, crops = faces.exact_ages(indices), faces.crops(indices, settings.crop_px)
    plain = convert(model)
    quantised = quantise(plain, calibration_crops(faces, settings.crop_px, CALIBRATION_CROPS))
    # Of int8's logits, which a register gets: those of float32 left it untrue at 18-24.
    calibration = calibration_of(
        lambda chosen: run(quantised, faces.crops(chosen, settings.crop_px)), faces
    )
    reference = calibration.probabilities(logits_of(model, faces, indices, settings.crop_px))
    out.mkdir(parents=True, exist_ok=True)
    save_half(with_probabilities(model, calibration), out / "model.keras")
    served = {
        "fp16": calibrated(plain, calibration),
        "int8": calibrated(quantised, calibration),
    }
    answers = {
        "keras_fp16": _keras_answers(out / "model.keras", crops),
        "openvino_fp16": run(served["fp16"], crops),
        "openvino_int8": run(served["int8"], crops),
    }
    parities = {name: parity(reference, answer, ages) for name, answer in answers.items()}
    is_int8 = parities["openvino_int8"].mae_loss_years <= MAX_INT8_LOSS_YEARS
    precision = "int8" if is_int8 else "fp16"
    save(served[precision], out / "model.xml")
    mae = float(np.abs(reference @ _YEARS - ages).mean())
    return Exported(
        crop_px=settings.crop_px,
        width=settings.width,
        calibration=calibration,
        precision=precision,
        reference_mae_years=mae,
        parities=parities,
        circumstances=_circumstances(run_folder, faces),
    )


def _circumstances(run_folder: Path, faces: Faces) -> dict[str, Any]:
    """Return settings, commit and data of the run that made the weights."""
    environment = json.loads((run_folder / "environment.json").read_text())
    data = json.loads((faces.folder / "data.json").read_text())
    return {
        "commit": environment["commit"],
        "packages": environment["packages"],
        "averages": environment.get("averages", []),
        "labels_sha256": data["labels_sha256"],
        "settings": json.loads((run_folder / "settings.json").read_text()),
    }


def register(exported: Exported, out: Path) -> None:
    """Enter what was exported into the manifest beside the model's folder."""
    write_entry(
        out,
        exported.crop_px,
        exported.width,
        {"openvino": exported.precision, "tensorflow": "fp16"},
        exported.metrics,
    )


def _keras_answers(path: Path, crops: UInt8Array) -> Float32Array:
    model = keras.saving.load_model(path, compile=False)
    parts = [model.predict_on_batch(crops[i : i + 128]) for i in range(0, len(crops), 128)]
    return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts])


def _table(exported: Exported) -> Table:
    shown = Table("artefact", "MAE, years", "lost to fp32", "largest difference of a probability")
    shown.add_row("keras fp32", f"{exported.reference_mae_years:.3f}", "", "")
    for name, each in exported.parities.items():
        shown.add_row(
            name,
            f"{each.mae_years:.3f}",
            f"{each.mae_loss_years:+.4f}",
            f"{each.max_probability_difference:.4f}",
        )
    return shown


def main(
    run_folder: Annotated[Path, typer.Option("--run", help="folder of the run")],
    faces: Annotated[Path, typer.Option(help="what prepare wrote")] = Path(".cache/faces"),
    out: Annotated[Path, typer.Option(help="folder of the model")] = Path("models/age_resnet50"),
    weights: Annotated[str, typer.Option(help="file in the run's folder")] = BEST_WEIGHTS,
) -> None:
    """Write the model's files and its entry in the manifest."""
    exported = export(run_folder, load_faces(faces), out, weights)
    register(exported, out)
    Console().print(_table(exported))


if __name__ == "__main__":
    typer.run(main)
