"""The outbox: a file with changed bytes, and rows that no agent has written.

Rows are a JSON array a line: event id, topic, payload, qos, retain, priority, expiry, commit.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.clock import ReplayClock
from agent.config.messaging import OutboxSection
from agent.errors import OutboxError
from agent.publish.outbox import Outbox
from agent.publish.outbox_table import Parcel
from agent.publish.tolerant_outbox import TolerantOutbox
from tests.fuzz.targets.target import Entry, Target

SECTION = OutboxSection(path=Path("outbox.sqlite3"), max_rows=100, fsync="normal")
_INSERT = (
    "INSERT INTO outbox (event_id, topic, payload, qos, retain, priority, expires_wall_s,"
    " committed_wall_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_NO_ROW = (ValueError, RecursionError, OverflowError, TypeError, LookupError, sqlite3.Error)


def parcel(number: int) -> Parcel:
    """Return a good message."""
    return Parcel(f"id-{number}", "checkout/v1/s/r/event/x", b"{}" * 20, 1, False, 2)


def use(path: Path) -> None:
    """Open it, use it, and see that what is committed now comes out."""
    try:
        outbox = Outbox(SECTION, ReplayClock(0.0), path)
    except OutboxError:
        return  # said so at the start
    tolerant = TolerantOutbox(outbox)
    tolerant.commit([parcel(1000)])
    tolerant.keep_house()
    tolerant.commit([parcel(1001)])
    tolerant.oldest_age_s()
    rows = tolerant.take(10_000)
    tolerant.acknowledge([row.seq for row in rows])
    tolerant.keep_house()
    tolerant.close()
    assert all(row.parcel.is_intact for row in rows)
    assert {"id-1000", "id-1001"} & {row.parcel.event_id for row in rows}


def _empty(folder: Path) -> None:
    for old in folder.iterdir():
        old.unlink()


def _files() -> Sequence[bytes]:
    with TemporaryDirectory() as name:
        path = Path(name) / "outbox.sqlite3"
        outbox = Outbox(SECTION, ReplayClock(0.0), path)
        outbox.commit([parcel(number) for number in range(8)])
        outbox.close()
        return [path.read_bytes(), b"", b"SQLite format 3\0"]


@contextmanager
def _opened_file(folder: Path) -> Iterator[Entry]:
    path = folder / "outbox.sqlite3"

    def entry(content: bytes) -> None:
        _empty(folder)
        path.write_bytes(content)
        use(path)

    yield entry


def _rows() -> Sequence[bytes]:
    good = ["id-1", "checkout/v1/s/r/alert", "{}", 1, 0, 0, None, 0.0]
    odd = ["", "+/#", "\0", 2**62, -1, 0.5, float("inf"), "x"]
    retained = ["id-2", "checkout/v1/s/r/state", "{}", 1, 1, 1, 9e9, 1e300]
    rows = [json.dumps(row).encode() for row in (good, odd, retained)]
    return [*rows, b"\n".join(rows)]


@contextmanager
def _opened_rows(folder: Path) -> Iterator[Entry]:
    path = folder / "outbox.sqlite3"

    def entry(content: bytes) -> None:
        _empty(folder)
        Outbox(SECTION, ReplayClock(0.0), path).close()
        _insert(path, content)
        use(path)

    yield entry


def _insert(path: Path, content: bytes) -> None:
    database = sqlite3.connect(path)
    for line in content.split(b"\n")[:20]:
        # What is no row, and what the table itself refuses, is no case.
        with contextlib.suppress(*_NO_ROW):
            row = [_value(each) for each in json.loads(line)]
            row[2] = str(row[2]).encode()
            database.execute(_INSERT, row)
    database.commit()
    database.close()


def _value(value: object) -> object:
    return value if value is None or isinstance(value, int | float | str) else str(value)


FILE = Target(
    name="outbox_file",
    cases=500,
    modules=("agent.publish.outbox_file",),
    seeds=_files,
    opened=_opened_file,
)
ROWS = Target(
    name="outbox_rows",
    cases=500,
    modules=("agent.publish.outbox", "agent.publish.outbox_table", "agent.publish.tolerant_outbox"),
    seeds=_rows,
    opened=_opened_rows,
)
