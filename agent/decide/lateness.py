"""Which messages of the point of sale come late: a back-log after an outage. Pure.

The sender's clock may be ten minutes off, so its lag is compared with the smallest lag of the
sender's last messages. Being taken for late does no harm that lasts: a decision is held for
`SETTLE_S`, in which a back-log brings the end of a sale that is over, and is then made after
all if the sale is still open.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.decide.moment import Moment

#: A message that much later than the sender's usual lag is late.
LATE_AFTER_S = 30.0
#: A back-log brings its next message within this time.
SETTLE_S = 1.0
#: Nothing is held for longer, whatever else comes late: the sale may be a real one.
MAX_HOLD_S = 10.0
#: Lags remembered; a sender whose clock was set is known again after as many messages.
_LAGS = 32


@dataclass(slots=True)
class Lateness:
    """What is remembered of the sender's lags (own wall clock minus the sender's).

    Attributes:
        offset_s: Own wall clock minus the monotonic one at the last message; None: not known.
    """

    lags_s: list[float] = field(default_factory=list)
    burst_until_at_s: float = 0.0
    offset_s: float | None = None

    def is_late(self, occurred_wall_s: float, now: Moment, told: bool) -> bool:
        """Return whether a message that has just come is late, and remember its lag.

        Args:
            occurred_wall_s: The sender's time.
            now: When it came.
            told: Who received it knows that it is a back-log.
        """
        self._follow_own_clock(now.wall_s - now.at_s)
        lag_s = now.wall_s - occurred_wall_s
        usual_s = min(self.lags_s, default=0.0)
        in_burst = now.at_s < self.burst_until_at_s and lag_s > LATE_AFTER_S
        self.lags_s = [*self.lags_s[1 - _LAGS :], lag_s]
        if not (told or in_burst or lag_s - usual_s > LATE_AFTER_S):
            return False
        self.burst_until_at_s = now.at_s + SETTLE_S
        return True

    def _follow_own_clock(self, offset_s: float) -> None:
        """Move the remembered lags with the own wall clock.

        Else a clock set forward by an hour made every message late, and every alert with it.
        """
        if self.offset_s is not None:
            jump_s = offset_s - self.offset_s
            self.lags_s = [lag_s + jump_s for lag_s in self.lags_s]
        self.offset_s = offset_s

    def held_until_s(self, held_since_s: float) -> float:
        """Return when what is held since then is decided after all."""
        latest_s = held_since_s + MAX_HOLD_S
        return min(latest_s, max(held_since_s + SETTLE_S, self.burst_until_at_s))
