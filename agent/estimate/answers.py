"""What all runtimes check: the crops that go in, the probabilities that come out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agent.errors import EstimateError
from agent.records import AGE_CLASSES, AgeDistribution, UInt8Array

#: Rounding of a half-precision softmax stays far below; a model without one does not.
MAX_SUM_ERROR = 0.05


def check_crops(crops: UInt8Array, crop_px: int) -> None:
    """Refuse a batch of another shape or type than the model was made for.

    Raises:
        EstimateError: The batch is not (batch, crop_px, crop_px, 3) uint8.
    """
    if crops.shape[1:] != (crop_px, crop_px, 3) or crops.dtype != np.uint8 or not len(crops):
        raise EstimateError(
            f"expected crops (batch, {crop_px}, {crop_px}, 3) uint8, "
            f"got {crops.shape} {crops.dtype}: cut them at the model's input.crop_px"
        )


def distributions(probabilities: npt.NDArray[np.floating], count: int) -> list[AgeDistribution]:
    """Return the model's answers, each scaled to a sum of exactly 1.

    Args:
        probabilities: (count, 101), any float type.
        count: Crops that went in.

    Raises:
        EstimateError: The shape is another, a number is not finite or negative, or a row's
            sum is far from 1. Nothing of such a batch is passed on.
    """
    if probabilities.shape != (count, AGE_CLASSES):
        raise EstimateError(
            f"expected probabilities ({count}, {AGE_CLASSES}), got {probabilities.shape}: "
            "is this the model of the manifest?"
        )
    values = probabilities.astype(np.float64)
    sums = values.sum(axis=1, keepdims=True)
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise EstimateError("the model answered with what is no number, or is negative")
    if np.abs(sums - 1).max() > MAX_SUM_ERROR:
        raise EstimateError(f"probabilities must sum to 1, got {sums.min():.3f}..{sums.max():.3f}")
    return [AgeDistribution(tuple(row)) for row in (values / sums).tolist()]
