"""When to try again, and how fast to go: back-off with jitter, and a token bucket."""

from __future__ import annotations

from collections.abc import Callable


def backoff_s(
    attempt: int, initial_s: float, max_s: float, random_ratio: Callable[[], float]
) -> float:
    """Return how long to wait before the next attempt: doubled each time, half of it random.

    Half: a thousand registers that lost the same broker come back spread over time, but none
    at once.

    Args:
        attempt: 0 after the first failure.
        initial_s: Longest first wait.
        max_s: Longest wait of all.
        random_ratio: Gives 0..1; `random.random` outside of tests.
    """
    longest_s = min(max_s, initial_s * 2.0 ** min(attempt, 60))
    return longest_s * (0.5 + 0.5 * random_ratio())


class TokenBucket:
    """Lets `burst` through at once and `rate_hz` in the long run; not for two threads."""

    def __init__(self, rate_hz: float, burst: float) -> None:
        self._rate_hz = rate_hz
        self._burst = burst
        self._tokens = burst
        self._at_s: float | None = None

    def available(self, now_s: float) -> int:
        """Return how many may pass now."""
        if self._at_s is not None:
            passed_s = max(0.0, now_s - self._at_s)
            self._tokens = min(self._burst, self._tokens + passed_s * self._rate_hz)
        self._at_s = now_s
        return int(self._tokens)

    def spend(self, count: int) -> None:
        """Take what has passed; `count` is at most what was available."""
        self._tokens -= count

    def wait_s(self) -> float:
        """Return how long until the next may pass, as of the last call of `available`."""
        return max(0.0, (1.0 - self._tokens) / self._rate_hz)
