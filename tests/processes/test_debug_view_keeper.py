"""The viewer's keeper, with a script in the viewer's place and a clock of the test's own."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.clock import ReplayClock
from agent.config.debug_view import LONGEST_S, DebugViewSection
from agent.processes.debug_view_keeper import DebugViewKeeper, ViewerStart
from tests.brokers import wait_until

#: Writes down what it was told, says that it serves, and waits for the end of stdin.
SERVES = """
    import json, os, sys
    settings = json.loads(sys.stdin.readline())
    with open(os.environ["TMPDIR"] + "/told", "a") as file:
        file.write(json.dumps({"settings": settings, "environment": dict(os.environ)}) + "\\n")
    print(json.dumps({"kind": "hello", "process": "viewer", "pid": os.getpid()}), flush=True)
    sys.stdin.read()
"""
DIES = "import sys; sys.stdin.readline(); sys.exit('agent.errors.ConfigError: port taken')"
HANGS = SERVES + "\n    import time; time.sleep(60)"
LIES = """
    import sys, time
    sys.stdin.readline()
    print('{"kind": "visit_started", "camera_id": "a", "visit_id": "b", "at_s": 1.0}', flush=True)
    print('{"kind": "hello", "process": "vision", "pid": 1}', flush=True)
    sys.stdin.read()
"""


class Kept:
    """A keeper of 60 s whose viewer is a script."""

    def __init__(self, folder: Path, script: str, duration_s: float = 60.0) -> None:
        self.folder = folder
        self.clock = ReplayClock()
        self.announced = 0
        command = (sys.executable, "-c", textwrap.dedent(script))
        start = ViewerStart("t" * 20, ("till",), "here", command, folder)
        section = DebugViewSection(port=8092, duration_s=duration_s)
        self.keeper = DebugViewKeeper(section, start, self.clock, self._announce)
        self.keeper.start()

    def _announce(self) -> None:
        self.announced += 1

    def is_on(self) -> bool:
        return self.keeper.is_on

    def until(self, condition: Callable[[], object]) -> bool:
        """Step until something is so; the clock stands still."""

        def stepped() -> object:
            self.keeper.step()
            return condition()

        return wait_until(stepped, 20.0)

    def pass_s(self, seconds: float) -> None:
        self.clock.advance_to(self.clock.now_s() + seconds)
        self.keeper.step()

    @property
    def told(self) -> list[dict[str, Any]]:
        file = self.folder / "told"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


Keeping = Callable[..., Kept]


@pytest.fixture
def keeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeping]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("MQTT_PASSWORD", "secret of the broker")
    started: list[Kept] = []

    def keep(script: str, duration_s: float = 60.0) -> Kept:
        started.append(Kept(tmp_path, script, duration_s))
        return started[-1]

    yield keep
    for each in started:
        each.keeper.stop()
        assert not each.is_on()
    assert not list(tmp_path.glob("checkout-agent-*")), "the private folder is gone"


def test_its_time_begins_when_the_viewer_serves_and_then_it_is_over(keeping: Keeping) -> None:
    kept = keeping(SERVES)
    kept.clock.advance_to(200.0)  # vision was slow to load
    assert kept.is_on()
    assert kept.until(lambda: kept.announced)
    kept.pass_s(59.9)
    assert kept.is_on()
    kept.pass_s(0.1)
    assert kept.keeper.tap_settings() is None
    assert kept.until(lambda: not kept.is_on()), "on until the viewer is really gone"
    kept.pass_s(1.0)
    assert not kept.is_on()
    assert len(kept.told) == 1
    assert kept.announced == 1


def test_without_a_vision_process_it_is_over_at_last(keeping: Keeping) -> None:
    kept = keeping("import sys; sys.stdin.read()")
    kept.pass_s(LONGEST_S - 1.0)
    assert kept.is_on()
    kept.pass_s(1.0)
    assert kept.until(lambda: not kept.is_on())
    assert kept.announced == 0


def test_a_viewer_that_dies_is_started_again_with_what_is_left(keeping: Keeping) -> None:
    kept = keeping(SERVES)
    assert kept.until(lambda: kept.announced)
    kept.pass_s(20.0)
    child = kept.keeper._child
    assert child is not None
    child.kill()
    assert kept.until(lambda: kept.keeper._child is None)
    assert kept.is_on()
    tap = kept.keeper.tap_settings()
    assert tap is not None
    assert tap.duration_s == pytest.approx(40.0)
    kept.pass_s(1.0)
    assert kept.until(lambda: len(kept.told) == 2)
    first, second = (each["settings"] for each in kept.told)
    assert second["duration_s"] == pytest.approx(39.0)
    assert {**first, "duration_s": 0} == {**second, "duration_s": 0}, "the same address and key"
    assert kept.announced == 1


def test_vision_and_viewer_are_told_the_same_door_and_nothing_of_the_broker(
    keeping: Keeping,
) -> None:
    kept = keeping(SERVES)
    assert kept.until(lambda: kept.announced)
    [told] = kept.told
    tap = kept.keeper.tap_settings()
    assert tap is not None
    assert (tap.socket_path, tap.key) == (told["settings"]["socket_path"], told["settings"]["key"])
    assert Path(tap.socket_path).parent.stat().st_mode & 0o777 == 0o700
    assert "secret of the broker" not in json.dumps(told)


def test_a_viewer_that_cannot_start_is_said_and_tried_again(
    keeping: Keeping, caplog: pytest.LogCaptureFixture
) -> None:
    kept = keeping(DIES)
    assert kept.until(lambda: kept.keeper._child is None)
    assert "viewer_lost" in caplog.text
    assert "port taken" in caplog.text
    kept.pass_s(1.0)
    assert kept.keeper._child is not None


def test_a_viewer_that_hangs_at_the_end_is_killed(keeping: Keeping) -> None:
    kept = keeping(HANGS)
    assert kept.until(lambda: kept.announced)
    kept.pass_s(60.0)
    kept.pass_s(0.2)
    assert kept.is_on(), "it may still show a picture"
    kept.pass_s(0.2)
    assert kept.until(lambda: not kept.is_on())


def test_no_step_waits_for_the_viewer(keeping: Keeping) -> None:
    kept = keeping(HANGS)
    assert kept.until(lambda: kept.announced)
    began_s = time.monotonic()
    kept.pass_s(60.0)
    assert time.monotonic() - began_s < 0.2


def test_a_viewer_may_say_nothing_but_that_it_serves(keeping: Keeping) -> None:
    kept = keeping(LIES)
    assert kept.until(lambda: kept.keeper._lane.protocol_errors == 2)
    assert kept.announced == 0


def test_a_stop_ends_it_at_once(keeping: Keeping) -> None:
    kept = keeping(SERVES)
    assert kept.until(lambda: kept.announced)
    kept.keeper.stop()
    assert not kept.is_on()
    kept.pass_s(5.0)
    assert len(kept.told) == 1
