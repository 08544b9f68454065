"""Password and certificates are wrong for a while; the agent says which, and what to correct."""

from __future__ import annotations

import re
import time

from tests.faults.scene import Scene
from tests.faults.trial import Fault, Inflicted
from tests.faults.trust import PASSWORD, Face


def change_password(scene: Scene) -> Inflicted:
    """Give the agent a wrong password and end its connection."""
    scene.trust.set_password("wrong")
    _lose_connection(scene, "refuses us: .*correct mqtt.username, its password")
    scene.trust.set_password(PASSWORD)
    return Inflicted(time.monotonic())


def show_face(face: Face, words: str) -> Fault:
    """Return a fault in which the broker shows another certificate.

    Args:
        face: Which.
        words: What the agent must say of it.
    """

    def fault(scene: Scene) -> Inflicted:
        scene.proxy.target_port = scene.trust.ports[face]
        _lose_connection(scene, f"its certificate is refused: .*{words}.*: correct mqtt.tls")
        scene.proxy.target_port = scene.trust.ports["good"]
        return Inflicted(time.monotonic())

    return fault


def _lose_connection(scene: Scene, pattern: str) -> None:
    """End the connection, wait until the agent says why there is no other, and let it last."""
    log_bytes = scene.agent.log_bytes
    scene.proxy.cut()
    scene.wait(lambda: re.search(pattern, scene.agent.log_since(log_bytes)), pattern)
    time.sleep(scene.lasting_s)
