"""Widens a network without changing its function (Net2Net, Chen, Goodfellow & Shlens 2016).

Every bottleneck channel of the half-width network becomes two equal ones; a convolution
that reads doubled channels halves its weights. The stem is 64 wide in both.
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
