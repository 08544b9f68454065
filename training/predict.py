"""Measures a network on a split."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from agent.records import AGE_CLASSES, Float32Array
from training.age_calibration import AgeCalibration, fit_calibration, softmax, weights_as_in
from training.data import Faces, IntArray

_YEARS = np.arange(AGE_CLASSES, dtype=np.float32)


def logits_of(
    model: keras.Model, faces: Faces, indices: IntArray, crop_px: int, batch: int = 128
) -> Float32Array:
    """Return (n, outputs) of the network, single view."""
    parts = []
    for start in range(0, len(indices), batch):
        chosen = indices[start : start + batch]
        crops = faces.crops(chosen, crop_px).astype(np.float32)
        logits = keras.ops.convert_to_numpy(model.predict_on_batch(crops))
        parts.append(logits.astype(np.float32))
    return np.concatenate(parts)


def means_of(
    model: keras.Model, faces: Faces, indices: IntArray, crop_px: int, batch: int = 128
) -> Float32Array:
    """Return (n,) expected ages in years, single view; one output is the age itself."""
    logits = logits_of(model, faces, indices, crop_px, batch)
    means: Float32Array = logits[:, 0] if logits.shape[1] == 1 else softmax(logits) @ _YEARS
    return means


def calibration_of(logits: Callable[[IntArray], Float32Array], faces: Faces) -> AgeCalibration:
    """Return what fits the validation split and the split of minors kept for this.

    Args:
        logits: From n photographs to (n, 101), of the network as it will be used.
        faces: The prepared photographs.
    """
    val, minors = faces.select("val", "utkface"), faces.select("calibration", "utkface")
    intervals = faces.select("val", "fairface")
    exact = weights_as_in(faces.exact_ages(val), faces.exact_ages(minors))
    weights = np.concatenate([exact, np.ones(len(intervals))])
    every = np.concatenate([val, minors, intervals])
    return fit_calibration(logits(every), faces.intervals(every), weights)


def interval_metrics(means: Float32Array, faces: Faces, indices: IntArray) -> dict[str, float]:
    """Return the mean distance to the labelled interval and the share inside it.

    For an exact age the distance is the absolute error.

    Args:
        means: (n,) expected ages in years.
        faces: Tell the labels.
        indices: Of the faces.
    """
    intervals = faces.intervals(indices)
    distance = np.maximum(np.maximum(intervals[:, 0] - means, means - intervals[:, 1]), 0)
    inside = (np.round(means) >= intervals[:, 0]) & (np.round(means) <= intervals[:, 1])
    return {"distance_years": float(distance.mean()), "inside_ratio": float(inside.mean())}
