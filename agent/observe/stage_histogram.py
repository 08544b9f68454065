"""The histogram of how long each stage takes, from counts made in other processes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from agent.latencies import BOUNDS_S, Latencies

_NAME = "checkout_stage_seconds"
_TEXT = "How long a stage takes; estimate: a batch, publish: from sending to the broker's receipt."


class StageHistogram(Collector):
    """Adds up what is reported; counts on when a process is started anew."""

    def __init__(self) -> None:
        self._reported: dict[str, Latencies] = {}
        self._totals: dict[str, Latencies] = {}

    def add(self, latencies: Iterable[tuple[str, Latencies]]) -> None:
        """Take the sums since the start of the process that runs these stages."""
        for stage, now in latencies:
            before = self._reported.get(stage, Latencies())
            self._reported[stage] = now
            self._totals[stage] = self._totals.get(stage, Latencies()) + now.since(before)

    def collect(self) -> Iterable[Metric]:
        """Return the histogram, for the registry."""
        family = HistogramMetricFamily(_NAME, _TEXT, labels=["stage"])
        for stage, total in sorted(self._totals.copy().items()):
            ends = [*map(str, BOUNDS_S), "+Inf"]
            buckets = list(zip(ends, map(float, accumulate(total.counts)), strict=True))
            family.add_metric([stage], buckets, total.sum_s)
        return [family]

    def describe(self) -> Iterable[Metric]:
        """Return the name, so that registering runs nothing."""
        return [HistogramMetricFamily(_NAME, _TEXT, labels=["stage"])]
