"""The vision process's end of the frame socket: many cameras, one at a time."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.capture.messages import (
    MAX_MESSAGE_BYTES,
    READY,
    FrameMessage,
    SlotsMessage,
    decode,
)
from agent.capture.slots import map_slots
from agent.errors import ProtocolError
from agent.records import Frame, UInt8Array

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """A recording is over; its last frame came before."""

    camera_id: str


@dataclass(slots=True, eq=False)
class _Connection:
    """One capture process; `head` is what it has sent and nobody has taken."""

    socket: socket.socket
    camera_id: str = ""
    pictures: UInt8Array | None = None
    head: Frame | None = None
    head_slot: int = -1
    taken_slot: int = -1
    asked: bool = False
    ended: bool = False
    closed: bool = False


class FrameReceiver:
    """Listens for capture processes and gives out their frames.

    A frame's pixels are a view of shared memory, valid until the next frame of the same
    camera is given out. Live, a camera is asked for a frame in `next`, and answers with its
    newest; cameras take turns. Lossless, frames of all cameras come in order of their time
    (at the same time in the order of `camera_ids`), so `next` waits for every camera that
    has not ended; the following frame is decoded meanwhile.

    Args:
        socket_path: Where to listen; a left-over socket is replaced.
        camera_ids: The only cameras that may connect.
        lossless: Every frame in order, for recordings; else the newest frame wins.
    """

    def __init__(self, socket_path: str, camera_ids: Sequence[str], lossless: bool = False) -> None:
        self._path = Path(socket_path)
        self._camera_ids = tuple(camera_ids)
        self._lossless = lossless
        self._connections: dict[str, _Connection] = {}
        self._turn = dict.fromkeys(camera_ids, 0)
        self._turns = 0
        self._ended: set[str] = set()
        self.dropped = dict.fromkeys(camera_ids, 0)
        self.protocol_errors = 0
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(socket_path)
        self._listener.listen(len(self._camera_ids) + 4)
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)

    @property
    def all_ended(self) -> bool:
        """Return whether `next` has reported the end of every camera."""
        return len(self._ended) == len(self._camera_ids)

    def next(self, timeout_s: float) -> Frame | StreamEnded | None:
        """Return the next frame, a recording's end, or None when neither came in time."""
        deadline_s = time.monotonic() + timeout_s
        for connection in tuple(self._connections.values()):
            self._ask(connection)
        self._receive(0.0)
        while (item := self._choose()) is None:
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0:
                return None
            self._receive(remaining_s)
        return item

    def close(self) -> None:
        """Stop listening; views that were given out stay valid."""
        for key in tuple((self._selector.get_map() or {}).values()):
            if isinstance(key.data, _Connection):
                self._drop(key.data)
        self._selector.close()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _choose(self) -> Frame | StreamEnded | None:
        for camera_id in self._camera_ids:
            if self._has_just_ended(camera_id):
                self._ended.add(camera_id)
                return StreamEnded(camera_id)
        heads = {
            camera_id: connection.head
            for camera_id in self._camera_ids
            if (connection := self._connections.get(camera_id)) and connection.head
        }
        if not heads or (self._lossless and len(heads) + len(self._ended) < len(self._camera_ids)):
            return None
        # min() takes the first of equals, and `heads` is in the order of camera_ids.
        if self._lossless:
            chosen = min(heads, key=lambda camera_id: heads[camera_id].at_s)
        else:
            chosen = min(heads, key=lambda camera_id: self._turn[camera_id])
        return self._take(self._connections[chosen], heads[chosen])

    def _has_just_ended(self, camera_id: str) -> bool:
        connection = self._connections.get(camera_id)
        if connection is None or connection.head is not None or camera_id in self._ended:
            return False
        # A lossless capture that dies without a word would be waited for for ever.
        return connection.ended or (self._lossless and connection.closed)

    def _take(self, connection: _Connection, frame: Frame) -> Frame:
        self._turns += 1
        self._turn[connection.camera_id] = self._turns
        connection.head = None
        connection.taken_slot = connection.head_slot
        if self._lossless:
            self._ask(connection)
        return frame

    def _ask(self, connection: _Connection) -> None:
        if connection.asked or connection.head is not None or connection.closed:
            return
        if connection.ended or not connection.camera_id:
            return
        connection.asked = True
        # Where nobody hears it any more, what was sent before the end is still to be read.
        with contextlib.suppress(OSError):
            connection.socket.send(READY)

    def _receive(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            if isinstance(key.data, _Connection):
                self._read(key.data)
            else:
                self._accept()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            accepted, _ = self._listener.accept()
            accepted.setblocking(False)
            self._selector.register(accepted, selectors.EVENT_READ, _Connection(accepted))

    def _read(self, connection: _Connection) -> None:
        try:
            packet, descriptors, _, _ = socket.recv_fds(
                connection.socket, MAX_MESSAGE_BYTES, 1, socket.MSG_CMSG_CLOEXEC
            )
        except (BlockingIOError, ConnectionResetError):
            # A reset is told once, when the other side closed before it read our READY; what
            # it had sent, its end among it, is still to be read, and then the end of file.
            return
        except OSError:
            packet, descriptors = b"", []
        try:
            self._handle(connection, packet, descriptors)
        except ProtocolError as error:
            self.protocol_errors += 1
            logger.warning("capture_refused camera=%s reason=%s", connection.camera_id, error)
            self._drop(connection)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _handle(self, connection: _Connection, packet: bytes, descriptors: list[int]) -> None:
        if not packet:
            self._drop(connection)
            return
        message = decode(packet)
        if isinstance(message, SlotsMessage):
            self._attach(connection, message, descriptors)
        elif isinstance(message, FrameMessage):
            self._offer(connection, message)
        else:
            connection.ended = True

    def _attach(
        self, connection: _Connection, message: SlotsMessage, descriptors: list[int]
    ) -> None:
        if message.camera_id not in self._camera_ids or len(descriptors) != 1:
            raise ProtocolError("unknown camera, or slots without memory")
        if connection.camera_id not in {"", message.camera_id}:
            raise ProtocolError("a connection is one camera's")
        connection.pictures = map_slots(descriptors[0], message.height_px, message.width_px)
        connection.taken_slot = -1
        if not connection.camera_id:
            connection.camera_id = message.camera_id
            self._replace(connection)
            self._ask(connection)

    def _replace(self, connection: _Connection) -> None:
        before = self._connections.get(connection.camera_id)
        if before is not None:
            self._drop(before)
        self._connections[connection.camera_id] = connection

    def _offer(self, connection: _Connection, message: FrameMessage) -> None:
        if connection.pictures is None or not connection.asked:
            raise ProtocolError("a frame that nobody asked for")
        if message.slot == connection.taken_slot:
            raise ProtocolError("a frame in the slot that is being read")
        connection.asked = False
        connection.head_slot = message.slot
        self.dropped[connection.camera_id] = message.dropped
        connection.head = Frame(
            pixels=connection.pictures[message.slot],
            camera_id=connection.camera_id,
            index=message.index,
            at_s=message.at_s,
            wall_s=message.wall_s,
        )

    def _drop(self, connection: _Connection) -> None:
        if connection.closed:
            return
        connection.closed = True
        self._selector.unregister(connection.socket)
        connection.socket.close()
        is_current = self._connections.get(connection.camera_id) is connection
        if is_current and not self._lossless and not connection.ended:
            del self._connections[connection.camera_id]
