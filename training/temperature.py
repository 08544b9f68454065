"""The temperature that makes the stated uncertainty true."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.records import Float32Array

_CANDIDATES = np.exp(np.linspace(np.log(0.4), np.log(2.5), 85))


def softmax(logits: Float32Array, temperature: float = 1.0) -> Float32Array:
    """Return probabilities for (n, 101) logits."""
    scaled = logits / temperature
    exponent = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: Float32Array = exponent / exponent.sum(axis=1, keepdims=True)
    return probabilities


def negative_log_likelihood(
    logits: Float32Array, ages_years: npt.NDArray[np.int64], temperature: float
) -> float:
    """Return the mean of -log p(true year)."""
    years = np.minimum(ages_years, logits.shape[1] - 1)
    probabilities = softmax(logits, temperature)[np.arange(len(years)), years]
    return float(-np.log(np.maximum(probabilities, 1e-12)).mean())


def fit_temperature(logits: Float32Array, ages_years: npt.NDArray[np.int64]) -> float:
    """Return the temperature of least negative log-likelihood (Guo et al. 2017).

    Args:
        logits: (n, 101), of photographs the network was not trained on.
        ages_years: (n,) exact ages.
    """
    losses = [negative_log_likelihood(logits, ages_years, t) for t in _CANDIDATES]
    return float(_CANDIDATES[int(np.argmin(losses))])
