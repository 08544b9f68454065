"""The loss: exact ages and age intervals in one batch.

A target row is `AGE_CLASSES` class weights followed by (is_interval, low, high) in years, the
teacher's `AGE_CLASSES` probabilities (zeros without one) and the face's share of the image.
For an exact age the weights are a Gaussian around it; for an interval they are a mask.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from agent.records import AGE_CLASSES, Float32Array

_YEARS = np.arange(AGE_CLASSES, dtype=np.float32)
_INTERVAL = AGE_CLASSES
_TAUGHT = AGE_CLASSES + 3
SHARE = _TAUGHT + AGE_CLASSES
ROW_LENGTH = SHARE + 1


def target_row(
    low_years: int, high_years: int, taught: Float32Array | None = None, share: float = 1.0
) -> Float32Array:
    """Return the (ROW_LENGTH,) target of one face.

    The Gaussian's width 1 + 0.03 age follows how uncertain people's own guesses are.

    Args:
        low_years: Of the labelled interval.
        high_years: Of the labelled interval; the same for an exact age.
        taught: (AGE_CLASSES,) probabilities that the teacher gives this face.
        share: Of the face in the image, below 1 where two are mixed.
    """
    row = np.zeros(ROW_LENGTH, np.float32)
    if low_years == high_years:
        sigma = 1.0 + 0.03 * low_years
        weights = np.exp(-0.5 * ((_YEARS - low_years) / sigma) ** 2)
        weights /= weights.sum()
    else:
        weights = ((low_years <= _YEARS) & (high_years >= _YEARS)).astype(np.float32)
    row[:AGE_CLASSES] = weights
    row[_INTERVAL:_TAUGHT] = low_years != high_years, low_years, high_years
    if taught is not None:
        row[_TAUGHT:SHARE] = taught
    row[SHARE] = share
    return row


def age_loss(target: Any, logits: Any, distance_weight: float, teacher_weight: float = 0.0) -> Any:
    """Return the loss of each face.

    Exact age: cross-entropy with the soft label. Interval: -log of the probability mass
    inside it. Both plus `distance_weight` times the distance of the mean to the interval. A
    teacher's part is the cross-entropy with its probabilities (Hinton, Vinyals & Dean 2015,
    at temperature 1).

    Args:
        target: (batch, ROW_LENGTH), rows of `target_row`.
        logits: (batch, AGE_CLASSES).
        distance_weight: Of a year of distance beside the cross-entropy in nats.
        teacher_weight: Share of the teacher's part, 0 to 1; the label has the rest.
    """
    weights = target[:, :AGE_CLASSES]
    is_interval, low, high = (target[:, _INTERVAL + i] for i in range(3))
    log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    exact = -ops.sum(weights * log_probabilities, axis=-1)
    outside = ops.where(weights > 0.5, 0.0, -1e4)
    inside = -ops.logsumexp(log_probabilities + outside, axis=-1)
    mean = ops.sum(ops.exp(log_probabilities) * _YEARS, axis=-1)
    distance = ops.maximum(ops.maximum(low - mean, mean - high), 0.0)
    labelled = ops.where(is_interval > 0.5, inside, exact) + distance_weight * distance
    taught = -ops.sum(target[:, _TAUGHT:SHARE] * log_probabilities, axis=-1)
    return (1 - teacher_weight) * labelled + teacher_weight * taught


@keras.saving.register_keras_serializable("training")
class AbsoluteError(keras.losses.Loss):  # type: ignore[misc]
    """Absolute error in years of one number against the middle of `target_row`'s interval."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each face."""
        middle = (y_true[:, 0, _INTERVAL + 1] + y_true[:, 0, _INTERVAL + 2]) / 2
        return ops.abs(ops.cast(y_pred, "float32")[:, 0] - middle)


class AgeLoss(keras.losses.Loss):  # type: ignore[misc]
    """`age_loss` as a Keras loss of (batch, faces in an image, ROW_LENGTH) targets."""

    def __init__(self, distance_weight: float, teacher_weight: float = 0.0) -> None:
        super().__init__()
        self._distance_weight = distance_weight
        self._teacher_weight = teacher_weight

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each image: its faces' by their shares."""
        loss: Any = 0.0
        for number in range(y_true.shape[1]):
            target = y_true[:, number]
            face = age_loss(target, y_pred, self._distance_weight, self._teacher_weight)
            loss = loss + target[:, SHARE] * face
        return loss
