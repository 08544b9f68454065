"""The capture process's end of the frame socket."""

from __future__ import annotations

import contextlib
import socket

import cv2

from agent.capture.messages import (
    MAX_MESSAGE_BYTES,
    READY,
    CaptureMessage,
    EndMessage,
    FrameMessage,
    SlotsMessage,
    encode,
)
from agent.capture.pictures import Picture
from agent.capture.slots import SLOTS, FrameSlots

#: A packet of 200 bytes is taken at once unless the reader is being killed.
_SEND_TIMEOUT_S = 1.0


class FrameSender:
    """Writes pictures into the slots and says so; connects again whenever it has to.

    A slot is written only after `ready`, and never the one sent last: what the reader
    looks at does not change under its eyes.
    """

    def __init__(self, socket_path: str, camera_id: str) -> None:
        self._socket_path = socket_path
        self._camera_id = camera_id
        self._socket: socket.socket | None = None
        self._slots: FrameSlots | None = None
        self._slot = 0
        self._credit = 0

    @property
    def connected(self) -> socket.socket | None:
        """The socket, to be waited for; None without a reader."""
        return self._socket

    @property
    def is_wanted(self) -> bool:
        """Return whether the reader waits for a picture."""
        return self._credit > 0

    def connect(self) -> bool:
        """Try once to reach the vision process; return whether it listens."""
        self.disconnect()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.settimeout(_SEND_TIMEOUT_S)
        try:
            connection.connect(self._socket_path)
        except OSError:
            connection.close()
            return False
        self._socket = connection
        # The reader learns whose this connection is, also when no picture ever comes.
        self._slots = self._slots or FrameSlots(1, 1)
        return self._send_slots(self._slots)

    def receive(self) -> None:
        """Take in what the reader said; call it when `connected` is readable."""
        if self._socket is None:
            return
        try:
            packet = self._socket.recv(MAX_MESSAGE_BYTES)
        except OSError:
            packet = b""
        if packet == READY:
            self._credit += 1
        else:
            self.disconnect()

    def send(self, picture: Picture, dropped: int) -> None:
        """Write the picture into the free slot, in RGB, and announce it.

        Args:
            picture: Its size may differ from the last one's.
            dropped: Pictures dropped so far.

        Raises:
            ValueError: The picture is larger than any camera's.
        """
        height_px, width_px = picture.pixels_bgr.shape[:2]
        slots = self._slots
        if slots is None or (slots.height_px, slots.width_px) != (height_px, width_px):
            slots = self._new_slots(height_px, width_px)
        self._slot = (self._slot + 1) % SLOTS
        cv2.cvtColor(picture.pixels_bgr, cv2.COLOR_BGR2RGB, dst=slots.slot(self._slot))
        self._credit -= 1
        self._send(
            FrameMessage(
                index=picture.index,
                at_s=picture.at_s,
                wall_s=picture.wall_s,
                slot=1 if self._slot else 0,
                dropped=dropped,
            )
        )

    def end(self) -> None:
        """Say that the recording is over."""
        self._send(EndMessage())

    def disconnect(self) -> None:
        """Forget the reader; the slots stay for the next one."""
        self._credit = 0
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        """Give up the socket and the memory; what the reader has seen of it stays its own."""
        self.disconnect()
        if self._slots is not None:
            self._slots.close()
            self._slots = None

    def _new_slots(self, height_px: int, width_px: int) -> FrameSlots:
        slots = FrameSlots(height_px, width_px)
        if self._slots is not None:
            self._slots.close()
        self._slots = slots
        self._send_slots(slots)
        return slots

    def _send_slots(self, slots: FrameSlots) -> bool:
        message = SlotsMessage(self._camera_id, slots.height_px, slots.width_px)
        return self._send(message, slots)

    def _send(self, message: CaptureMessage, slots: FrameSlots | None = None) -> bool:
        if self._socket is None:
            return False
        descriptors = [] if slots is None else [slots.fileno()]
        with contextlib.suppress(OSError):
            socket.send_fds(self._socket, [encode(message)], descriptors)
            return True
        self.disconnect()
        return False
