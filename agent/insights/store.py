"""Baskets in Parquet, one file an hour; a merge can be done twice and gives the same file.

An event's hour stands in the event, so every edition of it meets itself in one file. A merge
reads that file and the journal, keeps each `event_id` once, writes beside it and renames:
exactly once, whatever was repeated by the broker or interrupted here.
"""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path
from typing import IO

from agent.errors import InsightsError
from agent.insights.duck import database
from agent.insights.journal import Journal, sync_folder

_log = logging.getLogger(__name__)

PREFIX = "baskets-"
_TEMPORARY = ".writing"
_DAMAGED = ".damaged"
#: The columns of a Parquet file, in its order, as they are read from the journal. Lines are whole
#: there, so an unreadable one is a damaged disk's: the others still count.
_JOURNAL = """
    SELECT * FROM read_json(?, format='newline_delimited', ignore_errors=true, columns={
        event_id: 'VARCHAR', occurred_at: 'TIMESTAMPTZ', store_id: 'VARCHAR',
        register_id: 'VARCHAR',
        lines: 'STRUCT(category VARCHAR, product_id VARCHAR, quantity INTEGER)[]',
        groups: 'VARCHAR[]', probabilities: 'DOUBLE[]'})
"""
_PARQUET = "SELECT * FROM read_parquet(?)"


class BasketStore:
    """The folder of one collector; a second one on the same folder is refused.

    Raises:
        InsightsError: The folder cannot be used, or another collector does.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.journal = Journal(folder / "journal")
        self._lock = _locked(folder / ".lock")
        for leftover in folder.glob(f"*{_TEMPORARY}"):
            leftover.unlink()

    def merge(self) -> int:
        """Bring every row of the journal into its hour's file; return how many files changed.

        Raises:
            InsightsError: A file cannot be written; the journal keeps its rows.
        """
        hours = self.journal.hours()
        for hour in hours:
            self._merge_hour(hour)
        return len(hours)

    def path(self, hour: str) -> Path:
        """Return the Parquet file of an hour."""
        return self._folder / f"{PREFIX}{hour}.parquet"

    def close(self) -> None:
        """Let another collector use the folder."""
        self._lock.close()

    def _merge_hour(self, hour: str) -> None:
        target = self.path(hour)
        temporary = target.with_name(target.name + _TEMPORARY)
        self._move_damaged_aside(target)
        rows = _write(self.journal.path(hour), target, temporary)
        try:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(target)
            sync_folder(self._folder)
            self.journal.remove(hour)
        except OSError as error:
            raise InsightsError(f"{target}: {error.strerror}: make room") from error
        _log.info("hour_written hour=%s baskets=%d", hour, rows)

    def _move_damaged_aside(self, target: Path) -> None:
        if not target.exists():
            return
        try:
            with database() as connection:
                connection.execute("SELECT count(*) FROM read_parquet(?)", [str(target)])
        except InsightsError as error:
            aside = target.with_name(target.name + _DAMAGED)
            target.replace(aside)
            _log.error("hour_damaged file=%s moved_to=%s error=%s", target, aside, error)


def _write(journal: Path, old: Path, temporary: Path) -> int:
    """Write the rows of both files, each event once, and return how many."""
    rows, parameters = _JOURNAL, [str(journal)]
    if old.exists():
        rows, parameters = f"{_JOURNAL} UNION ALL {_PARQUET}", [str(journal), str(old)]
    with database() as connection:
        connection.execute(
            f"CREATE TABLE baskets AS SELECT DISTINCT ON (event_id) * FROM ({rows})",  # noqa: S608 (our own constants)
            parameters,
        )
        connection.table("baskets").order("event_id").write_parquet(
            str(temporary), compression="zstd"
        )
        counted = connection.execute("SELECT count(*) FROM baskets").fetchone()
    return int(counted[0]) if counted else 0


def _locked(path: Path) -> IO[bytes]:
    try:
        file = path.open("wb")
    except OSError as error:
        raise InsightsError(f"{path}: {error.strerror}: give another --out") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise InsightsError(
            f"{path.parent}: another collector writes here: stop it, or give another --out"
        ) from error
    return file


def parquet_files(folder: Path) -> list[str]:
    """Return the files of a folder in order of time.

    Raises:
        InsightsError: There is none.
    """
    files = sorted(str(file) for file in folder.glob(f"{PREFIX}*.parquet"))
    if not files:
        raise InsightsError(
            f"{folder}: no baskets-*.parquet: collect some with `checkout-agent insights collect`"
        )
    return files
