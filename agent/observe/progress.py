"""Which loops go round: each reports, and one that is silent for too long is stalled."""

from __future__ import annotations

from agent.clock import Clock


class Progress:
    """The last sign of life of every loop; safe to report to from any thread.

    Args:
        clock: Measures the silence.
        timeout_s: Silence of a loop after which it counts as stalled.
    """

    def __init__(self, clock: Clock, timeout_s: float) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._reported_s: dict[str, float] = {}

    def report(self, loop: str) -> None:
        """Note that a loop has gone round once; the first report registers it."""
        # One assignment to a dict is atomic under the interpreter lock: no lock of our own.
        self._reported_s[loop] = self._clock.now_s()

    def forget(self, loop: str) -> None:
        """Stop to expect a loop that has ended on purpose."""
        self._reported_s.pop(loop, None)

    def silences_s(self) -> dict[str, float]:
        """Return how long each loop has not reported."""
        now_s = self._clock.now_s()
        return {loop: max(0.0, now_s - at_s) for loop, at_s in self._reported_s.copy().items()}

    def stalled(self) -> tuple[str, ...]:
        """Return the loops without progress for `timeout_s`, in alphabetical order."""
        silences_s = self.silences_s().items()
        return tuple(sorted(loop for loop, silence_s in silences_s if silence_s > self._timeout_s))
