"""The agent's processes are killed: at any moment, and at the worst ones."""

from __future__ import annotations

import signal
import time

from tests.faults.proxy import Direction
from tests.faults.scene import Scene
from tests.faults.till import Sale
from tests.faults.trial import Fault, Inflicted

#: The audit comes 1 s after the close; till then the close has long arrived.
_BEFORE_THE_AUDIT_S = 0.5


def kill_agent(scene: Scene) -> Inflicted:
    """SIGKILL to the agent, which systemd starts again."""
    scene.agent.kill()
    scene.agent.start()
    return Inflicted(time.monotonic(), kills=1)


def kill_between(held: Direction) -> Fault:
    """Return a fault that kills the agent while an audit is under way.

    Args:
        held: `up`: the audit is committed and does not reach the broker. `down`: the broker has
            it, and its PUBACK does not come.
    """

    def fault(scene: Scene) -> Inflicted:
        sale = scene.till.open()
        scene.wait(lambda: scene.witness.diary.alerts_of(sale), "the alert")
        scene.till.finish(sale, checked=False)
        time.sleep(_BEFORE_THE_AUDIT_S)
        scene.proxy.held = frozenset({held})
        scene.wait(lambda: _is_under_way(scene, sale, held), f"an audit with {held} held")
        scene.agent.kill()
        if held == "up":
            assert scene.witness.diary.audit_of(sale) is None, "the audit had left already"
        # What was held is thrown away: it never was on the wire.
        scene.proxy.cut()
        scene.proxy.heal()
        scene.agent.start()
        return Inflicted(time.monotonic(), kills=1)

    return fault


def _is_under_way(scene: Scene, sale: Sale, held: Direction) -> bool:
    if held == "up":
        return scene.ledger.has(sale.sale_id)
    return scene.witness.diary.audit_of(sale) is not None


def kill_vision(scene: Scene) -> Inflicted:
    """Let the vision process die as a fault in C++ would let it: SIGKILL or SIGABRT."""
    number = scene.chance.choice([signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
    log_bytes = scene.agent.log_bytes
    scene.wait(lambda: scene.agent.kill_child("vision", number), "a vision process")
    at_s = time.monotonic()
    scene.wait(lambda: "vision process was killed" in scene.degraded(), "word of the lost vision")
    noticed_s = time.monotonic() - at_s
    scene.wait(
        lambda: "started process=vision" in scene.agent.log_since(log_bytes), "the next vision"
    )
    return Inflicted(at_s, noticed_s)


def kill_capture(scene: Scene) -> Inflicted:
    """SIGKILL to one of the capture processes."""
    before = len(scene.witness.diary.on("/status"))
    scene.wait(lambda: scene.agent.kill_child("capture"), "a capture process")
    at_s = time.monotonic()
    scene.wait(lambda: len(scene.witness.diary.on("/status")) > before, "word of the lost camera")
    return Inflicted(at_s, time.monotonic() - at_s)
