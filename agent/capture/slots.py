"""Two frame slots in a memfd: the only memory that two processes share.

A memfd has no name, so nothing is left behind whatever kills the processes that hold it.
It is sealed against shrinking: a reader's mapping never ends in SIGBUS.
"""

from __future__ import annotations

import fcntl
import mmap
import os

import numpy as np

from agent.errors import ProtocolError
from agent.records import UInt8Array

SLOTS = 2
CHANNELS = 3
#: 8K; a header that claims more is no camera.
MAX_WIDTH_PX = 7680
MAX_HEIGHT_PX = 4320
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def size_is_plausible(height_px: int, width_px: int) -> bool:
    """Return whether a picture of this size may be mapped at all."""
    return 1 <= height_px <= MAX_HEIGHT_PX and 1 <= width_px <= MAX_WIDTH_PX


class FrameSlots:
    """The writer's side: makes the memfd and owns it.

    Raises:
        ValueError: The size is not plausible.
    """

    def __init__(self, height_px: int, width_px: int) -> None:
        if not size_is_plausible(height_px, width_px):
            raise ValueError(f"got {width_px} x {height_px} px")
        self.height_px = height_px
        self.width_px = width_px
        size_bytes = SLOTS * height_px * width_px * CHANNELS
        self._descriptor = os.memfd_create("frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self._descriptor, size_bytes)
        fcntl.fcntl(self._descriptor, fcntl.F_ADD_SEALS, _SEALS)
        self._pictures = _pictures(mmap.mmap(self._descriptor, size_bytes), height_px, width_px)

    def fileno(self) -> int:
        """Return the memfd's descriptor, to be passed on."""
        return self._descriptor

    def slot(self, number: int) -> UInt8Array:
        """Return the writable slot, (height, width, 3) uint8."""
        picture: UInt8Array = self._pictures[number]
        return picture

    def close(self) -> None:
        """Give the memory back, as soon as no view of it is left."""
        os.close(self._descriptor)
        del self._pictures


def map_slots(descriptor: int, height_px: int, width_px: int) -> UInt8Array:
    """Return the reader's side: (2, height, width, 3) uint8, read-only.

    The mapping lives as long as a view of it; the descriptor may be closed at once.

    Raises:
        ProtocolError: The memfd is not what its sender says; the sender is not trusted.
    """
    if not size_is_plausible(height_px, width_px):
        raise ProtocolError(f"slots of {width_px} x {height_px} px refused")
    size_bytes = SLOTS * height_px * width_px * CHANNELS
    try:
        sealed = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK
    except OSError as error:
        raise ProtocolError("slots refused: not a memfd") from error
    if not sealed or os.fstat(descriptor).st_size != size_bytes:
        raise ProtocolError("slots refused: not sealed, or of another size")
    mapping = mmap.mmap(descriptor, size_bytes, access=mmap.ACCESS_READ)
    return _pictures(mapping, height_px, width_px)


def _pictures(mapping: mmap.mmap, height_px: int, width_px: int) -> UInt8Array:
    return np.frombuffer(mapping, np.uint8).reshape(SLOTS, height_px, width_px, CHANNELS)
