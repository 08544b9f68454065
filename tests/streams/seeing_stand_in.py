"""`checkout-agent run` with everything but eyes: somebody of a given age is always there.

    python -m tests.streams.seeing_stand_in CONFIG AGE_YEARS

The daemon is the real one, with its outbox, its sale file and MQTT; only the processes that
see are replaced by one visit with a fresh estimate eight times a second.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from agent import assemble
from agent.commands.run import run
from agent.config.load import load_config
from agent.loop import SourceRecord
from agent.records import AGE_CLASSES, AgeDistribution, AgeEstimate, CameraStatus, VisitStarted

CAMERA_ID, VISIT_ID = "till", "visit"
PERIOD_S = 0.125
_SD_YEARS = 4.0


class Seeing:
    """In the supervisor's place: one visit that never ends, of processes that never fail."""

    restarts: Mapping[str, int] = MappingProxyType({"vision": 0})
    protocol_errors = 0
    moving = ("vision",)

    def __init__(self, age_years: float) -> None:
        raw = [math.exp(-0.5 * ((n - age_years) / _SD_YEARS) ** 2) for n in range(AGE_CLASSES)]
        self._distribution = AgeDistribution(tuple(value / sum(raw) for value in raw))
        self._waiting: list[SourceRecord] = []
        self._next_s = 0.0

    def start(self) -> None:
        self._next_s = time.monotonic()
        self._waiting = [
            CameraStatus(CAMERA_ID, "online", time.time()),
            VisitStarted(CAMERA_ID, VISIT_ID, self._next_s),
        ]

    def poll(self, timeout_s: float) -> Sequence[SourceRecord]:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            return waiting
        time.sleep(min(timeout_s, max(0.0, self._next_s - time.monotonic())))
        now_s = time.monotonic()
        if now_s < self._next_s:
            return []
        self._next_s = max(self._next_s + PERIOD_S, now_s)
        return [AgeEstimate(CAMERA_ID, VISIT_ID, now_s, 0.9, self._distribution)]

    def stop(self, timeout_s: float) -> None:
        del timeout_s  # nothing to stop


def main() -> int:
    config, age_years = Path(sys.argv[1]), float(sys.argv[2])
    assemble.supervisor = lambda *_: Seeing(age_years)  # type: ignore[assignment]
    return run(load_config(config))


if __name__ == "__main__":
    sys.exit(main())
