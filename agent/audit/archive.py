"""The audits of a store in one SQLite file: each once, however often it was sent."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import cast

from agent.audit.sales import AuditedSale
from agent.errors import OutboxError
from agent.outcomes import AuditResult
from agent.publish.outbox_file import closed_on_error

FILE_VERSION = 1
#: A collector that writes and a report that reads wait for each other so long.
LOCK_TIMEOUT_S = 5.0
_TABLE = """
CREATE TABLE audit (
    event_id TEXT PRIMARY KEY,
    store_id TEXT NOT NULL,
    register_id TEXT NOT NULL,
    occurred_wall_s REAL NOT NULL,
    advice TEXT NOT NULL,
    result TEXT NOT NULL,
    was_checked INTEGER NOT NULL
) STRICT;
CREATE INDEX by_time ON audit (occurred_wall_s);
"""


class AuditArchive:
    """Open until `close`; a context manager. Holds no sale id, no product, no face.

    Args:
        path: The file; it and its folder are made when they are missing.

    Raises:
        OutboxError: The file cannot be opened, or is no archive of this version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            # Before SQLite makes it readable for everybody.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            self._database = sqlite3.connect(
                path, timeout=LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            with closed_on_error(self._database):
                version = self._prepare()
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            # SQLite repeats broken names of a damaged file in its words: these are no text.
            raise self._refused(error) from error
        if version not in (0, FILE_VERSION):
            self._database.close()
            raise OutboxError(f"{path}: written by another version ({version}): set audit.path")

    def _prepare(self) -> int:
        """Make a new file an archive; return the version the file had."""
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            # One transaction: a kill in between must not leave half an archive.
            self._database.executescript(
                f"BEGIN; {_TABLE} PRAGMA user_version = {FILE_VERSION}; COMMIT;"
            )
        return int(version)

    def add(self, *sales: AuditedSale) -> int:
        """Keep the audits, durably; return how many were new.

        Raises:
            OutboxError: They could not be written.
        """
        rows = [
            (s.event_id, s.store_id, s.register_id, s.occurred_wall_s, s.advice, s.result,
             int(s.was_checked))
            for s in sales
        ]  # fmt: skip
        try:
            self._database.execute("BEGIN IMMEDIATE")
            added = self._database.executemany(
                "INSERT OR IGNORE INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", rows
            ).rowcount
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise self._refused(error) from error
        return added

    def sales(self, from_wall_s: float, until_wall_s: float) -> list[AuditedSale]:
        """Return the audits of that time, oldest first; the end is not in it.

        Raises:
            OutboxError: The file cannot be read.
        """
        try:
            rows = self._database.execute(
                "SELECT * FROM audit WHERE occurred_wall_s >= ? AND occurred_wall_s < ? "
                "ORDER BY occurred_wall_s, event_id",
                (from_wall_s, until_wall_s),
            ).fetchall()
        except sqlite3.Error as error:
            raise self._refused(error) from error
        return [
            AuditedSale(
                event_id=event_id,
                store_id=store_id,
                register_id=register_id,
                occurred_wall_s=wall_s,
                advice=advice,
                result=cast("AuditResult", result),
                was_checked=bool(was_checked),
            )
            for event_id, store_id, register_id, wall_s, advice, result, was_checked in rows
        ]

    def delete_before(self, wall_s: float) -> int:
        """Delete what is older, for good; return how many.

        Raises:
            OutboxError: The file cannot be written.
        """
        try:
            return self._database.execute(
                "DELETE FROM audit WHERE occurred_wall_s < ?", (wall_s,)
            ).rowcount
        except sqlite3.Error as error:
            raise self._refused(error) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> AuditArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refused(self, error: sqlite3.Error | OSError | UnicodeDecodeError) -> OutboxError:
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return OutboxError(
            f"{self._path}: {words}: make room, mend its permissions, or set audit.path"
        )
