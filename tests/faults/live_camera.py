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
import numpy as np

from tests.streams.http_streams import StreamServer, part

#: `hang` keeps the connection and sends nothing, `garbage` sends noise, `gone` refuses,
#: `frozen` repeats one picture, `black` is a covered lens with its noise, `resized` sends
#: pictures of another size, `slow` only 5 a second.
CameraMode = Literal["good", "hang", "garbage", "gone", "frozen", "black", "resized", "slow"]
RATE_HZ = 12.0
SLOW_RATE_HZ = 5.0
_BLACK_PICTURES = 7
_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=picture\r\n\r\n"


class LiveCamera:
    """Serves the clip; `mode` may be changed at any time."""

    def __init__(self, clip: Path, seed: int = 0) -> None:
        self.mode: CameraMode = "good"
        good = pictures(clip)
        self._parts = [part(encoded(picture)) for picture in good]
        self._resized = [part(encoded(cv2.resize(picture, None, fx=2, fy=2))) for picture in good]
        self._black = [part(encoded(dark)) for dark in dark_pictures(good[0].shape, seed)]
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
        due_s = time.monotonic()
        for number in itertools.count():
            due_s += 1 / (SLOW_RATE_HZ if self.mode == "slow" else RATE_HZ)
            if stopping.wait(max(0.0, due_s - time.monotonic())) or self._is_gone():
                return
            connection.sendall(self._next(number))

    def _is_gone(self) -> bool:
        return self.mode == "gone"

    def _next(self, number: int) -> bytes:
        match self.mode:
            case "hang" | "gone":
                return b""
            case "garbage":
                return self._noise.randbytes(5000)
            case "frozen":
                return self._parts[0]
            case "black":
                return self._black[number % len(self._black)]
            case "resized":
                return self._resized[number % len(self._resized)]
            case _:
                return self._parts[number % len(self._parts)]


def pictures(clip: Path) -> list[cv2.typing.MatLike]:
    """Return every frame of a clip."""
    capture = cv2.VideoCapture(str(clip))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    capture.release()
    return frames


def dark_pictures(shape: tuple[int, ...], seed: int) -> list[cv2.typing.MatLike]:
    """Return what a camera sends whose lens is covered: faint noise, each time another."""
    chance = np.random.default_rng(seed)
    return [chance.integers(0, 12, shape).astype(np.uint8) for _ in range(_BLACK_PICTURES)]


def encoded(picture: cv2.typing.MatLike) -> bytes:
    """Return a picture as a JPEG."""
    return cv2.imencode(".jpg", picture)[1].tobytes()
