"""The agent's disk is full or read-only, or its outbox file is spoilt.

What lay in a destroyed file alone is gone, and no software brings it back: while a file is
destroyed the till rests, so that everything due before has left it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.brokers import wait_until
from tests.faults.scene import Scene
from tests.faults.trial import Fault, Inflicted

_NOISE_BYTES = 300_000


def fill_disk(scene: Scene) -> Inflicted:
    """Leave no byte free for a while: what happens meanwhile waits in memory."""
    scene.disk.fill()
    began_s = time.monotonic()
    scene.wait(lambda: "make room" in scene.degraded(), "word of the full disk")
    noticed_s = time.monotonic() - began_s
    time.sleep(scene.lasting_s)
    scene.disk.make_room()
    return Inflicted(time.monotonic(), noticed_s)


def start_read_only(scene: Scene) -> Inflicted:
    """Start the agent where it can write nothing; later it can."""
    scene.agent.kill()
    scene.wait(lambda: _turned_read_only(scene), "nobody to have a file open")
    scene.agent.start()
    scene.wait(lambda: "mend its permissions" in scene.degraded(), "word of the read-only disk")
    time.sleep(scene.lasting_s)
    scene.disk.make_writable()
    return Inflicted(time.monotonic(), kills=1)


def _turned_read_only(scene: Scene) -> bool:
    try:
        scene.disk.make_read_only()
    except AssertionError:  # busy: the ledger is looking
        return False
    return True


def spoil_outbox(
    spoil: Callable[[Path], None], *, while_running: bool = False, is_seen: bool = True
) -> Fault:
    """Return a fault that destroys the outbox file.

    Args:
        spoil: Does it.
        while_running: Under a running agent instead of a dead one.
        is_seen: The agent must move the file aside and say so; what it holds in memory may as
            well carry it over the damage.
    """

    def fault(scene: Scene) -> Inflicted:
        log_bytes = scene.agent.log_bytes
        with scene.till.resting():
            wait_until(lambda: _all_has_left(scene), 20.0)
            if not while_running:
                scene.agent.kill()
            spoil(scene.outbox)
            if not while_running:
                scene.agent.start()
            mended_s = time.monotonic()
        if is_seen:
            scene.wait(
                lambda: "outbox_moved_aside" in scene.agent.log_since(log_bytes), "a new outbox"
            )
        return Inflicted(mended_s, kills=int(not while_running))

    return fault


def _all_has_left(scene: Scene) -> bool:
    """Return whether the last sales are audited and everything committed is delivered."""
    closed = [sale for sale in scene.till.sales[-50:] if sale.closed_at_s is not None]
    return scene.witness.diary.count(closed, scene.ledger.event_ids).lost == 0


def truncate(outbox: Path) -> None:
    """Cut file and journal in the middle, as a failing disk does."""
    for suffix in ("", "-wal"):
        part = outbox.with_name(f"{outbox.name}{suffix}")
        if part.exists():
            os.truncate(part, part.stat().st_size // 2)


def overwrite_with_noise(outbox: Path) -> None:
    """Leave nothing of the file and its journal."""
    for suffix in ("", "-wal"):
        part = outbox.with_name(f"{outbox.name}{suffix}")
        if part.exists():
            part.write_bytes(bytes(range(1, 256)) * (_NOISE_BYTES // 255))


def leave_an_older_version(outbox: Path) -> None:
    """Put a file there as an agent of an older make would have left it."""
    for suffix in ("", "-wal", "-shm"):
        outbox.with_name(f"{outbox.name}{suffix}").unlink(missing_ok=True)
    with closing(sqlite3.connect(outbox)) as database:
        database.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT)")
        database.execute("INSERT INTO messages VALUES (1, 'old')")
        database.commit()
