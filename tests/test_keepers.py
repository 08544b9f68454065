"""When a process counts as stuck: it was killed, and is still there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from agent.capture.reconnect import Backoff
from agent.capture.watch import CameraWatch
from agent.child_process import ChildProcess
from agent.child_records import Lane
from agent.clock import ReplayClock
from agent.config.vision import CaptureSection
from agent.keepers import CameraKeeper, Patience, VisionKeeper
from tests.brokers import wait_until

WAITS = (sys.executable, "-c", "import sys; sys.stdin.read()")


class Unkillable(ChildProcess):
    """As one that waits in a driver for ever."""

    mortal = False

    def kill(self) -> None:
        if self.mortal:
            super().kill()


@pytest.fixture
def child() -> Iterator[Unkillable]:
    made = Unkillable(WAITS, b"", {})
    yield made
    made.mortal = True
    made.kill()
    made.reap(5.0)


def lane() -> Lane:
    return Lane("any", lambda record: True, is_quiet=True)


def backoff() -> Backoff:
    return Backoff(0.5, 1.0, 0.0, lambda: 0.5)


def vision(clock: ReplayClock, child: ChildProcess) -> VisionKeeper:
    return VisionKeeper(lambda: child, backoff(), clock, lane(), Patience(10.0, 5.0))


def camera(clock: ReplayClock, child: ChildProcess) -> CameraKeeper:
    watch = CameraWatch("till", CaptureSection(), clock)
    return CameraKeeper("till", lambda: child, watch, backoff(), clock, lane())


@pytest.mark.parametrize("keep", [vision, camera])
def test_a_process_that_survives_its_killing_is_stuck_until_it_is_gone(
    keep: Callable[[ReplayClock, ChildProcess], VisionKeeper | CameraKeeper], child: Unkillable
) -> None:
    clock = ReplayClock()
    keeper = keep(clock, child)
    keeper.start()
    stuck = []

    for now_s in (0.0, 30.0):
        clock.advance_to(now_s)
        keeper.step()
        stuck.append(keeper.is_stuck)
    child.mortal = True
    child.kill()
    assert wait_until(child.has_ended)
    keeper.step()
    stuck.append(keeper.is_stuck)

    assert stuck == [False, True, False]
