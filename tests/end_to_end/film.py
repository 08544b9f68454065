"""A camera over HTTP that shows a real clip again and again, at its own pace."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import cv2

from tests.streams.http_streams import part

_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=picture\r\n\r\n"
RATE_HZ = 25.0


def showing(clip: Path, scale: int = 2) -> Callable[[socket.socket, threading.Event], None]:
    """Return a behaviour for `StreamServer`: the clip, `scale` times as large."""
    parts = [part(picture) for picture in _pictures(clip, scale)]

    def behave(connection: socket.socket, stopping: threading.Event) -> None:
        connection.recv(4096)
        connection.sendall(_HEAD)
        number = 0
        while not stopping.wait(1 / RATE_HZ):
            connection.sendall(parts[number % len(parts)])
            number += 1

    return behave


def _pictures(clip: Path, scale: int) -> list[bytes]:
    capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG)
    pictures: list[bytes] = []
    while True:
        found, picture = capture.read()
        if not found:
            return pictures
        large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        pictures.append(cv2.imencode(".jpg", large)[1].tobytes())
