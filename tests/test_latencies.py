"""Buckets: where a time falls, what two reports differ by, what a hostile report may say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import wire
from agent.errors import ProtocolError
from agent.latencies import BOUNDS_S, MAX_COUNT, Latencies, Stopwatch
from agent.records import VisionProgress

BUCKETS = len(BOUNDS_S) + 1


class Time:
    """A clock that jumps on each look."""

    def __init__(self, *steps_s: float) -> None:
        self._now_s = 0.0
        self._steps_s = list(steps_s)

    def __call__(self) -> float:
        self._now_s += self._steps_s.pop(0)
        return self._now_s


@pytest.mark.parametrize(
    ("took_s", "bucket"),
    [(0.0, 0), (0.001, 0), (0.0011, 1), (0.02, 4), (5.0, 11), (5.1, 12), (-1.0, 0)],
)
def test_a_time_falls_into_the_first_bucket_that_holds_it(took_s: float, bucket: int) -> None:
    stopwatch = Stopwatch[str]()

    stopwatch.count("detect", took_s)

    counts = stopwatch.totals()["detect"].counts
    assert counts[bucket] == 1
    assert sum(counts) == 1


def test_a_block_is_measured() -> None:
    stopwatch = Stopwatch[str](Time(10.0, 0.25))

    with stopwatch.measure("track"):
        pass

    assert stopwatch.totals()["track"].sum_s == 0.25


def test_a_block_that_fails_is_not_counted() -> None:
    stopwatch = Stopwatch[str](Time(10.0, 0.25))

    with pytest.raises(ValueError, match="broken"), stopwatch.measure("track"):
        raise ValueError("broken")

    assert stopwatch.totals() == {}


sums = st.lists(st.integers(0, 1000), min_size=BUCKETS, max_size=BUCKETS)


@given(before=sums, more=sums)
def test_what_came_since_a_report_and_the_report_make_the_next_one(
    before: list[int], more: list[int]
) -> None:
    first = Latencies(tuple(before), float(sum(before)))
    second = first + Latencies(tuple(more), float(sum(more)))

    assert first + second.since(first) == second


def test_a_report_that_shrank_is_that_of_a_new_process() -> None:
    long, short = Stopwatch[str](), Stopwatch[str]()
    for _ in range(3):
        long.count("crop", 0.01)
    short.count("crop", 0.01)

    assert short.totals()["crop"].since(long.totals()["crop"]) == short.totals()["crop"]


@pytest.mark.parametrize(
    ("counts", "sum_s"),
    [
        ((1,) * (BUCKETS - 1), 0.0),
        ((1,) * (BUCKETS + 1), 0.0),
        ((-1,) * BUCKETS, 0.0),
        ((MAX_COUNT + 1,) * BUCKETS, 0.0),
        ((0,) * BUCKETS, -1.0),
        ((0,) * BUCKETS, math.nan),
        ((0,) * BUCKETS, math.inf),
    ],
)
def test_what_no_stopwatch_says_is_refused(counts: tuple[int, ...], sum_s: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        Latencies(counts, sum_s)


def test_they_cross_the_pipe_and_a_hostile_report_does_not() -> None:
    stopwatch = Stopwatch[str]()
    stopwatch.count("detect", 0.006)
    sent = VisionProgress(1.0, latencies={"detect": stopwatch.totals()["detect"]})
    line = wire.encode(sent)

    assert wire.decode(line) == sent
    for made_up in (b'"detectt"', b'"decide"', b'"' + b"x" * 100 + b'"'):
        with pytest.raises(ProtocolError):
            wire.decode(line.replace(b'"detect"', made_up))
    with pytest.raises(ProtocolError):
        wire.decode(line.replace(b'"counts":[0', b'"counts":[-1'))


def test_the_most_that_can_be_told_can_be_added_up() -> None:
    most = Latencies((MAX_COUNT,) * BUCKETS, float(MAX_COUNT))

    assert most + most == most
