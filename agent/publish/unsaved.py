"""Messages that the disk would not take; in memory until it does again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from agent.publish.outbox_table import Parcel, Row
from agent.publish.topics import URGENT_PRIORITY

#: Beyond that the least important and oldest goes.
MAX_UNSAVED = 1000


class Unsaved:
    """Bounded; alerts in it are sent at once, since late durability is no use to a cashier."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parcels: list[Parcel] = []
        self._handed_out: set[str] = set()
        #: How many were given up.
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._parcels)

    def add(self, parcels: Sequence[Parcel]) -> None:
        """Keep the parcels; an alert issued again is handed out again."""
        with self._lock:
            self._parcels += parcels
            self._handed_out -= {parcel.event_id for parcel in parcels}
            while len(self._parcels) > MAX_UNSAVED:
                lowest = max(parcel.priority for parcel in self._parcels)
                victim = next(each for each in self._parcels if each.priority == lowest)
                self._parcels.remove(victim)
                self.dropped += 1

    def take_urgent(self, limit: int) -> list[Row]:
        """Return alerts not handed out yet, with row numbers that no outbox has."""
        with self._lock:
            urgent = [
                parcel
                for parcel in self._parcels
                if parcel.priority == URGENT_PRIORITY and parcel.event_id not in self._handed_out
            ][:limit]
            self._handed_out |= {parcel.event_id for parcel in urgent}
        return [Row(-1, parcel) for parcel in urgent]

    def save(self, commit: Callable[[Sequence[Parcel]], None]) -> None:
        """Give everything to `commit`; what it raises passes through and all is kept."""
        with self._lock:
            if self._parcels:
                commit(self._parcels)
            self._parcels = []
            self._handed_out = set()
