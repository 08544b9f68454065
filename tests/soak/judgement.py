"""Whether something has grown, from samples over time. Pure.

What comes before `WARM_UP_RATIO` of the samples is not judged: caches and pools fill up then. Of
the rest the median of the last quarter is compared with that of the first quarter.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tests.soak.samples import Sample

WARM_UP_RATIO = 0.2
MAX_GROWTH_RATIO = 0.10
MIN_SAMPLES = 12
#: What is judged, and growth below which nothing is meant by it: a thread more while a
#: connection is made, a page of a cache, a few rows that wait for their receipt.
JUDGED = {
    "agent_mb": 4.0,
    "vision_mb": 8.0,
    "capture_mb": 8.0,
    "threads": 2.0,
    "open_files": 4.0,
    "memfds": 1.0,
    "named_segments": 1.0,
    "outbox_rows": 200.0,
    "outbox_kb": 100.0,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One series.

    Attributes:
        first: Median of the first quarter after the warm-up; `last`: of the last quarter.
        slope_per_hour: Of the least-squares line through what is judged.
    """

    name: str
    first: float
    last: float
    slope_per_hour: float
    has_grown: bool


def judge(samples: Sequence[Sample]) -> list[Verdict]:
    """Return a verdict on every series.

    Raises:
        ValueError: There are too few samples to tell.
    """
    judged = samples[round(len(samples) * WARM_UP_RATIO) :]
    if len(judged) < MIN_SAMPLES:
        raise ValueError(f"got {len(judged)} samples after the warm-up: at least {MIN_SAMPLES}")
    return [_verdict(name, judged) for name in JUDGED]


def _verdict(name: str, samples: Sequence[Sample]) -> Verdict:
    values = [float(getattr(sample, name)) for sample in samples]
    quarter = len(values) // 4
    first, last = statistics.median(values[:quarter]), statistics.median(values[-quarter:])
    has_grown = last - first > max(MAX_GROWTH_RATIO * first, JUDGED[name])
    return Verdict(name, first, last, _slope_per_hour(samples, values), has_grown)


def _slope_per_hour(samples: Sequence[Sample], values: Sequence[float]) -> float:
    times_s = [sample.at_s for sample in samples]
    if len(set(times_s)) < 2:
        return 0.0
    return statistics.linear_regression(times_s, values).slope * 3600.0
