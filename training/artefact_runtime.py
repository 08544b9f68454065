"""The exported model in the agent's own runtime, for whole splits at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agent.config.vision import EstimateSection
from agent.estimate.runtime import load_estimator
from agent.records import AGE_CLASSES, Float32Array, UInt8Array

BATCH = 64


def estimate_section(folder: Path) -> EstimateSection:
    """Return the settings with which the agent runs the model in `folder` on the CPU."""
    return EstimateSection(
        model=folder.name, models_folder=folder.resolve().parent, runtime="openvino", device="cpu"
    )


class ArtefactRuntime:
    """What the register runs; the manifest beside the model's folder is checked."""

    def __init__(self, folder: Path) -> None:
        self._estimator, entry = load_estimator(estimate_section(folder))
        self.crop_px = entry.input.crop_px

    def predict(self, crops: UInt8Array) -> Float32Array:
        """Return (n, 101) probabilities of (n, crop_px, crop_px, 3) uint8 RGB crops."""
        rows = [
            distribution.probabilities
            for start in range(0, len(crops), BATCH)
            for distribution in self._estimator.estimate(crops[start : start + BATCH])
        ]
        return np.array(rows, np.float32).reshape(-1, AGE_CLASSES)
