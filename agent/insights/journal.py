"""Baskets on disk the moment before they are acknowledged: one text file an hour.

A line is appended and fsynced, then the broker is told. After `kill -9` or a power cut the last
line may be torn: it was not acknowledged, so it is cut off and comes again.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.errors import InsightsError
from agent.publish.basket import BasketPayload

SUFFIX = ".ndjson"


@dataclass(frozen=True, slots=True)
class BasketRow:
    """A basket as it is stored.

    Attributes:
        hour: Such as `2026-11-24T03`, UTC; with `event_id` it never changes.
        text: One line of JSON.
    """

    hour: str
    text: str


def basket_row(payload: BasketPayload, store_id: str, register_id: str) -> BasketRow:
    """Return a received basket as a row; its probabilities sum to 1 again after rounding."""
    total = sum(each.probability_ratio for each in payload.group_probabilities)
    row = {
        "event_id": payload.event_id,
        "occurred_at": payload.occurred_at,
        "store_id": store_id,
        "register_id": register_id,
        "lines": [line.model_dump() for line in payload.lines],
        "groups": [each.group for each in payload.group_probabilities],
        "probabilities": [each.probability_ratio / total for each in payload.group_probabilities],
    }
    return BasketRow(payload.occurred_at[:13], json.dumps(row, separators=(",", ":")))


class Journal:
    """The rows that are not in Parquet yet.

    Raises:
        InsightsError: The folder cannot be made or read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for file in folder.glob(f"*{SUFFIX}"):
                _cut_torn_line(file)
        except OSError as error:
            raise InsightsError(f"{folder}: {error.strerror}: give another --out") from error

    def append(self, rows: Sequence[BasketRow]) -> None:
        """Write the rows; when it returns they survive a power cut.

        Raises:
            InsightsError: The disk is full or broken; none of the hour that failed is kept.
        """
        by_hour: defaultdict[str, list[str]] = defaultdict(list)
        for row in rows:
            by_hour[row.hour].append(row.text + "\n")
        for hour, lines in by_hour.items():
            try:
                self._write(self.path(hour), "".join(lines).encode())
            except OSError as error:
                raise InsightsError(
                    f"{self.path(hour)}: {error.strerror}: make room; nothing is lost, "
                    "the broker keeps what was not written"
                ) from error

    def hours(self) -> list[str]:
        """Return the hours that have rows, the oldest first."""
        return sorted(file.stem for file in self._folder.glob(f"*{SUFFIX}"))

    def path(self, hour: str) -> Path:
        """Return the file of an hour."""
        return self._folder / f"{hour}{SUFFIX}"

    def remove(self, hour: str) -> None:
        """Forget an hour: its rows are in Parquet."""
        self.path(hour).unlink(missing_ok=True)
        sync_folder(self._folder)

    def _write(self, file: Path, content: bytes) -> None:
        is_new = not file.exists()
        with file.open("ab", buffering=0) as stream:
            size_before = stream.tell()
            try:
                _write_all(stream.fileno(), content)
                os.fsync(stream.fileno())
            except OSError:
                stream.truncate(size_before)
                raise
        if is_new:
            sync_folder(self._folder)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _cut_torn_line(file: Path) -> None:
    with file.open("rb+") as stream:
        content = stream.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            stream.truncate(whole)


def sync_folder(folder: Path) -> None:
    """Make a new, renamed or removed name in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
