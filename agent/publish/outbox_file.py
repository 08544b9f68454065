"""The outbox's file: opened, checked, or moved aside when it cannot be trusted."""

from __future__ import annotations

import datetime
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.errors import OutboxError

#: Raised when the table changes; another number is moved aside, not guessed at.
FILE_VERSION = 1
IN_MEMORY = Path(":memory:")
#: A commit waits so long for another process that has the file open (a technician's sqlite3).
LOCK_TIMEOUT_S = 2.0
#: The journal is cut back to this after a large back-log.
JOURNAL_LIMIT_BYTES = 16_000_000

_TABLE = """
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    qos INTEGER NOT NULL,
    retain INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    expires_wall_s REAL,
    committed_wall_s REAL NOT NULL
) STRICT;
CREATE INDEX by_priority ON outbox (priority, seq);
CREATE INDEX by_expiry ON outbox (expires_wall_s) WHERE expires_wall_s IS NOT NULL;
CREATE INDEX by_retained_topic ON outbox (topic) WHERE retain = 1;
"""
_COLUMNS = (
    "seq", "event_id", "topic", "payload", "qos", "retain", "priority", "expires_wall_s",
    "committed_wall_s",
)  # fmt: skip
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """An open outbox; `moved_aside` is where an unusable one lies now."""

    database: sqlite3.Connection
    moved_aside: Path | None = None


def open_file(path: Path, fsync: Literal["full", "normal"]) -> OpenedFile:
    """Open the outbox, or begin a new one beside one that is damaged or of another version.

    Raises:
        OutboxError: No room, no permission, or locked.
    """
    try:
        _create_folder(path)
        database = _connect(path, fsync)
        with closed_on_error(database):
            fault = _find_fault(database)
        if fault is None:
            return OpenedFile(database)
        database.close()
        aside = _move_aside(path, fault)
        database = _connect(path, fsync)
        with closed_on_error(database):
            _create(database)
    except (sqlite3.Error, OSError) as error:
        raise OutboxError(
            f"{path}: {describe(error)}: make room, mend its permissions, or set outbox.path"
        ) from error
    return OpenedFile(database, aside)


@contextmanager
def closed_on_error(database: sqlite3.Connection) -> Iterator[None]:
    """Close a database that cannot be used after all: its file may be tried again."""
    try:
        yield
    except BaseException:
        database.close()
        raise


def is_damaged(error: BaseException | None) -> bool:
    """Return whether the error says that the file itself is broken.

    SQLite repeats broken names of the file in its words: then these are no text.
    """
    if isinstance(error, UnicodeDecodeError):
        return True
    if not isinstance(error, sqlite3.Error):
        return False
    return (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF in _DAMAGED


def describe(error: sqlite3.Error | OSError | UnicodeDecodeError) -> str:
    """Return the error in words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)


def _create_folder(path: Path) -> None:
    if path == IN_MEMORY:
        return
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    # Before SQLite makes it readable for everybody; the journal takes over the mode.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def _connect(path: Path, fsync: Literal["full", "normal"]) -> sqlite3.Connection:
    database = sqlite3.connect(
        path, timeout=LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    # One row whose text is broken must not keep all others from being read.
    database.text_factory = _readable
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA synchronous = {'FULL' if fsync == 'full' else 'NORMAL'}")
        database.execute(f"PRAGMA journal_size_limit = {JOURNAL_LIMIT_BYTES}")
        database.execute("PRAGMA trusted_schema = OFF")
    except (sqlite3.Error, UnicodeDecodeError) as error:
        # A file of noise fails here already; the check that follows says so.
        if not is_damaged(error):
            database.close()
            raise
    return database


def _readable(text: bytes) -> str:
    return text.decode(errors="replace")


def _find_fault(database: sqlite3.Connection) -> str | None:
    """Return what is wrong with the file, or None; an empty file becomes an outbox."""
    try:
        damage = _find_damage(database)
        if damage is not None:
            return f"damaged: {damage}"
        (version,) = database.execute("PRAGMA user_version").fetchone()
        tables = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if version == 0 and tables == 0:
            _create(database)
            return None
        if version != FILE_VERSION:
            return f"written by another version ({version}, expected {FILE_VERSION})"
        columns = tuple(row[1] for row in database.execute("PRAGMA table_info(outbox)"))
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if is_damaged(error):
            return f"damaged: {error}"
        raise
    return None if columns == _COLUMNS else "damaged: the table has other columns"


def _find_damage(database: sqlite3.Connection) -> str | None:
    """Return what is broken and cannot be made again.

    An index alone can: it holds nothing that the rows do not. The quick check passes over a
    broken one, and what is looked up in it is then never sent.
    """
    if (damage := _check(database)) is None:
        return None
    try:
        database.execute("REINDEX")
    except sqlite3.IntegrityError:  # two rows with one event id
        return damage
    if (left := _check(database)) is None:
        logger.error("outbox_reindexed %s", damage)
    return left


def _check(database: sqlite3.Connection) -> str | None:
    # 0.4 s with 100,000 rows on a machine with other work to do, the quick check 0.2 s.
    (result,) = database.execute("PRAGMA integrity_check(1)").fetchone()
    return None if result == "ok" else str(result)[:200]


def _create(database: sqlite3.Connection) -> None:
    # One transaction: a kill in between must not leave a table without its version.
    database.executescript(f"BEGIN; {_TABLE} PRAGMA user_version = {FILE_VERSION}; COMMIT;")


def _move_aside(path: Path, fault: str) -> Path:
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = path.with_name(f"{path.name}.unusable-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    logger.error("outbox_moved_aside %s: %s; kept as %s", path, fault, aside)
    return aside
