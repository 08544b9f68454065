"""The vision process gets too little memory, or another file in the model's place."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from tests.faults.scene import Scene
from tests.faults.trial import Inflicted

#: Of cgroup version 1, which has its memory controller there, and of version 2.
_GROUPS = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
)
_GROUP = "checkout-faults"
#: The vision process has 330 MB resident and 620 MB of data.
_RESIDENT_BYTES = 100_000_000
_DATA_BYTES = 250_000_000

Limit = Callable[[int], None]


def missing_group() -> str:
    """Return why no memory can be limited by a control group, or empty."""
    try:
        with _control_group():
            return ""
    except OSError as error:
        return f"a writable memory cgroup (as root): {error}"


@contextlib.contextmanager
def _control_group() -> Iterator[Path]:
    parent, limit = next(
        ((parent, name) for parent, name in _GROUPS if _has_controller(parent)), _GROUPS[1]
    )
    group = parent / f"{_GROUP}-{os.getpid()}"
    group.mkdir()
    try:
        (group / limit).write_text(str(_RESIDENT_BYTES))
        yield group
    finally:
        _remove(group)


def _has_controller(parent: Path) -> bool:
    controllers = parent / "cgroup.subtree_control"
    if controllers.exists():
        return "memory" in controllers.read_text().split()
    return (parent / "memory.limit_in_bytes").exists()


def _remove(group: Path) -> None:
    """Remove the group as soon as the kernel has buried its last process."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.1)


def starve_by_group(scene: Scene) -> Inflicted:
    """Let the kernel kill the vision process whenever it takes more than it may have."""
    with _control_group() as group:
        return _starve(scene, lambda pid: _put(group / "cgroup.procs", pid))


def _put(file: Path, pid: int) -> None:
    file.write_text(str(pid))


def starve_by_limit(scene: Scene) -> Inflicted:
    """Let every request of the vision process for more memory fail (RLIMIT_DATA)."""
    return _starve(scene, _limit_data)


def _limit_data(pid: int) -> None:
    psutil.Process(pid).rlimit(psutil.RLIMIT_DATA, (_DATA_BYTES, _DATA_BYTES))


def _starve(scene: Scene, limit: Limit) -> Inflicted:
    """Kill the vision process and limit each that is started after it, for a while."""
    with _limiting(scene, limit):
        log_bytes = scene.agent.log_bytes
        scene.wait(lambda: scene.agent.kill_child("vision", signal.SIGKILL), "a vision process")
        began_s = time.monotonic()
        scene.wait(
            lambda: scene.agent.log_since(log_bytes).count("vision_lost") >= 2, "a starved process"
        )
        scene.wait(lambda: "the vision process" in scene.degraded(), "word of the lost vision")
        time.sleep(max(0.0, began_s + scene.lasting_s - time.monotonic()))
        assert "started process=vision" not in scene.agent.log_since(log_bytes), "it had enough"
    mended_s = time.monotonic()
    # One that was limited at birth cannot be helped: it dies, and the next one lives.
    return Inflicted(mended_s)


@contextlib.contextmanager
def _limiting(scene: Scene, limit: Limit) -> Iterator[None]:
    """Limit every vision process that begins within a `with`."""
    known = {child.pid for child in scene.agent.children("vision")}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            for child in scene.agent.children("vision"):
                if child.pid not in known:
                    known.add(child.pid)
                    with contextlib.suppress(OSError, psutil.Error):
                        limit(child.pid)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def replace_model(scene: Scene) -> Inflicted:
    """Put another file in the model's place under a running agent, then let vision start anew."""
    model = scene.models / "age_resnet50" / "model.bin"
    good = model.read_bytes()
    (vision,) = scene.agent.children("vision")
    _replace(model, bytes([good[0] ^ 1]) + good[1:])
    time.sleep(1.0)
    assert vision.is_running(), "replacing the file has disturbed the running process"
    assert not scene.degraded(), scene.degraded()
    scene.agent.kill_child("vision")
    began_s = time.monotonic()
    scene.wait(lambda: "altered: expected SHA-256" in scene.degraded(), "word of the altered model")
    said = scene.degraded()
    assert "bring it back" in said or "install the agent again" in said, said
    time.sleep(max(0.0, began_s + scene.lasting_s - time.monotonic()))
    _replace(model, good)
    return Inflicted(time.monotonic())


def _replace(file: Path, content: bytes) -> None:
    beside = file.with_name(f"{file.name}.new")
    beside.write_bytes(content)
    beside.replace(file)
