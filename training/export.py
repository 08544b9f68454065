"""From a run to the files that ship: Keras fp16, OpenVINO int8, the manifest.

`python -m training.export --run .cache/runs/half96`
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer

from agent.records import AGE_CLASSES, Float32Array, UInt8Array
from training.data import Faces, load_faces
from training.evaluate import logits_of
from training.keras_model import save_half
from training.openvino_model import convert, quantise, run, save
from training.serving import load_trained, with_probabilities
from training.settings import load_settings
from training.temperature import fit_temperature, softmax

_logger = logging.getLogger(__name__)
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


def parity(reference: Float32Array, other: Float32Array, ages_years: Float32Array) -> Parity:
    """Return how far `other` is from `reference`, both (n, 101) probabilities."""
    mae = [float(np.abs(p @ _YEARS - ages_years).mean()) for p in (reference, other)]
    return Parity(mae[1], mae[1] - mae[0], float(np.abs(reference - other).max()))


def calibration_crops(faces: Faces, crop_px: int, count: int, seed: int = 0) -> UInt8Array:
    """Return up to `count` aligned training crops, half from each source."""
    random = np.random.default_rng(seed)
    crops = []
    for source in ("utkface", "fairface"):
        indices = faces.select("train", source)
        chosen = random.choice(indices, min(count // 2, len(indices)), replace=False)
        crops += [faces.crop(i, crop_px) for i in chosen]
    return np.stack(crops)


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """What `export` wrote, beside the files."""

    temperature: float
    precision: str
    reference_mae_years: float
    parities: dict[str, Parity]


def export(run_folder: Path, cache: Path, out: Path, weights: str) -> Exported:
    """Write the artefacts of a run into `out` and return their figures.

    Temperature and parity are measured on UTKFace's validation split.
    """
    settings = load_settings(run_folder / "settings.json")
    faces = load_faces(cache)
    model = load_trained(run_folder, settings, faces, weights)
    indices = faces.select("val", "utkface")
    ages = np.array([faces.ages(i)[0] for i in indices])
    logits = logits_of(model, faces, indices, settings.crop_px)
    temperature = fit_temperature(logits, ages)
    _logger.info("temperature %.3f", temperature)
    serving = with_probabilities(model, temperature)
    reference = softmax(logits, temperature)
    crops = np.stack([faces.crop(i, settings.crop_px) for i in indices])
    out.mkdir(parents=True, exist_ok=True)
    save_half(serving, out / "model.keras")
    halved = keras.saving.load_model(out / "model.keras", compile=False)
    in_keras = np.concatenate(
        [
            keras.ops.convert_to_numpy(halved.predict_on_batch(crops[i : i + 128]))
            for i in range(0, len(crops), 128)
        ]
    )
    parities = {"keras_fp16": parity(reference, in_keras, ages)}
    plain = convert(serving)
    parities["openvino_fp16"] = parity(reference, run(plain, crops), ages)
    samples = calibration_crops(faces, settings.crop_px, CALIBRATION_CROPS)
    quantised = quantise(plain, samples)
    parities["openvino_int8"] = parity(reference, run(quantised, crops), ages)
    precision = (
        "int8" if parities["openvino_int8"].mae_loss_years <= MAX_INT8_LOSS_YEARS else "fp16"
    )
    save(quantised if precision == "int8" else plain, out / "model.xml")
    mae = float(np.abs(reference @ _YEARS - ages).mean())
    return Exported(temperature, precision, mae, parities)
