"""An outbox that goes on when the disk does not: it never raises, it says what is wrong."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from agent.errors import OutboxError
from agent.publish.outbox import Outbox
from agent.publish.outbox_table import Parcel, Row
from agent.publish.topics import URGENT_PRIORITY
from agent.publish.unsaved import Unsaved

logger = logging.getLogger(__name__)


class TolerantOutbox:
    """Keeps in memory what the disk would not take; any thread may call it."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._unsaved = Unsaved()
        self._fault = ""

    def commit(self, parcels: Sequence[Parcel]) -> None:
        """Write the parcels to disk, or keep them in memory until that works."""
        try:
            self._outbox.commit(parcels)
        except OutboxError as error:
            self._unsaved.add(parcels)
            self._failed(error)

    def take_urgent(self, limit: int) -> list[Row]:
        """Return the next alerts, those first that are in memory only."""
        unsaved = self._unsaved.take_urgent(limit)
        return unsaved + self._take(limit - len(unsaved), URGENT_PRIORITY)

    def take(self, limit: int) -> list[Row]:
        """Return the next rows of any priority."""
        return self._take(limit, None)

    def _take(self, limit: int, up_to_priority: int | None) -> list[Row]:
        if limit <= 0:
            return []
        try:
            if up_to_priority is None:
                return self._outbox.take(limit)
            return self._outbox.take(limit, up_to_priority)
        except OutboxError as error:
            self._failed(error)
            return []

    def acknowledge(self, seqs: Sequence[int]) -> None:
        """Note that the broker has these rows."""
        try:
            self._outbox.acknowledge(seqs)
        except OutboxError as error:
            self._failed(error)

    def rewind(self, *, acknowledged: bool) -> None:
        """Let everything be taken again."""
        self._outbox.rewind(acknowledged=acknowledged)

    def remaining_s(self, parcel: Parcel) -> float | None:
        """Return how long the parcel is worth delivering; None: no limit."""
        return self._outbox.remaining_s(parcel)

    def keep_house(self) -> None:
        """Save what is in memory only, and sweep; about once a second."""
        self._outbox.regain()
        try:
            self._unsaved.save(self._outbox.commit)
            self._outbox.sweep()
            self._fault = ""
        except OutboxError as error:
            self._failed(error)

    def _failed(self, error: OutboxError) -> None:
        if str(error) != self._fault:
            logger.error("outbox_failed %s", error)
        self._fault = str(error)
        try:
            self._outbox.recover(error)
        except OutboxError as second:
            self._fault = str(second)

    @property
    def size_bytes(self) -> int:
        """Payloads and topics on the disk."""
        return self._outbox.size_bytes

    @property
    def waiting(self) -> int:
        """Messages that the broker has not acknowledged since the connect."""
        return self._outbox.waiting + len(self._unsaved)

    def oldest_age_s(self) -> float:
        """Return the age of the oldest message that still has to be delivered; 0 without one."""
        try:
            return self._outbox.oldest_age_s()
        except OutboxError as error:
            self._failed(error)
            return 0.0

    def close(self) -> None:
        """Try to save what is in memory only, and close the file."""
        self.keep_house()
        self._outbox.close()

    @property
    def dropped(self) -> dict[str, int]:
        """Messages given up since the start, by reason."""
        dropped = dict(self._outbox.dropped)
        if self._unsaved.dropped:
            dropped["unsaved"] = self._unsaved.dropped
        return dropped

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong, in words; empty when nothing is."""
        aside = self._outbox.moved_aside
        moved = f"the outbox was unusable and lies at {aside}" if aside else ""
        return tuple(fault for fault in (self._outbox.not_durable, self._fault, moved) if fault)
