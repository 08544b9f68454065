"""The broker dies or stands still."""

from __future__ import annotations

import time

from tests.faults.scene import Scene
from tests.faults.trial import Inflicted


def kill_broker(scene: Scene) -> Inflicted:
    """SIGKILL to the broker, and a new one on the same ports."""
    scene.broker.kill()
    time.sleep(scene.chance.uniform(0.0, 1.0))
    scene.broker.start()
    return Inflicted(time.monotonic())


def freeze_broker(scene: Scene) -> Inflicted:
    """SIGSTOP to the broker: its connections stay, and nothing answers."""
    scene.broker.freeze()
    time.sleep(scene.freeze_s)
    scene.broker.thaw()
    return Inflicted(time.monotonic())
