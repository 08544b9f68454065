"""Opens a camera once and says what it gives: `python -m agent.capture.probe`.

A process of its own, because opening a broken device can hang where only a kill helps.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading

from agent.capture.camera import open_source
from agent.capture.settings import CaptureSettings
from agent.clock import SystemClock
from agent.errors import SourceError

#: Python's start and OpenCV's import, beside the camera's own time-outs.
_START_S = 10.0


def probe_camera(settings: CaptureSettings) -> str:
    """Return what the camera gives, such as `1280 x 720 px`.

    Raises:
        SourceError: It gives no picture, in words without a credential.
    """
    limit_s = settings.open_timeout_s + settings.read_timeout_s + _START_S
    try:
        finished = subprocess.run(
            [sys.executable, "-m", "agent.capture.probe"],
            input=settings.model_dump_json().encode(),
            capture_output=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(
            f"{settings.shown_source}: hangs: no picture within {limit_s:.0f} s"
        ) from error
    answer = _last_line(finished.stdout)
    if "error" in answer:
        raise SourceError(answer["error"].replace(settings.address, settings.shown_source))
    return answer["picture"]


def _last_line(output: bytes) -> dict[str, str]:
    lines = output.splitlines()
    if not lines:
        return {"error": "the probe has died: see `journalctl` or run it by hand"}
    answer: dict[str, str] = json.loads(lines[-1])
    return answer


def main() -> None:
    """Read the settings from stdin, write one line of JSON."""
    settings = CaptureSettings.model_validate_json(sys.stdin.buffer.read())
    try:
        picture = open_source(settings, SystemClock(), threading.Event()).read()
        answer = {"error": f"{settings.shown_source}: gives no picture"}
        if picture is not None:
            height_px, width_px = picture.pixels_bgr.shape[:2]
            answer = {"picture": f"{width_px} x {height_px} px"}
    except SourceError as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
