"""The network on TensorFlow and Keras: the GPU path, which runs on the CPU too.

On a GPU: XLA, mixed precision, batches padded to powers of two so that XLA compiles few
shapes. On the CPU: single precision without XLA, for parity with the OpenVINO runtime.
Not run here, for want of a GPU: the choice of a GPU, memory growth, XLA and float16 on it,
and a real out-of-memory. XLA, the mixed model and the halving are tested on the CPU.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from agent.config.vision import EstimateSection
from agent.errors import EstimateError, ModelError
from agent.estimate.answers import check_crops, distributions
from agent.estimate.artefact import ModelEntry
from agent.records import AgeDistribution, Float32Array, UInt8Array

_logger = logging.getLogger(__name__)

#: Neither library has types.
TensorFlow: TypeAlias = Any
Keras: TypeAlias = Any
Model: TypeAlias = Any
Layer: TypeAlias = Any
Tensor: TypeAlias = Any
#: (batch, crop_px, crop_px, 3) uint8 to (batch, 101).
Predict = Callable[[UInt8Array], Float32Array]

#: Layers that compute in float16 on a GPU; the centring of the input, the pooling over
#: the picture, the logits and the softmax stay in float32.
MIXED_LAYERS = frozenset(
    {"Activation", "Add", "BatchNormalization", "Conv2D", "MaxPooling2D", "ReLU", "ZeroPadding2D"}
)


class OutOfMemoryError(Exception):
    """The device has no room for a batch of this size: a smaller one may fit."""


class KerasEstimator:
    """Estimates in batches whose sizes are powers of two, smaller ones after out-of-memory.

    Args:
        predict: The network; raises OutOfMemoryError or EstimateError.
        crop_px: Width and height of its input.
        max_batch: Of the settings.
    """

    def __init__(self, predict: Predict, crop_px: int, max_batch: int) -> None:
        self._predict = predict
        self._crop_px = crop_px
        self._largest = padded_size(max_batch)
        self.halvings = 0

    @property
    def largest_batch(self) -> int:
        """The batch that is tried at most."""
        return self._largest

    def warm_up(self) -> None:
        """Run every batch size once, so that no customer waits for the compiler."""
        size = 1
        while size <= self._largest:
            self.estimate(np.zeros((size, self._crop_px, self._crop_px, 3), np.uint8))
            size *= 2

    def estimate(self, crops: UInt8Array) -> list[AgeDistribution]:
        """Return one distribution for each crop.

        Args:
            crops: (batch, crop_px, crop_px, 3) uint8, RGB, cut by `align.align_face`.

        Raises:
            EstimateError: The runtime refused the batch, or its answer is no distribution.
        """
        check_crops(crops, self._crop_px)
        answers: list[AgeDistribution] = []
        while len(answers) < len(crops):
            part = crops[len(answers) : len(answers) + self._largest]
            try:
                answers += self._estimate_part(part)
            except OutOfMemoryError as error:
                self._halve(padded_size(len(part)), error)
        return answers

    def _estimate_part(self, crops: UInt8Array) -> list[AgeDistribution]:
        padding = padded_size(len(crops)) - len(crops)
        padded = np.pad(crops, ((0, padding), (0, 0), (0, 0), (0, 0)))
        return distributions(self._predict(padded)[: len(crops)], len(crops))

    def _halve(self, size: int, error: OutOfMemoryError) -> None:
        if size == 1:
            raise EstimateError(
                "out of memory with one crop: free the GPU, or set estimate.device: cpu"
            ) from error
        self._largest = size // 2
        self.halvings += 1
        _logger.warning("out_of_memory batch=%d next=%d error=%s", size, self._largest, error)


def padded_size(batch: int) -> int:
    """Return the smallest power of two that is at least `batch`."""
    return 1 << max(0, batch - 1).bit_length()


def load_keras_estimator(
    section: EstimateSection, entry: ModelEntry, files: Mapping[str, bytes]
) -> KerasEstimator:
    """Return an estimator on the wanted device, warmed up where it compiles.

    Imports TensorFlow: 5 s and more than 500 MB.

    Args:
        section: `device` and `max_batch` are used.
        entry: Of the manifest.
        files: Content of the artefact's files by name, verified.

    Raises:
        ModelError: Keras cannot read the file, or there is no such device.
    """
    tensorflow, keras = _import_keras()
    on_gpu = _choose_device(tensorflow, section.device)
    model = load_network(keras, entry, files)
    if on_gpu:
        model = in_mixed_precision(keras, model)
    predict = make_predict(tensorflow, model, use_xla=on_gpu)
    estimator = KerasEstimator(predict, entry.input.crop_px, section.max_batch)
    if on_gpu:
        estimator.warm_up()
    return estimator


def _import_keras() -> tuple[TensorFlow, Keras]:
    if "tensorflow" not in sys.modules:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"  # hints about instruction sets are no news
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow

    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"Keras runs on {keras.backend.backend()}: expected tensorflow: unset KERAS_BACKEND"
        )
    return tensorflow, keras


def _choose_device(tensorflow: TensorFlow, wanted: str) -> bool:
    """Make the wanted device the one that is used; return whether it is a GPU."""
    graphics = tensorflow.config.list_physical_devices("GPU")
    if wanted == "gpu" and not graphics:
        raise ModelError(
            "estimate.device: gpu: TensorFlow finds no GPU: install NVIDIA's driver and "
            "`pip install tensorflow[and-cuda]`, or set cpu or auto"
        )
    if wanted == "cpu" or not graphics:
        if graphics:
            tensorflow.config.set_visible_devices([], "GPU")
        return False
    for device in graphics:
        tensorflow.config.experimental.set_memory_growth(device, enable=True)
    return True


def load_network(keras: Keras, entry: ModelEntry, files: Mapping[str, bytes]) -> Model:
    """Return the Keras model of an artefact: Keras's own layers only, nothing that runs code.

    Keras reads by path only, so the verified content goes through a private folder.

    Raises:
        ModelError: Keras cannot read it.
    """
    name = entry.artefact("tensorflow").files[0].path
    with tempfile.TemporaryDirectory(prefix="checkout-agent-") as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(files[name])
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises whatever its layers raise
            raise ModelError(
                f"model {entry.name}: Keras cannot read {name}: {error}: export it anew"
            ) from error


def in_mixed_precision(keras: Keras, model: Model) -> Model:
    """Return the model with MIXED_LAYERS computing in float16, and float32 weights."""

    def clone(layer: Layer) -> Layer:
        settings = layer.get_config()
        is_mixed = type(layer).__name__ in MIXED_LAYERS
        settings["dtype"] = "mixed_float16" if is_mixed else "float32"
        return type(layer).from_config(settings)

    mixed = keras.models.clone_model(model, clone_function=clone)
    mixed.set_weights(model.get_weights())
    return mixed


def make_predict(tensorflow: TensorFlow, model: Model, *, use_xla: bool) -> Predict:
    """Return the model as a function of arrays; XLA compiles each batch size once."""
    shape = (None, *model.input_shape[1:])

    def serve(image: Tensor) -> Tensor:
        answer = model(tensorflow.cast(image, "float32"), training=False)
        return tensorflow.cast(answer, "float32")

    signature = [tensorflow.TensorSpec(shape, "uint8")]
    graph = tensorflow.function(serve, jit_compile=use_xla, input_signature=signature)

    def predict(crops: UInt8Array) -> Float32Array:
        try:
            return np.asarray(graph(crops).numpy(), np.float32)
        except tensorflow.errors.ResourceExhaustedError as error:
            raise OutOfMemoryError(_first_line(error)) from error
        except tensorflow.errors.OpError as error:
            raise EstimateError(f"TensorFlow: {_first_line(error)}") from error

    return predict


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
