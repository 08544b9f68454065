"""The vision process's end of the viewer's socket: it listens, and never waits."""

from __future__ import annotations

import contextlib
import hmac
import socket
from collections.abc import Iterable
from pathlib import Path

from agent.debug_view.settings import JOINED, MAX_REQUEST_BYTES, picture_packet

#: Connections that have not shown the key yet; one more pushes the oldest out.
_MAX_STRANGERS = 4
#: Read from one connection in a round, so that a flood of requests holds nothing up.
_MAX_PACKETS = 32


class ViewerLink:
    """Takes requests for pictures, and hands pictures over.

    Args:
        socket_path: Where to listen; a left-over socket is replaced.
        key: What the viewer has to send first.
        camera_ids: What it may ask for.
    """

    def __init__(self, socket_path: str, key: str, camera_ids: Iterable[str]) -> None:
        self._path = Path(socket_path)
        self._key = key.encode()
        self._camera_ids = {camera_id.encode(): camera_id for camera_id in camera_ids}
        self._strangers: list[socket.socket] = []
        self._viewer: socket.socket | None = None
        #: Cameras of which the viewer wants one more picture.
        self.wanted: set[str] = set()
        #: Pictures that were made and could not be handed over.
        self.dropped = 0
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(socket_path)
        self._listener.listen(_MAX_STRANGERS)
        self._listener.setblocking(False)

    @property
    def is_joined(self) -> bool:
        """Whether a viewer is there."""
        return self._viewer is not None

    def attend(self) -> None:
        """Let a viewer in, and take what it asks for; without either it costs two calls."""
        with contextlib.suppress(OSError):
            accepted, _ = self._listener.accept()
            accepted.setblocking(False)
            self._strangers.append(accepted)
        while len(self._strangers) > _MAX_STRANGERS:
            self._strangers.pop(0).close()
        for stranger in self._strangers.copy():
            self._meet(stranger)
        if self._viewer is not None:
            self._hear(self._viewer)

    def send(self, camera_id: str, jpeg: bytes) -> bool:
        """Hand a picture over, or count it as dropped; return whether it was handed over."""
        self.wanted.discard(camera_id)
        try:
            if self._viewer is None:
                raise BrokenPipeError
            self._viewer.send(picture_packet(camera_id, jpeg))
        except OSError:
            # Full: the viewer still has an older one to read, and gets a newer one later.
            self.dropped += 1
            if self._viewer is not None:
                self.wanted.add(camera_id)
            return False
        return True

    def close(self) -> None:
        """Part with the viewer and stop to listen."""
        for each in (*self._strangers, self._listener):
            each.close()
        self._strangers = []
        self._part()
        self._path.unlink(missing_ok=True)

    def _meet(self, stranger: socket.socket) -> None:
        try:
            shown = stranger.recv(MAX_REQUEST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            shown = b""
        self._strangers.remove(stranger)
        if not hmac.compare_digest(shown, self._key):
            stranger.close()
            return
        self._part()
        self._viewer = stranger
        with contextlib.suppress(OSError):  # gone already: noticed with the next read
            stranger.send(JOINED)

    def _hear(self, viewer: socket.socket) -> None:
        for _ in range(_MAX_PACKETS):
            try:
                asked = viewer.recv(MAX_REQUEST_BYTES)
            except BlockingIOError:
                return
            except OSError:
                asked = b""
            if not asked:
                self._part()
                return
            if asked in self._camera_ids:
                self.wanted.add(self._camera_ids[asked])

    def _part(self) -> None:
        self.wanted.clear()
        if self._viewer is not None:
            self._viewer.close()
            self._viewer = None
