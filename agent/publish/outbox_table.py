"""The outbox's one table: rows in and out, all or nothing; no policy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agent.errors import OutboxError
from agent.publish.outbox_file import describe, is_damaged, open_file

#: Four names of 63 characters, the longest path below them, and as much again.
MAX_TOPIC_CHARACTERS = 600
_FIELDS = "seq, event_id, topic, payload, qos, retain, priority, expires_wall_s"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message ready for the wire."""

    event_id: str
    topic: str
    payload: bytes
    qos: int
    retain: bool
    priority: int
    expires_wall_s: float | None = None

    @property
    def is_intact(self) -> bool:
        """Whether a broker would take it; what lay on a failing disk may have changed there."""
        broken = set("+#\0\ufffd")
        names_are_good = not broken & {*self.topic, *self.event_id}
        return names_are_good and 0 < len(self.topic) <= MAX_TOPIC_CHARACTERS and self.qos in {0, 1}


@dataclass(frozen=True, slots=True)
class Row:
    """A parcel in the outbox; `seq` grows and is never used again."""

    seq: int
    parcel: Parcel


class OutboxTable:
    """Rows on disk, with their count and size kept in memory; not for two threads at once."""

    def __init__(self, path: Path, fsync: Literal["full", "normal"]) -> None:
        """Open the file, or a new one beside an unusable one.

        Raises:
            OutboxError: It cannot be opened.
        """
        self._path = path
        opened = open_file(path, fsync)
        self._database = opened.database
        self.moved_aside = opened.moved_aside
        self._deleted: list[int] = []
        totals = self._query(
            "SELECT count(*), coalesce(sum(length(payload) + length(topic)), 0) FROM outbox"
        )
        self.rows: int = totals[0][0]
        self.size_bytes: int = totals[0][1]

    @contextmanager
    def transaction(self) -> Iterator[list[int]]:
        """Commit on the way out, or undo everything; yields the list of what gets deleted.

        Raises:
            OutboxError: The disk is full or broken; nothing has changed.
        """
        before = (self.rows, self.size_bytes)
        self._deleted = []
        try:
            self._run("BEGIN IMMEDIATE")
            yield self._deleted
            self._run("COMMIT")
        except OutboxError:
            self.rows, self.size_bytes = before
            if self._database.in_transaction:
                self._run("ROLLBACK")
            raise

    def put(self, parcel: Parcel, wall_s: float) -> None:
        """Insert a parcel in the place of its older edition; the same one is left alone."""
        older = self._query(
            "SELECT seq, payload FROM outbox WHERE event_id = ?"
            " UNION SELECT seq, NULL FROM outbox WHERE ? AND retain = 1 AND topic = ?",
            (parcel.event_id, parcel.retain, parcel.topic),
        )
        if any(payload == parcel.payload for _, payload in older):
            return
        self.delete([seq for seq, _ in older])
        self._run(
            "INSERT INTO outbox (event_id, topic, payload, qos, retain, priority,"
            " expires_wall_s, committed_wall_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                parcel.event_id, parcel.topic, parcel.payload, parcel.qos, parcel.retain,
                parcel.priority, parcel.expires_wall_s, wall_s,
            ),
        )  # fmt: skip
        self.rows += 1
        self.size_bytes += len(parcel.payload) + len(parcel.topic)

    def delete(self, seqs: Sequence[int]) -> None:
        """Delete the rows that exist."""
        for seq in seqs:
            for (size_bytes,) in self._query(
                "DELETE FROM outbox WHERE seq = ? RETURNING length(payload) + length(topic)",
                (seq,),
            ):
                self._deleted.append(seq)
                self.rows -= 1
                self.size_bytes -= size_bytes

    def after(self, priority: int, seq: int, limit: int) -> list[Row]:
        """Return the rows of a priority behind `seq`, oldest first."""
        rows = self._query(
            f"SELECT {_FIELDS} FROM outbox WHERE priority = ? AND seq > ?"  # noqa: S608
            " ORDER BY seq LIMIT ?",
            (priority, seq, limit),
        )
        return [_row(row) for row in rows]

    def number_from(self, seq: int) -> None:
        """Give new rows numbers above `seq`, so that a late PUBACK of another file finds none."""
        with self.transaction():
            self._run(
                "INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox', 0"
                " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'outbox')"
            )
            self._run("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'outbox'", (seq,))

    def take_over(self, other: OutboxTable) -> None:
        """Write all rows of another table and close that one; or none, and close this one.

        Raises:
            OutboxError: One of them is full or broken.
        """
        try:
            query = f"SELECT {_FIELDS}, committed_wall_s FROM outbox ORDER BY seq"  # noqa: S608
            rows = other._query(query)
            with self.transaction():
                for row in rows:
                    self.put(_row(row).parcel, row[-1])
        except OutboxError:
            self.close()
            raise
        other.close()

    def existing(self, seqs: Sequence[int], *, retained: bool = False) -> list[int]:
        """Return those that are (still) there, or the retained ones among them."""
        which = "retain = 1" if retained else "1"
        query = f"SELECT seq FROM outbox WHERE seq = ? AND {which}"  # noqa: S608
        return [seq for seq in seqs if self._query(query, (seq,))]

    def retained(self) -> list[int]:
        """Return all retained rows."""
        return self._seqs("SELECT seq FROM outbox WHERE retain = 1")

    def expired(self, wall_s: float, limit: int) -> list[int]:
        """Return rows whose expiry has come."""
        return self._seqs(
            "SELECT seq FROM outbox WHERE expires_wall_s IS NOT NULL AND expires_wall_s <= ?"
            " LIMIT ?",
            (wall_s, limit),
        )

    def older_than(self, wall_s: float, limit: int) -> list[int]:
        """Return rows committed before; looks at the oldest `limit` rows only."""
        return self._seqs(
            "SELECT seq FROM (SELECT * FROM outbox ORDER BY seq LIMIT ?)"
            " WHERE retain = 0 AND committed_wall_s < ?",
            (limit, wall_s),
        )

    def least_important(self, limit: int) -> list[int]:
        """Return the rows to drop first: of the last priority, the oldest."""
        return self._seqs(
            "SELECT seq FROM outbox WHERE retain = 0 ORDER BY priority DESC, seq LIMIT ?", (limit,)
        )

    def oldest(self, limit: int) -> list[tuple[int, float]]:
        """Return number and commit time of the oldest rows that are not retained."""
        return self._query(
            "SELECT seq, committed_wall_s FROM outbox WHERE retain = 0 ORDER BY seq LIMIT ?",
            (limit,),
        )

    def close(self) -> None:
        """Close the file; the journal is folded into it."""
        self._database.close()

    def _seqs(self, query: str, parameters: tuple[Any, ...] = ()) -> list[int]:
        return [seq for (seq,) in self._query(query, parameters)]

    def _run(self, query: str, parameters: tuple[Any, ...] = ()) -> None:
        self._query(query, parameters)

    def _query(self, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(query, parameters).fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise OutboxError(
                f"{self._path}: {describe(error)}: make room, or correct outbox.path"
            ) from error


def _row(row: tuple[Any, ...]) -> Row:
    return Row(row[0], Parcel(row[1], row[2], row[3], row[4], bool(row[5]), row[6], row[7]))


def says_damaged(error: OutboxError) -> bool:
    """Return whether the file itself is broken, so that it has to be moved aside."""
    return is_damaged(error.__cause__)
