from __future__ import annotations

import pytest

from agent.decide.lateness import MAX_HOLD_S, SETTLE_S, Lateness
from agent.decide.moment import Moment


def now(at_s: float) -> Moment:
    return Moment(at_s, 1000.0 + at_s)


def test_a_moment_moves_on_both_clocks() -> None:
    assert Moment(10.0, 1010.0).at(7.0) == Moment(7.0, 1007.0)


@pytest.mark.parametrize("off_s", [-600.0, -5.0, 0.0, 20.0])
def test_a_clock_that_is_steadily_off_is_not_late(off_s: float) -> None:
    lateness = Lateness()
    assert not any(
        lateness.is_late(1000.0 + at_s - off_s, now(at_s), told=False) for at_s in range(100)
    )


def test_a_slow_clock_is_late_once_and_then_known() -> None:
    lateness = Lateness()
    assert lateness.is_late(400.0, now(0.0), told=False)
    assert not lateness.is_late(402.0, now(2.0), told=False)


def test_a_clock_that_is_set_back_is_known_again_after_some_messages() -> None:
    lateness = Lateness()
    late = [
        lateness.is_late(1000.0 + at_s - (0 if at_s < 100 else 600), now(at_s), told=False)
        for at_s in range(0, 400, 2)
    ]
    assert not any(late[:50])
    assert late[50]
    assert not any(late[90:])
    assert len(lateness.lags_s) == 32


def test_what_is_held_waits_for_the_burst_but_not_for_ever() -> None:
    lateness = Lateness()
    assert lateness.held_until_s(5.0) == 5.0 + SETTLE_S
    lateness.burst_until_at_s = 8.0
    assert lateness.held_until_s(5.0) == 8.0
    lateness.burst_until_at_s = 800.0
    assert lateness.held_until_s(5.0) == 5.0 + MAX_HOLD_S


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
def test_a_jump_of_the_own_clock_makes_nothing_late_and_hides_nothing(jump_s: float) -> None:
    """A busy till, whose messages come faster than a burst ends, got its alerts 10 s late."""
    lateness = Lateness()
    late = []
    for tenth in range(1000):
        at_s = tenth / 2
        wall_s = 1000.0 + at_s + (jump_s if tenth >= 100 else 0.0)
        late.append(lateness.is_late(1000.0 + at_s, Moment(at_s, wall_s), told=False))
    assert not any(late)
    at_s = 600.0
    behind_s = 1000.0 + at_s - 60.0
    assert lateness.is_late(behind_s, Moment(at_s, 1000.0 + at_s + jump_s), told=False)
