"""The machine's clock jumps; only the agent under test sees it (libfaketime), never the host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.scene import Scene
from tests.faults.trial import Inflicted

_HOUR_S = 3600
#: The library looks at its file so often.
_LOOKS_EVERY_S = 1.0


def library() -> Path | None:
    """Return libfaketime for programs with threads, where Debian has put it."""
    return next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)


def missing_library() -> str:
    """Return what the machine lacks, or empty."""
    return "" if library() else "libfaketime: apt-get install libfaketime"


@contextmanager
def borrowed_clock(scene: Scene) -> Iterator[None]:
    """Run the agent on a wall clock that a file moves; its monotonic clock stays the kernel's."""
    before = scene.agent.environment
    _clock(scene).write_text("+0\n")
    _start_again(scene, {
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(_clock(scene)),
        "FAKETIME_CACHE_DURATION": f"{_LOOKS_EVERY_S:g}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    })  # fmt: skip
    try:
        yield
    finally:
        _clock(scene).write_text("+0\n")
        time.sleep(2 * _LOOKS_EVERY_S)
        _start_again(scene, dict(before))


def jump(scene: Scene) -> Inflicted:
    """Set the clock an hour forward or back, or right again."""
    now = _clock(scene).read_text()
    others = [f"{hours * _HOUR_S:+d}\n" for hours in (-1, 0, 1)]
    others.remove(now)
    _clock(scene).write_text(scene.chance.choice(others))
    time.sleep(_LOOKS_EVERY_S)
    return Inflicted(time.monotonic())


def _clock(scene: Scene) -> Path:
    return scene.folder / "clock"


def _start_again(scene: Scene, environment: dict[str, str]) -> None:
    # Not stopped: time.sleep fails with EINVAL under libfaketime 0.9.10 after a jump.
    scene.agent.kill()
    scene.agent.environment = environment
    scene.agent.start()
    stopped_s = time.monotonic()
    scene.wait(lambda: (scene.clean_since_s() or 0.0) > stopped_s, "the agent with another clock")
