"""Back-off and token bucket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.publish.pacing import TokenBucket, backoff_s


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_the_wait_lies_between_half_and_all_of_the_doubled_one(attempt: int, jitter: float) -> None:
    wait_s = backoff_s(attempt, 0.5, 30.0, lambda: jitter)
    longest_s = min(30.0, 0.5 * 2.0 ** min(attempt, 20))
    assert longest_s / 2 <= wait_s <= longest_s


def test_the_waits_double_up_to_the_longest() -> None:
    waits = [backoff_s(attempt, 0.5, 8.0, lambda: 1.0) for attempt in range(6)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


def test_a_bucket_lets_the_burst_through_and_then_keeps_the_rate() -> None:
    bucket = TokenBucket(rate_hz=10.0, burst=5.0)
    assert bucket.available(100.0) == 5
    bucket.spend(5)
    assert bucket.available(100.0) == 0
    assert bucket.wait_s() == pytest.approx(0.1)
    assert bucket.available(100.25) == 2
    assert bucket.available(200.0) == 5


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing() -> None:
    bucket = TokenBucket(rate_hz=10.0, burst=5.0)
    bucket.available(100.0)
    bucket.spend(3)
    assert bucket.available(50.0) == 2
