"""When to try again: exponential back-off with jitter."""

from __future__ import annotations

from collections.abc import Callable

#: 2 ** 32 half seconds are longer than any machine runs; more would overflow a float in the end.
_MAX_DOUBLINGS = 32


class Backoff:
    """Delays that double from `initial_s` to `max_s`, each shortened by chance.

    The jitter keeps the cameras of a store from knocking at one recorder all at once after
    a power cut. It only shortens, so `max_s` is a promise.

    Args:
        initial_s: First delay.
        max_s: Longest delay.
        jitter_ratio: A delay is shortened by at most this share of itself.
        random_ratio: Returns an even chance in [0, 1).
    """

    def __init__(
        self,
        initial_s: float,
        max_s: float,
        jitter_ratio: float,
        random_ratio: Callable[[], float],
    ) -> None:
        self._initial_s = initial_s
        self._max_s = max_s
        self._jitter_ratio = jitter_ratio
        self._random_ratio = random_ratio
        self.failures = 0

    def next_delay_s(self) -> float:
        """Count one more failure and return how long to wait before the next try."""
        doublings = min(self.failures, _MAX_DOUBLINGS)
        self.failures += 1
        delay_s = min(self._max_s, self._initial_s * 2.0**doublings)
        return delay_s * (1.0 - self._jitter_ratio * self._random_ratio())

    def reset(self) -> None:
        """Begin with the first delay again: the source is well."""
        self.failures = 0
