"""Cameras over HTTP on loopback: a good one, and every kind of bad one."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np

RATE_HZ = 20.0
#: After so many `grows` sends larger ones, and `freezes` no new ones.
SMALL_PICTURES = 20
_HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=picture\r\n\r\n"


class StreamServer:
    """Serves every connection with one behaviour until it is stopped.

    `behave` gets the connection and an event that says when to stop.
    """

    def __init__(
        self, behave: Callable[[socket.socket, threading.Event], None], port: int = 0
    ) -> None:
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(0.1)
        self.port: int = self._listener.getsockname()[1]
        self.stopping = threading.Event()
        self.connections = 0
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def stop(self) -> None:
        """Close the listener and every connection."""
        self.stopping.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._behave(connection, self.stopping)


@contextlib.contextmanager
def serving(
    behave: Callable[[socket.socket, threading.Event], None], port: int = 0
) -> Iterator[StreamServer]:
    """Serve within a `with`."""
    server = StreamServer(behave, port)
    try:
        yield server
    finally:
        server.stop()


def jpeg(width_px: int = 160, height_px: int = 120, seed: int = 0) -> bytes:
    """Return a picture whose left half is red and whose right half is blue, with some noise."""
    picture = np.zeros((height_px, width_px, 3), np.uint8)
    picture[:, : width_px // 2] = (0, 0, 230)
    picture[:, width_px // 2 :] = (230, 0, 0)
    picture += np.random.default_rng(seed).integers(0, 10, picture.shape, np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def part(picture: bytes) -> bytes:
    """Return one part of a multipart stream."""
    head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
    return head.encode() + picture + b"\r\n"


def good(connection: socket.socket, stopping: threading.Event) -> None:
    """Send pictures for ever."""
    _send_pictures(connection, stopping, frames=None)


def silent(connection: socket.socket, stopping: threading.Event) -> None:
    """Accept and say nothing."""
    stopping.wait()


def hangs_after_a_second(connection: socket.socket, stopping: threading.Event) -> None:
    """Send pictures for a second, then nothing, with the connection open."""
    _send_pictures(connection, stopping, frames=int(RATE_HZ))
    stopping.wait()


def garbage(connection: socket.socket, stopping: threading.Event) -> None:
    """Send noise for ever."""
    noise = random.Random(7)
    connection.recv(4096)
    connection.sendall(_HEAD)
    while not stopping.wait(0.02):
        connection.sendall(noise.randbytes(5000))


def grows(connection: socket.socket, stopping: threading.Event) -> None:
    """Send small pictures for a while, then larger ones."""
    connection.recv(4096)
    connection.sendall(_HEAD)
    for number in range(10_000):
        size = (160, 120) if number < SMALL_PICTURES else (320, 240)
        connection.sendall(part(jpeg(*size, seed=number)))
        if stopping.wait(1 / RATE_HZ):
            return


def freezes(connection: socket.socket, stopping: threading.Event) -> None:
    """Send different pictures for a while, then the last one for ever."""
    connection.recv(4096)
    connection.sendall(_HEAD)
    pictures = [part(jpeg(seed=number)) for number in range(SMALL_PICTURES)]
    for number in itertools.count():
        connection.sendall(pictures[min(number, SMALL_PICTURES - 1)])
        if stopping.wait(1 / RATE_HZ):
            return


def _send_pictures(
    connection: socket.socket, stopping: threading.Event, frames: int | None
) -> None:
    connection.recv(4096)
    connection.sendall(_HEAD)
    pictures = [part(jpeg(seed=seed)) for seed in range(5)]
    sent = 0
    while not stopping.is_set() and (frames is None or sent < frames):
        connection.sendall(pictures[sent % 5])
        sent += 1
        time.sleep(1 / RATE_HZ)
