"""How long the stages take: counted in buckets where they run, shown where the metrics are."""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

#: Upper ends of the buckets; one more holds what took longer. A frame has 33 ms, a tap 2 s.
BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
#: Counts come from the process that decodes pictures: beyond this a float is no longer exact.
MAX_COUNT = 2**53

#: In the vision process; `estimate` is a batch, the others a frame or a face.
VisionStage = Literal["detect", "track", "crop", "estimate"]
#: In the agent: an estimate or a till's message, with what it made the outbox write; a commit to
#: the outbox; from sending to the broker's receipt.
AgentStage = Literal["decide", "commit", "publish"]
Stage = VisionStage | AgentStage
_Stage = TypeVar("_Stage", bound=str)


@dataclass(frozen=True, slots=True)
class Latencies:
    """What one stage has taken since its process was started.

    Attributes:
        counts: How often, by bucket; not cumulative.
        sum_s: All together.
    """

    counts: tuple[int, ...] = (0,) * (len(BOUNDS_S) + 1)
    sum_s: float = 0.0

    def __post_init__(self) -> None:
        if len(self.counts) != len(BOUNDS_S) + 1:
            raise ValueError(f"expected {len(BOUNDS_S) + 1} counts, got {len(self.counts)}")
        if not all(0 <= count <= MAX_COUNT for count in self.counts):
            raise ValueError(f"counts: expected 0 to {MAX_COUNT}")
        if not (math.isfinite(self.sum_s) and 0.0 <= self.sum_s <= MAX_COUNT):
            raise ValueError(f"sum_s: expected 0 to {MAX_COUNT}")

    def __add__(self, other: Latencies) -> Latencies:
        """Return both together, at most MAX_COUNT."""
        pairs = zip(self.counts, other.counts, strict=True)
        counts = tuple(min(MAX_COUNT, here + there) for here, there in pairs)
        return Latencies(counts, min(float(MAX_COUNT), self.sum_s + other.sum_s))

    def since(self, before: Latencies) -> Latencies:
        """Return what has come since `before`; all of it when the process was started anew."""
        pairs = list(zip(self.counts, before.counts, strict=True))
        if any(now < then for now, then in pairs):
            return self
        counts = tuple(now - then for now, then in pairs)
        return Latencies(counts, max(0.0, self.sum_s - before.sum_s))


class Stopwatch(Generic[_Stage]):
    """Measures stages; each stage belongs to one thread.

    Args:
        now_s: A clock that only grows.
    """

    def __init__(self, now_s: Callable[[], float] = time.perf_counter) -> None:
        self.now_s = now_s
        self._counts: dict[_Stage, list[int]] = {}
        self._sums_s: dict[_Stage, float] = {}

    @contextmanager
    def measure(self, stage: _Stage) -> Iterator[None]:
        """Count how long the block takes; one that raises is not counted."""
        began_s = self.now_s()
        yield
        self.count(stage, self.now_s() - began_s)

    def count(self, stage: _Stage, took_s: float) -> None:
        """Count one pass that has been measured."""
        took_s = max(0.0, took_s)
        counts = self._counts.setdefault(stage, [0] * (len(BOUNDS_S) + 1))
        counts[bisect_left(BOUNDS_S, took_s)] += 1
        self._sums_s[stage] = self._sums_s.get(stage, 0.0) + took_s

    def totals(self) -> dict[_Stage, Latencies]:
        """Return what has been counted so far."""
        return {
            stage: Latencies(tuple(counts), self._sums_s.get(stage, 0.0))
            for stage, counts in self._counts.copy().items()
        }
