"""A picture on its way from the decoder to the slots, and the place where it waits."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import Protocol

from agent.records import UInt8Array


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One decoded picture.

    Attributes:
        pixels_bgr: (height, width, 3) uint8, in OpenCV's order of colours.
        index: Number of the picture in its stream, from 0.
        at_s: Monotonic time, or the video's time in a replay.
        wall_s: Seconds since 1970, UTC.
    """

    pixels_bgr: UInt8Array
    index: int
    at_s: float
    wall_s: float


class PictureSource(Protocol):
    """A camera or a recording, opened."""

    @property
    def warning(self) -> str:
        """What was wrong with a recording that nevertheless came to its end; or empty."""

    @property
    def frames_expected(self) -> int:
        """How many frames a recording says it has; 0: unknown, or a camera."""

    def read(self) -> Picture | None:
        """Return the next picture, or None at a recording's end. May hang.

        Raises:
            SourceError: The source gives no pictures any more.
        """


class Mailbox:
    """Room for one picture between the reading thread and the sending one.

    Args:
        keeps_newest: A new picture replaces one that nobody took (counted), as a camera
            wants it; else the reading thread waits, as a recording wants it.
    """

    def __init__(self, keeps_newest: bool) -> None:
        self._keeps_newest = keeps_newest
        self._changed = threading.Condition()
        self._picture: Picture | None = None
        self._closed = False
        self.dropped = 0
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Return a descriptor that is readable when there may be something to take."""
        return self._wake

    def put(self, picture: Picture) -> None:
        """Leave a picture: at once, or when the last one is taken."""
        with self._changed:
            while self._picture is not None and not self._keeps_newest and not self._closed:
                self._changed.wait()
            self.dropped += self._picture is not None
            self._picture = picture
        self.wake()

    def take(self) -> Picture | None:
        """Return the picture, or None when there is none."""
        with self._changed:
            picture, self._picture = self._picture, None
            self._changed.notify()
        return picture

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to take."""
        return self._picture is None

    def wake(self) -> None:
        """Make the descriptor readable."""
        os.eventfd_write(self._wake, 1)

    def sleep_again(self) -> None:
        """Make the descriptor unreadable until the next picture."""
        try:
            os.eventfd_read(self._wake)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Let a waiting reader go on; what it puts from now on is not taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
