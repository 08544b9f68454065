"""Collects crops over tracks and cameras and estimates them together.

Time is a parameter throughout, so a replay forms the same batches whenever it runs.
"""

from __future__ import annotations

import logging
import math
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.config.vision import EstimateSection
from agent.errors import EstimateError
from agent.records import AgeDistribution, AgeEstimate, FaceCrop
from agent.stages import Estimator

_logger = logging.getLogger(__name__)

#: So many failed batches without a good one between them, and the error goes up: the
#: process is then started anew, which a passing fault does not need.
MAX_FAILURES_IN_ROW = 3
#: A visit without a crop for so long is forgotten; longer than any configured absence.
FORGET_AFTER_S = 120.0
#: ... and so is the least recent one beyond so many: memory is bounded whatever happens.
MAX_KNOWN_VISITS = 1024
#: Two times on the same grid of frames are equal, whatever their last bit says.
_TIME_TOLERANCE_S = 1e-6
#: How far the sum of a distribution may be from 1.
_SUM_TOLERANCE = 1e-3


@dataclass(slots=True)
class _Waiting:
    """The newest crop of a visit; `since_s` is when the visit began to wait."""

    crop: FaceCrop
    since_s: float


@dataclass(slots=True)
class _Known:
    """How far the evidence about one visit has come."""

    last_crop_s: float
    estimates: int = 0


@dataclass(slots=True)
class _Drops:
    """Crops that gave no estimate, by cause."""

    replaced: int = 0
    pushed_out: int = 0
    failed: int = 0


class CropBatcher:
    """One batcher for all cameras.

    Overload: a newer crop of the same visit replaces the one that waits, which keeps its
    place in line; beyond `max_pending` visits the one that has waited longest is dropped.
    Both are counted.

    Args:
        section: Sizes, deadlines and rates.
        estimator: The runtime.
    """

    def __init__(self, section: EstimateSection, estimator: Estimator) -> None:
        self._section = section
        self._estimator = estimator
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._sizes: Counter[int] = Counter()
        self._drops = _Drops()
        self._failures_in_row = 0

    @property
    def crops_dropped(self) -> int:
        """Crops that were replaced, pushed out or lost with a failed batch, so far."""
        return self._drops.replaced + self._drops.pushed_out + self._drops.failed

    @property
    def crops_replaced(self) -> int:
        """Of these: replaced by a newer crop of the same visit."""
        return self._drops.replaced

    @property
    def crops_pushed_out(self) -> int:
        """Of these: dropped because too many visits waited."""
        return self._drops.pushed_out

    @property
    def crops_failed(self) -> int:
        """Of these: the runtime refused the batch, or its answer was no distribution."""
        return self._drops.failed

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Histogram so far: batch_sizes[n] batches of n crops."""
        return tuple(self._sizes[n] for n in range(max(self._sizes, default=-1) + 1))

    def add(self, crop: FaceCrop) -> None:
        """Queue a crop; the newest crop of a visit replaces an older one."""
        known = self._known.setdefault(crop.visit_id, _Known(crop.at_s))
        known.last_crop_s = max(known.last_crop_s, crop.at_s)
        self._known.move_to_end(crop.visit_id)
        waiting = self._waiting.get(crop.visit_id)
        if waiting is None:
            self._make_room()
            self._waiting[crop.visit_id] = _Waiting(crop, crop.at_s)
            return
        self._drops.replaced += 1
        if crop.at_s >= waiting.crop.at_s:
            waiting.crop = crop

    def wants(self, visit_id: str, at_s: float) -> bool:
        """Return whether another estimate of this visit is worth its cost now.

        `rate_hz` crops a second until there are `settled_crops` estimates, then
        `settled_rate_hz`.
        """
        known = self._known.get(visit_id)
        if known is None:
            return True
        settled = known.estimates >= self._section.settled_crops
        rate_hz = self._section.settled_rate_hz if settled else self._section.rate_hz
        return at_s - known.last_crop_s >= 1.0 / rate_hz - _TIME_TOLERANCE_S

    def collect(self, now_s: float, flush: bool = False) -> list[AgeEstimate]:
        """Run what is due, by size, deadline or `flush`, and return the estimates.

        Args:
            now_s: On the clock of the crops' `at_s`.
            flush: Everything is due.

        Raises:
            EstimateError: The runtime refused MAX_FAILURES_IN_ROW batches in a row.
        """
        estimates: list[AgeEstimate] = []
        while self._is_due(now_s, flush):
            estimates += self._run([waiting.crop for waiting in self._next_batch()])
        self._forget(now_s)
        return estimates

    def _make_room(self) -> None:
        while len(self._waiting) >= self._section.max_pending:
            self._waiting.popitem(last=False)
            self._drops.pushed_out += 1

    def _is_due(self, now_s: float, flush: bool) -> bool:
        if not self._waiting:
            return False
        if flush or len(self._waiting) >= self._section.max_batch:
            return True
        longest_s = now_s - min(waiting.since_s for waiting in self._waiting.values())
        return longest_s >= self._section.max_wait_ms / 1000 - _TIME_TOLERANCE_S

    def _next_batch(self) -> list[_Waiting]:
        """Take out the longest waiting: a batch that runs anyway is filled."""
        size = min(len(self._waiting), self._section.max_batch)
        return [self._waiting.popitem(last=False)[1] for _ in range(size)]

    def _run(self, crops: Sequence[FaceCrop]) -> list[AgeEstimate]:
        try:
            distributions = self._distributions(crops)
        except EstimateError as error:
            self._fail(len(crops), error)
            return []
        self._failures_in_row = 0
        self._sizes[len(crops)] += 1
        return [
            self._estimate(crop, distribution)
            for crop, distribution in zip(crops, distributions, strict=True)
            if distribution is not None
        ]

    def _distributions(self, crops: Sequence[FaceCrop]) -> list[AgeDistribution | None]:
        """Return the runtime's answers; None in the place of what is no distribution.

        Raises:
            EstimateError: The runtime refused the batch, or nothing in it can be used.
        """
        answers = self._estimator.estimate(np.stack([crop.pixels for crop in crops]))
        if len(answers) != len(crops):
            raise EstimateError(f"expected {len(crops)} distributions, got {len(answers)}")
        usable = [answer if is_distribution(answer) else None for answer in answers]
        unusable = usable.count(None)
        if unusable == len(usable):
            raise EstimateError(f"none of {len(crops)} answers sums to 1: is the model broken?")
        self._drops.failed += unusable
        return usable

    def _fail(self, crops: int, error: EstimateError) -> None:
        """Fail safe: no estimate is no evidence, and no evidence asks for ID."""
        self._drops.failed += crops
        self._failures_in_row += 1
        _logger.error(
            "batch_failed crops=%d in_row=%d error=%s", crops, self._failures_in_row, error
        )
        if self._failures_in_row >= MAX_FAILURES_IN_ROW:
            raise error

    def _estimate(self, crop: FaceCrop, distribution: AgeDistribution) -> AgeEstimate:
        known = self._known.get(crop.visit_id)
        if known is not None:
            known.estimates += 1
        return AgeEstimate(
            camera_id=crop.camera_id,
            visit_id=crop.visit_id,
            at_s=crop.at_s,
            quality_ratio=crop.quality_ratio,
            distribution=distribution,
        )

    def _forget(self, now_s: float) -> None:
        while self._known:
            oldest = next(iter(self._known.values()))
            is_old = now_s - oldest.last_crop_s > FORGET_AFTER_S
            if not is_old and len(self._known) <= MAX_KNOWN_VISITS:
                return
            self._known.popitem(last=False)


def is_distribution(distribution: AgeDistribution) -> bool:
    """Return whether the probabilities are finite, not negative and sum to 1."""
    probabilities = distribution.probabilities
    if not all(math.isfinite(p) and p >= 0.0 for p in probabilities):
        return False
    return abs(math.fsum(probabilities) - 1.0) <= _SUM_TOLERANCE
