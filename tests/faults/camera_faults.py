"""One camera fails in some way; the other one must not be disturbed."""

from __future__ import annotations

import time

from tests.faults.live_camera import CameraMode
from tests.faults.scene import Scene
from tests.faults.trial import Fault, Inflicted

#: Longer than a camera may stand still unnoticed.
_ENDURED_S = 5.5


def break_camera(mode: CameraMode) -> Fault:
    """Return a fault of the second camera that the agent has to notice."""

    def fault(scene: Scene) -> Inflicted:
        first = len(scene.witness.diary.on("camera/first/status"))
        scene.cameras["second"].mode = mode
        at_s = time.monotonic()
        scene.wait(lambda: "camera second" in scene.degraded(), f"word of {mode}")
        noticed_s = time.monotonic() - at_s
        time.sleep(scene.lasting_s)
        scene.cameras["second"].mode = "good"
        mended_s = time.monotonic()
        scene.wait(lambda: scene.camera_state("second") == "online", f"the camera after {mode}")
        assert len(scene.witness.diary.on("camera/first/status")) == first, "the first one, too"
        return Inflicted(mended_s, noticed_s)

    return fault


def change_camera(mode: CameraMode) -> Fault:
    """Return a change of the second camera that must not stop anything."""

    def fault(scene: Scene) -> Inflicted:
        said = len(scene.witness.diary.on("/status"))
        scene.cameras["second"].mode = mode
        time.sleep(_ENDURED_S)
        scene.cameras["second"].mode = "good"
        mended_s = time.monotonic()
        assert len(scene.witness.diary.on("/status")) == said, f"{mode} took a camera off"
        return Inflicted(mended_s)

    return fault
