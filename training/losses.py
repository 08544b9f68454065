"""The loss: exact ages and age intervals in one batch.

A target row is `AGE_CLASSES` class weights followed by (is_interval, low, high) in years.
For an exact age the weights are a Gaussian around it; for an interval they are a mask.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from agent.records import AGE_CLASSES, Float32Array

_YEARS = np.arange(AGE_CLASSES, dtype=np.float32)


def target_row(low_years: int, high_years: int) -> Float32Array:
    """Return the (AGE_CLASSES + 3,) target of one face.

    The Gaussian's width 1 + 0.03 age follows how uncertain people's own guesses are.
    """
    if low_years == high_years:
        sigma = 1.0 + 0.03 * low_years
        weights = np.exp(-0.5 * ((_YEARS - low_years) / sigma) ** 2)
        weights /= weights.sum()
    else:
        weights = ((low_years <= _YEARS) & (high_years >= _YEARS)).astype(np.float32)
    is_interval = float(low_years != high_years)
    return np.concatenate([weights, [is_interval, low_years, high_years]]).astype(np.float32)


def age_loss(target: Any, logits: Any, distance_weight: float) -> Any:
    """Return the loss of each face.

    Exact age: cross-entropy with the soft label. Interval: -log of the probability mass
    inside it. Both plus `distance_weight` times the distance of the mean to the interval.

    Args:
        target: (batch, AGE_CLASSES + 3), rows of `target_row`.
        logits: (batch, AGE_CLASSES).
        distance_weight: Of a year of distance beside the cross-entropy in nats.
    """
    weights = target[:, :AGE_CLASSES]
    is_interval, low, high = (target[:, AGE_CLASSES + i] for i in range(3))
    log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    exact = -ops.sum(weights * log_probabilities, axis=-1)
    outside = ops.where(weights > 0.5, 0.0, -1e4)
    inside = -ops.logsumexp(log_probabilities + outside, axis=-1)
    mean = ops.sum(ops.exp(log_probabilities) * _YEARS, axis=-1)
    distance = ops.maximum(ops.maximum(low - mean, mean - high), 0.0)
    return ops.where(is_interval > 0.5, inside, exact) + distance_weight * distance


@keras.saving.register_keras_serializable("training")
class AbsoluteError(keras.losses.Loss):  # type: ignore[misc]
    """Absolute error in years of one number against the middle of `target_row`'s interval."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each face."""
        middle = (y_true[:, AGE_CLASSES + 1] + y_true[:, AGE_CLASSES + 2]) / 2
        return ops.abs(ops.cast(y_pred, "float32")[:, 0] - middle)


class AgeLoss(keras.losses.Loss):  # type: ignore[misc]
    """`age_loss` as a Keras loss."""

    def __init__(self, distance_weight: float) -> None:
        super().__init__()
        self._distance_weight = distance_weight

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each face."""
        return age_loss(y_true, y_pred, self._distance_weight)
