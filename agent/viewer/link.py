"""The viewer's end of the socket to the vision process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable

from agent.debug_view.settings import (
    JOINED,
    MAX_PICTURE_BYTES,
    MAX_REQUEST_BYTES,
    split_picture,
)
from agent.errors import ChildError

#: Vision listens once it has started, and answers once it has loaded its networks.
_RETRY_S = 0.1
#: Room for the camera's id before the picture.
_MAX_PACKET_BYTES = MAX_PICTURE_BYTES + MAX_REQUEST_BYTES


def join(
    socket_path: str, key: str, patience_s: float, is_unwanted: Callable[[], bool]
) -> socket.socket | None:
    """Return the socket to a vision process that has accepted us, or None: no longer wanted.

    Args:
        socket_path: Where it listens.
        key: What it wants to see first.
        patience_s: How long it may take.
        is_unwanted: Asked again and again: whether to give up.

    Raises:
        ChildError: It did not answer in time.
    """
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        joined = _try_to_join(socket_path, key, is_unwanted)
        if joined is not None or is_unwanted():
            return joined
        time.sleep(_RETRY_S)
    raise ChildError(f"the vision process did not answer within {patience_s:.0f} s")


def _try_to_join(
    socket_path: str, key: str, is_unwanted: Callable[[], bool]
) -> socket.socket | None:
    vision = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    vision.settimeout(_RETRY_S)
    with contextlib.suppress(OSError):
        vision.connect(socket_path)
        vision.send(key.encode())
        while not is_unwanted():
            with contextlib.suppress(TimeoutError):
                if vision.recv(MAX_REQUEST_BYTES) != JOINED:
                    break
                vision.setblocking(False)
                return vision
    vision.close()
    return None


class VisionLink:
    """Asks the vision process for pictures and gives out what comes.

    Args:
        vision: From `join`.
    """

    def __init__(self, vision: socket.socket) -> None:
        self._vision = vision

    def ask(self, camera_id: str) -> None:
        """Ask for one more picture of a camera."""
        # Closed, or so many requests unread that vision hangs: `receive` notices its end.
        with contextlib.suppress(OSError):
            self._vision.send(camera_id.encode())

    async def receive(self, arrived: Callable[[str, bytes], None]) -> None:
        """Give out every picture until the vision process closes the socket."""
        loop = asyncio.get_running_loop()
        while packet := await self._packet(loop):
            arrived(*split_picture(packet))

    async def _packet(self, loop: asyncio.AbstractEventLoop) -> bytes:
        try:
            return await loop.sock_recv(self._vision, _MAX_PACKET_BYTES)
        except ConnectionError:
            return b""
