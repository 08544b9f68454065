"""Messages on disk: committed before they are sent, forgotten only after the resend window.

A row is in the file for as long as it may have to be sent. What has been handed over or
acknowledged since this connect is known in memory only: losing that costs a second delivery
with the same `event_id`, never a message, and saves a write for every PUBACK.

fsync `full` (SQLite's synchronous=FULL): a commit has reached the disk when `commit` returns.
`normal`: a power cut may lose the last second, a killed agent still nothing.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from agent.clock import Clock
from agent.config.messaging import OutboxSection
from agent.errors import OutboxError
from agent.publish.outbox_file import IN_MEMORY
from agent.publish.outbox_table import OutboxTable, Parcel, Row, says_damaged
from agent.publish.topics import PRIORITIES

#: Numbers of rows in memory: no file has any as high, should it be opened later.
MEMORY_SEQ = 1 << 40
#: A file that could not be opened is tried again so often; a locked one takes 2 s to say so.
REGAIN_INTERVAL_S = 5.0
#: At most so many rows are deleted in one transaction, so that a commit never waits for long.
SWEEP_ROWS = 1000
logger = logging.getLogger(__name__)


class Outbox:
    """A bounded, durable queue with priorities; every method may be called from any thread."""

    def __init__(self, section: OutboxSection, clock: Clock, path: Path | None = None) -> None:
        """Open the file; `path` instead of the section's, such as `outbox_file.IN_MEMORY`.

        Raises:
            OutboxError: The file cannot be opened.
        """
        self._section = section
        self._clock = clock
        self._path = section.path if path is None else path
        self._lock = threading.RLock()
        #: Why messages are kept in memory only; None: they are on disk.
        self.not_durable: str | None = None
        #: The file that is to be used as soon as it can be opened; None: it is.
        self.wanted_path: Path | None = None
        #: Messages given up since the start, by reason.
        self.dropped: Counter[str] = Counter()
        #: The highest number given out.
        self._last_seq = 0
        self._regain_at_s = clock.now_s() + REGAIN_INTERVAL_S
        self._use(self._open(self._path))
        if self._path == IN_MEMORY:
            self._table.number_from(MEMORY_SEQ)

    def _open(self, path: Path) -> OutboxTable:
        table = OutboxTable(path, self._section.fsync)
        try:
            with table.transaction():
                # What was retained is the state of an agent that is gone.
                table.delete(table.retained())
        except OutboxError:
            table.close()
            raise
        return table

    def _use(self, table: OutboxTable) -> None:
        self._table = table
        #: Where an unusable file lies now; None: there was none.
        self.moved_aside = table.moved_aside
        self._acked_s: dict[int, float] = {}
        self._cursors = dict.fromkeys(PRIORITIES, 0)

    def recover(self, error: OutboxError) -> bool:
        """Begin a new file when the error says that this one is damaged; return whether it did.

        Raises:
            OutboxError: The new file cannot be made either.
        """
        if not says_damaged(error):
            return False
        with self._lock:
            self._table.close()
            self._use(self._open(self._path))
            # Of the old file some are on their way: their receipts are none of the new one's.
            self._table.number_from(self._last_seq)
        return True

    def regain(self) -> None:
        """Move everything from memory into the file that is wanted, if it can be opened by now."""
        now_s = self._clock.now_s()
        if self.wanted_path is None or now_s < self._regain_at_s:
            return
        self._regain_at_s = now_s + REGAIN_INTERVAL_S
        try:
            # Not under the lock: a file that somebody has locked takes its time.
            table = self._open(self.wanted_path)
            with self._lock:
                table.take_over(self._table)
                self._use(table)
        except OutboxError:
            return
        logger.info("outbox_durable_again %s", self.wanted_path)
        self._path, self.wanted_path, self.not_durable = self.wanted_path, None, None

    def commit(self, parcels: Sequence[Parcel]) -> None:
        """Write the parcels in one transaction; all of them, or none.

        A parcel that is there already is left alone; one with the same id and another content
        (an alert issued again), or the same retained topic, takes the older one's place.

        Raises:
            OutboxError: The disk is full or broken; nothing was written.
        """
        with self._lock:
            dropped: Counter[str] = Counter()
            with self._table.transaction() as deleted:
                for parcel in parcels:
                    self._table.put(parcel, self._clock.wall_s())
                self._enforce_bounds(dropped)
            self._forget(deleted)
            self.dropped += dropped

    def _enforce_bounds(self, dropped: Counter[str]) -> None:
        """Drop what was acknowledged, then the least important and oldest."""
        acked = list(self._acked_s)
        while reason := self._exceeded():
            rows_before = self._table.rows
            if acked:
                self._table.delete(acked[:SWEEP_ROWS])
                del acked[:SWEEP_ROWS]
                continue
            excess = self._table.rows - self._section.max_rows
            self._table.delete(self._table.least_important(max(1, excess)))
            if self._table.rows == rows_before:
                return
            dropped[reason] += rows_before - self._table.rows

    def _exceeded(self) -> str | None:
        if self._table.rows > self._section.max_rows:
            return "rows"
        return "bytes" if self._table.size_bytes > self._section.max_bytes else None

    def take(self, limit: int, up_to_priority: int = PRIORITIES[-1]) -> list[Row]:
        """Return the next rows to send, most important first, each once a connect.

        Raises:
            OutboxError: The file cannot be read.
        """
        found: list[Row] = []
        with self._lock:
            for priority in (each for each in PRIORITIES if each <= up_to_priority):
                while len(found) < limit:
                    rows = self._table.after(priority, self._cursors[priority], limit - len(found))
                    if not rows:
                        break
                    self._cursors[priority] = rows[-1].seq
                    self._last_seq = max(self._last_seq, rows[-1].seq)
                    self._discard([row.seq for row in rows if not row.parcel.is_intact])
                    found += [row for row in rows if self._is_worth_sending(row)]
        return found

    def _is_worth_sending(self, row: Row) -> bool:
        """Return false for acknowledged and expired rows; the sweep removes and counts those."""
        remaining_s = self.remaining_s(row.parcel)
        if not row.parcel.is_intact:
            return False
        return row.seq not in self._acked_s and (remaining_s is None or remaining_s > 0)

    def _discard(self, damaged: list[int]) -> None:
        """Remove rows that no broker would take: one of them would end every connection."""
        if not damaged:
            return
        logger.error("outbox_rows_damaged count=%d", len(damaged))
        with self._table.transaction() as deleted:
            self._table.delete(damaged)
        self.dropped += Counter(damaged=len(damaged))
        self._forget(deleted)

    def acknowledge(self, seqs: Sequence[int]) -> None:
        """Note that the broker has these; they stay for `resend_window_s`.

        Raises:
            OutboxError: The file cannot be read.
        """
        with self._lock:
            # Monotonic: a jump of the wall clock must not shorten the window.
            now_s = self._clock.now_s()
            for seq in self._table.existing(seqs):
                self._acked_s[seq] = now_s

    def rewind(self, *, acknowledged: bool) -> None:
        """Let everything be taken again; after a connect also what was acknowledged before it.

        Mosquitto acknowledges from memory, so a killed broker may have lost that.
        """
        with self._lock:
            self._cursors = dict.fromkeys(PRIORITIES, 0)
            if acknowledged:
                self._acked_s.clear()

    def sweep(self) -> None:
        """Remove what is done, expired or too old; call it about once a second.

        Raises:
            OutboxError: The disk is full or broken.
        """
        with self._lock:
            wall_s = self._clock.wall_s()
            done = self._done()
            expired = self._table.expired(wall_s, SWEEP_ROWS)
            aged = self._table.older_than(wall_s - self._section.max_age_s, SWEEP_ROWS)
            if not (done or expired or aged):
                return
            with self._table.transaction() as deleted:
                self._table.delete([*done, *expired, *aged])
            lost = {seq for seq in deleted if seq not in self._acked_s}
            expired_count = len(lost.intersection(expired))
            self.dropped += Counter(expired=expired_count, age=len(lost) - expired_count)
            self._forget(deleted)

    def _done(self) -> list[int]:
        """Return acknowledged rows whose window is over; the retained ones stay for a connect."""
        before_s = self._clock.now_s() - self._section.resend_window_s
        past = [seq for seq, at_s in self._acked_s.items() if at_s <= before_s]
        kept = set(self._table.existing(past[:SWEEP_ROWS], retained=True))
        return [seq for seq in past[:SWEEP_ROWS] if seq not in kept]

    def _forget(self, seqs: Sequence[int]) -> None:
        for seq in seqs:
            self._acked_s.pop(seq, None)

    @property
    def waiting(self) -> int:
        """How many messages the broker has not acknowledged since the connect."""
        with self._lock:
            return self._table.rows - len(self._acked_s)

    @property
    def rows(self) -> int:
        """All messages in the file, acknowledged ones in their window too."""
        return self._table.rows

    @property
    def size_bytes(self) -> int:
        """Payloads and topics in the file."""
        return self._table.size_bytes

    def remaining_s(self, parcel: Parcel) -> float | None:
        """Return how long the parcel is worth delivering; None: no limit."""
        if parcel.expires_wall_s is None:
            return None
        return parcel.expires_wall_s - self._clock.wall_s()

    def oldest_age_s(self) -> float:
        """Return the age of the oldest message that still has to be delivered; 0 without one.

        Raises:
            OutboxError: The file cannot be read.
        """
        with self._lock:
            for seq, committed_wall_s in self._table.oldest(len(self._acked_s) + 1):
                if seq not in self._acked_s:
                    return max(0.0, self._clock.wall_s() - committed_wall_s)
        return 0.0

    def close(self) -> None:
        """Close the file; the journal is folded into it."""
        with self._lock:
            self._table.close()


def open_outbox(section: OutboxSection, clock: Clock, path: Path | None = None) -> Outbox:
    """Return the outbox at the section's path or at `path`, or one in memory, which says so.

    A till without a working disk still has to ask for ID.
    """
    try:
        return Outbox(section, clock, path)
    except OutboxError as error:
        logger.error("outbox_not_durable %s", error)
        outbox = Outbox(section, clock, IN_MEMORY)
        outbox.not_durable = str(error)
        outbox.wanted_path = section.path if path is None else path
        return outbox
