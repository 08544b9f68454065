"""The network between agent and broker is bad; cameras and till have another one."""

from __future__ import annotations

import time

from tests.faults.scene import Scene
from tests.faults.trial import Inflicted

_DELAY_S = 2.0
#: A message of the agent has 700 bytes with TLS, a handshake 3 kB: what is due cannot all pass.
_RATE_BYTES_S = 1500


def cut(scene: Scene) -> Inflicted:
    """End the connection; the broker may be reached again at once."""
    scene.proxy.cut()
    return Inflicted(time.monotonic())


def delay(scene: Scene) -> Inflicted:
    """Let everything come two seconds later, in both directions."""
    scene.proxy.delay_s = _DELAY_S
    time.sleep(scene.lasting_s)
    scene.proxy.heal()
    return Inflicted(time.monotonic())


def throttle(scene: Scene) -> Inflicted:
    """Let through less than the agent has to say."""
    scene.proxy.rate_bytes_s = _RATE_BYTES_S
    time.sleep(scene.lasting_s)
    scene.proxy.heal()
    return Inflicted(time.monotonic())


def leave_half_open(scene: Scene) -> Inflicted:
    """Swallow everything, old connections and new; at the end nobody knows those any more."""
    scene.proxy.held = frozenset({"up", "down"})
    time.sleep(scene.lasting_s)
    scene.proxy.cut(with_reset=True)
    scene.proxy.heal()
    return Inflicted(time.monotonic())
