"""The network as it ships: pixels in, calibrated probabilities out."""

from __future__ import annotations

from pathlib import Path

import keras

from training.age_calibration import AgeCalibration
from training.batch_statistics import MEASURED_BATCHES, measure_statistics
from training.checkpoint import load_averages
from training.data import Faces, TrainingBatches
from training.network import build
from training.settings import Settings

STATISTICS_BATCH = 128
STATISTICS_SEED = 7
BEST_WEIGHTS = "best.weights.h5"
LAST_WEIGHTS = "last.weights.h5"


def statistics_batches(faces: Faces, settings: Settings) -> TrainingBatches:
    """Return the training batches on which a run's batch normalisations are measured."""
    indices = faces.select_sources("train", settings.sources)
    batch = min(STATISTICS_BATCH, len(indices))
    return TrainingBatches(
        faces, indices, batch, settings.crop_px, settings.augmentation, STATISTICS_SEED
    )


def load_trained(
    run: Path, settings: Settings, faces: Faces, weights: str = BEST_WEIGHTS
) -> keras.Model:
    """Return the run's network in float32 with averaged weights and measured statistics.

    Args:
        run: Folder of the run.
        settings: Of the run.
        faces: The prepared photographs; their training split is measured.
        weights: File in `run`: `best.weights.h5`, or `checkpoint.npz` for the newest.
    """
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("float32")
    model = build(
        settings.width, settings.crop_px, settings.dropout_ratio, outputs=settings.outputs
    )
    keras.mixed_precision.set_global_policy(policy)
    path = run / weights
    if path.suffix == ".npz":
        load_averages(model, path)
    else:
        model.load_weights(path)
    batches = statistics_batches(faces, settings)
    measure_statistics(model, batches, min(MEASURED_BATCHES, batches.steps_per_pass))
    return model


def with_probabilities(model: keras.Model, calibration: AgeCalibration) -> keras.Model:
    """Return (batch, crop_px, crop_px, 3) RGB 0..255 to (batch, 101) probabilities.

    Args:
        model: Gives logits, in float32.
        calibration: Of each year's logit.
    """
    calibrated = keras.layers.Rescaling(
        calibration.scale.tolist(), calibration.bias.tolist(), name="calibration", dtype="float32"
    )(model.output)
    output = keras.layers.Softmax(name="probabilities", dtype="float32")(calibrated)
    return keras.Model(model.input, output, name=model.name)
