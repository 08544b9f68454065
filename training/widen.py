"""Fills a full-width network from networks of half its width.

`widen` takes one and does not change its function (Net2Net, Chen, Goodfellow & Shlens 2016):
every bottleneck channel becomes two equal ones, and a convolution that reads doubled channels
halves its weights. `join` takes two: side by side, with nothing between them, they give the
mean of their logits. The stem is 64 wide at both widths, so it can only be the mean of two.
"""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt

#: Noise on the duplicated weights, as a share of their standard deviation: without it two
#: equal channels would have equal gradients for ever.
NOISE_RATIO = 0.02


def widen(
    narrow: keras.Model,
    wide: keras.Model,
    random: np.random.Generator,
    noise_ratio: float = NOISE_RATIO,
) -> None:
    """Fill `wide` so that it computes what `narrow` does, up to the noise.

    Args:
        narrow: `network.build(width=0.5, …)`.
        wide: `network.build(width=1, …)`; its weights are replaced.
        random: Source of the noise.
        noise_ratio: Share of the weights' standard deviation.
    """
    for layer in narrow.layers:
        weights = layer.get_weights()
        if not weights:
            continue
        target = wide.get_layer(layer.name)
        shapes = [each.shape for each in target.get_weights()]
        target.set_weights(
            [
                _widened(value, shape, random, noise_ratio)
                for value, shape in zip(weights, shapes, strict=True)
            ]
        )


def join(
    first: keras.Model,
    second: keras.Model,
    wide: keras.Model,
    random: np.random.Generator,
    noise_ratio: float = NOISE_RATIO,
) -> None:
    """Fill `wide` so that it gives the mean of two networks' logits, up to stem and noise.

    Args:
        first: `network.build(width=0.5, …)`.
        second: Likewise.
        wide: `network.build(width=1, …)`; its weights are replaced.
        random: Source of the noise, which lets the weights between the two learn.
        noise_ratio: Share of the weights' standard deviation.
    """
    for layer in first.layers:
        if not layer.weights:
            continue
        target = wide.get_layer(layer.name)
        own, other = layer.get_weights(), second.get_layer(layer.name).get_weights()
        shapes = [each.shape for each in target.get_weights()]
        target.set_weights(
            [
                _joined(one, another, shape, random, noise_ratio)
                for one, another, shape in zip(own, other, shapes, strict=True)
            ]
        )


def _joined(
    first: npt.NDArray[np.float32],
    second: npt.NDArray[np.float32],
    shape: tuple[int, ...],
    random: np.random.Generator,
    noise_ratio: float,
) -> npt.NDArray[np.float32]:
    """Return a kernel or a vector of the wanted shape."""
    if first.shape == shape:
        mean: npt.NDArray[np.float32] = np.multiply(first + second, 0.5, dtype=np.float32)
        return mean
    if first.ndim == 1:
        return np.concatenate([first, second])
    if first.shape[:-1] == shape[:-1]:  # after the stem: both read the same channels
        return np.concatenate([first, second], axis=-1)
    if first.shape[-1] == shape[-1]:  # the logits: both give the same
        return np.concatenate([first / 2, second / 2], axis=-2, dtype=np.float32)
    inputs, outputs = first.shape[-2:]
    result = random.normal(0, noise_ratio * float(first.std()), shape).astype(np.float32)
    result[..., :inputs, :outputs] += first
    result[..., inputs:, outputs:] += second
    return result


def _widened(
    value: npt.NDArray[np.float32],
    shape: tuple[int, ...],
    random: np.random.Generator,
    noise_ratio: float,
) -> npt.NDArray[np.float32]:
    """Return a kernel or a vector of the wanted shape."""
    if value.shape == shape:
        return value
    spread = float(value.std())
    result = np.repeat(value, shape[-1] // value.shape[-1], axis=-1)
    if value.ndim == 1:
        return result
    inputs = value.ndim - 2
    factor = shape[inputs] // value.shape[inputs]
    result = np.repeat(result, factor, axis=inputs) / factor
    noise = random.normal(0, noise_ratio * spread / factor, result.shape)
    widened: npt.NDArray[np.float32] = (result + noise).astype(np.float32)
    return widened
