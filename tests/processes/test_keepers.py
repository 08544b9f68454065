"""When a process is started again, and when it counts as stuck; with a fake clock."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from agent import wire
from agent.capture.reconnect import Backoff
from agent.capture.watch import CameraWatch
from agent.clock import ReplayClock
from agent.config.vision import CaptureSection
from agent.errors import ChildError
from agent.processes.child_process import ChildProcess
from agent.processes.child_records import Lane, is_from_vision
from agent.processes.keepers import CameraKeeper, Patience, VisionKeeper
from agent.records import Hello, VisionRestarted
from tests.brokers import wait_until


class Mortal:
    """What the keeper asks of a child process."""

    def __init__(self) -> None:
        self.last_words: deque[str] = deque()
        self.lines_too_long = 0
        self.end = "was killed by SIGKILL"
        self.is_dead = False
        self._said = [wire.encode(Hello("vision", 1))]

    def has_ended(self) -> bool:
        return self.is_dead

    def read(self, *, to_end: bool = False) -> tuple[list[bytes], list[str]]:
        said, self._said = self._said, []
        return said, []

    def kill(self) -> None:
        self.is_dead = True

    def reap(self, timeout_s: float) -> bool:
        return True


class Nursery:
    """A vision keeper whose processes live as long as the test says."""

    def __init__(self, *, is_live: bool = True) -> None:
        self.clock = ReplayClock()
        self.born: list[Mortal] = []
        self.cannot_start: OSError | None = None
        backoff = Backoff(0.2, 4.0, 0.0, lambda: 0.0) if is_live else None
        lane = Lane("vision", is_from_vision, is_quiet=True)
        self.keeper = VisionKeeper(self._bear, backoff, self.clock, lane, Patience())

    def _bear(self) -> ChildProcess:
        if self.cannot_start is not None:
            raise self.cannot_start
        self.born.append(Mortal())
        return cast("ChildProcess", self.born[-1])

    def pass_s(self, time_s: float) -> None:
        """Let time pass in small steps, as the main loop does."""
        end_s = self.clock.now_s() + time_s
        while self.clock.now_s() < end_s:
            self.clock.advance_to(min(end_s, self.clock.now_s() + 0.05))
            self.keeper.step()

    def reborn_after_s(self) -> float:
        """Kill the process; return how long the next one is waited for."""
        self.born[-1].is_dead = True
        began_s, count = self.clock.now_s(), len(self.born)
        while len(self.born) == count:
            self.pass_s(0.05)
        return round(self.clock.now_s() - began_s, 1)


def test_a_process_that_worked_is_started_again_at_once_however_often_it_dies() -> None:
    nursery = Nursery()
    nursery.keeper.start()
    for _ in range(50):
        nursery.pass_s(Patience().steady_s + 0.5)
        assert nursery.reborn_after_s() < 0.5


def test_deaths_in_quick_succession_wait_longer_but_never_long() -> None:
    nursery = Nursery()
    nursery.keeper.start()
    waits_s = []
    for _ in range(20):
        nursery.pass_s(2.0)
        waits_s.append(nursery.reborn_after_s())
    assert waits_s[0] < 0.5
    assert waits_s == sorted(waits_s)
    # With 2 s of start, and as much again on a busy machine, within 10 s.
    assert 3.0 < waits_s[-1] < 5.0
    nursery.pass_s(Patience().steady_s + 0.5)
    assert nursery.reborn_after_s() < 0.5


def test_a_process_that_cannot_even_be_started_is_tried_again() -> None:
    nursery = Nursery()
    nursery.cannot_start = OSError(12, "Cannot allocate memory")
    (lost,) = nursery.keeper.start()
    assert isinstance(lost, VisionRestarted)
    assert "Cannot allocate memory" in lost.detail
    nursery.cannot_start = None
    nursery.pass_s(0.5)
    assert len(nursery.born) == 1


def test_in_a_replay_a_death_is_final() -> None:
    nursery = Nursery(is_live=False)
    nursery.keeper.start()
    nursery.born[-1].is_dead = True
    with pytest.raises(ChildError, match="was killed by SIGKILL"):
        nursery.keeper.step()


@pytest.mark.parametrize(
    ("said", "last_word"),
    [
        (
            ["terminate called: std::bad_alloc", "W0000 00:00:17.9 1 runner.cc:14] aligned"],
            "bad_al",
        ),
        (["MemoryError", "INFO: Created delegate", "WARNING: Logging before InitGoogle()"], "Memo"),
        (["I0000 00:00:17.9 1 a.cc:1] fine"], ""),
        ([], ""),
    ],
)
def test_what_a_library_chats_is_not_why_a_process_died(said: list[str], last_word: str) -> None:
    nursery = Nursery()
    nursery.keeper.start()
    nursery.born[-1].last_words.extend(said)
    nursery.born[-1].is_dead = True
    (_, lost) = nursery.keeper.step()
    assert isinstance(lost, VisionRestarted)
    _, _, words = lost.detail.partition("SIGKILL")
    assert (last_word in words) if last_word else words == ""


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
