"""What makes the stated uncertainty true at every age, not only on average.

One temperature (Guo et al. 2017) makes the intervals true over all faces and leaves them
false at the ages that matter at a till: the network has seen five times as many faces of
25-34 years as of 10-17, so it leans away from the rare ages, and 90 % intervals held only
77 % of the true ages of 10-17 but 96 % of those of 25-34 (2026-11). So each year's logit gets
a scale and a bias of its own (vector scaling, Guo et al.), both smooth over the years, and
the fit looks at the coverage of each age region beside the likelihood. Faces that are labelled
with an interval (FairFace) count by the mass inside it, and in the coverage as every year of
their interval, each with the probability that the uncalibrated network gives it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agent.records import AGE_CLASSES, Float32Array

FloatArray = npt.NDArray[np.float64]

#: Age regions and how much their coverage counts. The first three are the product's.
REGIONS_YEARS = ((10, 17), (18, 24), (25, 34), (0, 9), (35, 49), (50, 64), (65, 100))
REGION_WEIGHTS = (1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.1)
STATED_RATIO = 0.90
#: How much a face labelled with an interval counts in the coverage, beside an exact age. With
#: 1 cross-validation on `val` covers 94 % of 18-24, with 0.5 91 % (2026-11).
INTERVAL_SHARE = 0.5
#: Beside the likelihood: the squared misses of the regions' coverage, and the mean's distance
#: to the label in years. Chosen by cross-validation on `val`, in proportion to SUM_WEIGHT: with
#: twice the coverage and the sums for the same distance the fit's own error was 4.66 years
#: instead of 4.51 (2026-11).
COVERAGE_WEIGHT = 3000.0
MEAN_WEIGHT = 50.0
#: Of the squared differences between each region's summed probability and its share of faces:
#: age-group events add such probabilities up. Without it 6 % of `val` are summed into a wrong
#: group, with it 2.5 % (2026-11).
SUM_WEIGHT = 1500.0
#: Of the squared steps between neighbouring knots: without them a few faces bend the curves.
#: With 0.3 for the bias too, five folds of `val` err by 0.02 years more at 10-70, with 10 by 0.05
#: (2026-11).
SCALE_SMOOTHNESS_WEIGHT = 0.3
BIAS_SMOOTHNESS_WEIGHT = 3.0
_KNOTS_YEARS = (0, 3, 7, 10, 13, 16, 19, 22, 26, 30, 36, 45, 55, 65, 80, 100)
#: How softly a face counts as covered near the interval's end, in shares of probability.
_SOFTNESS_RATIO = 0.005


def softmax(logits: Float32Array) -> Float32Array:
    """Return probabilities for (n, 101) logits."""
    exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Float32Array = exponent / exponent.sum(axis=1, keepdims=True)
    return probabilities


@dataclass(frozen=True, slots=True, eq=False)
class AgeCalibration:
    """Scale and bias of each year's logit.

    Attributes:
        scale: (101,) above 0; one over the temperature.
        bias: (101,).
    """

    scale: Float32Array
    bias: Float32Array

    def probabilities(self, logits: Float32Array) -> Float32Array:
        """Return (n, 101) calibrated probabilities."""
        return softmax(logits * self.scale + self.bias)

    @classmethod
    def none(cls) -> AgeCalibration:
        """Return the one that changes nothing."""
        return cls(np.ones(AGE_CLASSES, np.float32), np.zeros(AGE_CLASSES, np.float32))


def fit_calibration(
    logits: Float32Array,
    intervals_years: npt.NDArray[np.int64],
    weights: FloatArray | None = None,
) -> AgeCalibration:
    """Return the calibration that fits faces which did not train the network.

    Args:
        logits: (n, 101).
        intervals_years: (n, 2) labelled ages, both ends inside; equal where the age is exact.
        weights: (n,) of the faces; None weighs them alike.
    """
    import scipy.optimize

    if weights is None:
        weights = np.ones(len(intervals_years))
    objective = _Objective(logits, intervals_years, weights)
    start = np.zeros(2 * len(_KNOTS_YEARS))
    found = scipy.optimize.minimize(objective, start, jac=True, method="L-BFGS-B")
    return objective.calibration(found.x)


def weights_as_in(
    ages_years: npt.NDArray[np.int64], added_years: npt.NDArray[np.int64]
) -> FloatArray:
    """Return weights for `ages_years` followed by `added_years`, of a narrow range of ages.

    The added faces (UTKFace's calibration split) share that range's weight, as it stands in
    the first, evenly with its faces there: they make it surer, not more frequent.
    """
    weights = np.ones(len(ages_years) + len(added_years))
    if len(added_years):
        every = np.concatenate([ages_years, added_years])
        low, high = added_years.min(), added_years.max()
        inside = (every >= low) & (every <= high)
        frequent = ((ages_years >= low) & (ages_years <= high)).sum()
        weights[inside] = max(1, int(frequent)) / inside.sum()
    return weights


class _Objective:
    """The loss and its gradient for scale and bias at the knots."""

    def __init__(
        self,
        logits: Float32Array,
        intervals_years: npt.NDArray[np.int64],
        weights: FloatArray,
    ) -> None:
        import tensorflow as tf

        self._tf: Any = tf
        years = np.arange(AGE_CLASSES)
        hats = [np.interp(years, _KNOTS_YEARS, row) for row in np.eye(len(_KNOTS_YEARS))]
        self._hats = np.stack(hats, axis=1)
        low, high = intervals_years[:, :1], intervals_years[:, 1:]
        last = AGE_CLASSES - 1  # "100 and older"
        inside = (years >= np.minimum(low, last)) & (years <= high)
        self._logits = tf.constant(logits, tf.float64)
        self._low, self._high = (tf.constant(end[:, 0], tf.float64) for end in (low, high))
        self._inside = tf.constant(inside, tf.float64)
        self._weights = tf.constant(weights / weights.sum(), tf.float64)
        of_region = np.array([(years >= start) & (years <= end) for start, end in REGIONS_YEARS])
        of_years = softmax(logits).astype(np.float64) * inside
        is_exact = intervals_years[:, 0] == intervals_years[:, 1]
        counted = weights * np.where(is_exact, 1.0, INTERVAL_SHARE)
        of_years *= (counted / of_years.sum(axis=1).clip(1e-9))[:, None]
        in_regions = of_region @ of_years.sum(axis=0)
        present = in_regions > 0
        self._of_years = tf.constant(of_years)
        self._members = tf.constant(of_region[present] / in_regions[present, None])
        self._region_weights = tf.constant(np.array(REGION_WEIGHTS)[present])
        exact = np.where(is_exact, weights, 0.0)
        exact /= exact.sum() or 1.0
        self._exact = tf.constant(exact)
        self._of_region = tf.constant(of_region, tf.float64)
        self._region_shares = tf.constant(of_region @ (inside.T @ exact))

    def __call__(self, knots: FloatArray) -> tuple[float, FloatArray]:
        tf = self._tf
        variable = tf.constant(knots)
        with tf.GradientTape() as tape:
            tape.watch(variable)
            scale, bias = tf.split(variable, 2)
            loss = self._loss(scale, bias)
        return float(loss), tape.gradient(loss, variable).numpy()

    def calibration(self, knots: FloatArray) -> AgeCalibration:
        scale, bias = np.split(knots, 2)
        return AgeCalibration(
            np.exp(self._hats @ scale).astype(np.float32),
            (self._hats @ bias).astype(np.float32),
        )

    def _loss(self, scale: Any, bias: Any) -> Any:
        tf = self._tf
        spread = [tf.linalg.matvec(self._hats, each) for each in (scale, bias)]
        probabilities = tf.nn.softmax(self._logits * tf.exp(spread[0]) + spread[1])
        of_true = tf.reduce_sum(probabilities * self._inside, axis=1)
        means = tf.linalg.matvec(probabilities, tf.range(AGE_CLASSES, dtype=tf.float64))
        likelihood = -tf.math.log(of_true + 1e-9)
        distance = tf.nn.relu(tf.maximum(self._low - means, means - self._high))
        faces = likelihood + MEAN_WEIGHT * distance
        summed = tf.linalg.matvec(probabilities, self._exact, transpose_a=True)
        sums = tf.linalg.matvec(self._of_region, summed)
        roughness = SCALE_SMOOTHNESS_WEIGHT * self._roughness(scale)
        roughness += BIAS_SMOOTHNESS_WEIGHT * self._roughness(bias)
        return (
            tf.reduce_sum(self._weights * faces)
            + COVERAGE_WEIGHT * self._misses(probabilities)
            + SUM_WEIGHT * tf.reduce_sum((sums - self._region_shares) ** 2)
            + roughness
        )

    def _roughness(self, knots: Any) -> Any:
        steps = self._tf.reduce_sum((knots[1:] - knots[:-1]) ** 2)
        return steps + 0.1 * self._tf.reduce_sum(knots**2)

    def _misses(self, probabilities: Any) -> Any:
        """Return the regions' squared misses of the stated coverage, softly counted."""
        tf = self._tf
        tail = (1 - STATED_RATIO) / 2
        position = tf.cumsum(probabilities, axis=1) - 0.5 * probabilities
        inside = tf.sigmoid((position - tail) / _SOFTNESS_RATIO) * tf.sigmoid(
            (1 - tail - position) / _SOFTNESS_RATIO
        )
        held = tf.reduce_sum(inside * self._of_years, axis=0)
        coverage = tf.linalg.matvec(self._members, held)
        return tf.reduce_sum(self._region_weights * (coverage - STATED_RATIO) ** 2)
