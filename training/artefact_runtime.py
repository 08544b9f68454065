"""The exported model for measuring: whole splits at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agent.records import AGE_CLASSES, Float32Array, UInt8Array
from training.telemetry import refuse_telemetry

BATCH = 64


class ArtefactRuntime:
    """The OpenVINO model of a model folder."""

    def __init__(self, folder: Path) -> None:
        refuse_telemetry()
        import openvino

        network = openvino.Core().read_model(folder / "model.xml")
        self.crop_px = int(network.input(0).partial_shape[1].get_length())
        self._compiled = openvino.Core().compile_model(network, "CPU")

    def predict(self, crops: UInt8Array) -> Float32Array:
        """Return (n, 101) probabilities of (n, crop_px, crop_px, 3) uint8 RGB crops."""
        if not len(crops):
            return np.zeros((0, AGE_CLASSES), np.float32)
        parts = [self._compiled(crops[i : i + BATCH])[0] for i in range(0, len(crops), BATCH)]
        return np.concatenate(parts).astype(np.float32)
