"""Which loops go round."""

from __future__ import annotations

from agent.clock import ReplayClock
from agent.observe.progress import Progress


def test_a_loop_that_reports_is_not_stalled() -> None:
    clock = ReplayClock()
    progress = Progress(clock, timeout_s=10.0)
    for second in range(0, 60, 9):
        clock.advance_to(second)
        progress.report("decide")
        assert progress.stalled() == ()


def test_the_silent_loops_are_named_in_order() -> None:
    clock = ReplayClock()
    progress = Progress(clock, timeout_s=10.0)
    for loop in ("vision", "decide", "publish"):
        progress.report(loop)
    clock.advance_to(10.0)
    assert progress.stalled() == ()
    progress.report("publish")
    clock.advance_to(10.1)
    assert progress.stalled() == ("decide", "vision")


def test_a_loop_that_ended_on_purpose_is_not_expected() -> None:
    clock = ReplayClock()
    progress = Progress(clock, timeout_s=1.0)
    progress.report("capture till")
    progress.forget("capture till")
    progress.forget("never known")
    clock.advance_to(5.0)
    assert progress.stalled() == ()


def test_each_loops_silence_is_told() -> None:
    clock = ReplayClock()
    progress = Progress(clock, timeout_s=10.0)
    progress.report("vision")
    clock.advance_to(4.0)
    progress.report("decision")
    assert progress.silences_s() == {"vision": 4.0, "decision": 0.0}
