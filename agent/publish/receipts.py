"""When the broker is told that a message of the till has arrived: after it was worked through.

paho would say so at once; an agent killed in the next moment had then lost the message for
good. Unsaid, the broker sends it again to the next agent, and what was worked through after all
is known by its `message_id`.
"""

from __future__ import annotations

import threading


class Receipts:
    """Numbers of messages (packet identifiers): received, handed out, worked through."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received: list[int] = []
        self._handed_out: list[int] = []
        self._worked_through: list[int] = []

    def begin(self) -> None:
        """Forget all: numbers hold for one connection."""
        with self._lock:
            self._received, self._handed_out, self._worked_through = [], [], []

    def received(self, number: int) -> None:
        """Note a message that can be fetched now; 0: it asks for no receipt."""
        if number:
            with self._lock:
                self._received.append(number)

    def fetch(self) -> bool:
        """Note that everything is being fetched, so that what was fetched before is done with.

        Call it before the messages are taken: one that arrives in between counts as fetched
        later. Returns whether there is something to confirm.
        """
        with self._lock:
            self._worked_through += self._handed_out
            self._handed_out, self._received = self._received, []
            return bool(self._worked_through)

    def take(self) -> list[int]:
        """Return the numbers that may be confirmed, each once."""
        with self._lock:
            numbers, self._worked_through = self._worked_through, []
        return numbers
