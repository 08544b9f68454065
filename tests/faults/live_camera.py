"""A camera that goes on in real time: a real clip in a loop, as MJPEG over HTTP."""

from __future__ import annotations

import itertools
import random
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Literal

import cv2

from tests.streams.http_streams import StreamServer, part

#: `hang` keeps the connection and sends nothing, `garbage` sends noise, `gone` refuses.
CameraMode = Literal["good", "hang", "garbage", "gone"]
RATE_HZ = 12.0
_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=picture\r\n\r\n"


class LiveCamera:
    """Serves the clip; `mode` may be changed at any time."""

    def __init__(self, clip: Path, seed: int = 0) -> None:
        self.mode: CameraMode = "good"
        self._parts = [part(picture) for picture in pictures(clip)]
        self._noise = random.Random(seed)
        self._server = StreamServer(self._behave)
        self.address = f"http://127.0.0.1:{self._server.port}/stream"

    def __enter__(self) -> LiveCamera:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()

    def _behave(self, connection: socket.socket, stopping: threading.Event) -> None:
        if self._is_gone():
            return
        connection.settimeout(5.0)
        connection.recv(4096)
        connection.sendall(_HEAD)
        began_s = time.monotonic()
        for number in itertools.count():
            if stopping.wait(max(0.0, began_s + number / RATE_HZ - time.monotonic())):
                return
            if self._is_gone():
                return
            if self.mode == "good":
                connection.sendall(self._parts[number % len(self._parts)])
            elif self.mode == "garbage":
                connection.sendall(self._noise.randbytes(5000))

    def _is_gone(self) -> bool:
        return self.mode == "gone"


def pictures(clip: Path) -> list[bytes]:
    """Return every frame of a clip as a JPEG."""
    capture = cv2.VideoCapture(str(clip))
    encoded = []
    while (read := capture.read())[0]:
        encoded.append(cv2.imencode(".jpg", read[1])[1].tobytes())
    capture.release()
    return encoded
