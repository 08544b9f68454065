"""Photographs of known age from one split, straight from the zip files."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.records import UInt8Array
from training.prepare import read_member
from training.splits import split_of

#: Only here the age is one year, not an interval.
SOURCE = "utkface"


@dataclass(frozen=True, slots=True, eq=False)
class KnownFace:
    """One photograph that a face fills.

    Attributes:
        pixels: (160, 160, 3) uint8, RGB.
        row: Of labels.csv.
    """

    pixels: UInt8Array
    row: dict[str, str]

    @property
    def age_years(self) -> int:
        """As labelled."""
        return int(self.row["age_lo_years"])


class FaceShelf:
    """The photographs of one split; each is given out once.

    Args:
        data: Folder with `labels.csv` and its zip files.
        split: `val` to choose constants by, `test` to report.
        random: Orders them.
    """

    def __init__(self, data: Path, split: str, random: np.random.Generator) -> None:
        self._data = data
        self._archives: dict[str, zipfile.ZipFile] = {}
        with (data / "labels.csv").open(newline="") as file:
            rows = [
                row
                for row in csv.DictReader(file)
                if row["source"] == SOURCE and split_of(row) == split
            ]
        self._rows = [rows[index] for index in random.permutation(len(rows))]

    def take(self, count: int, low_years: int = 0, high_years: int = 120) -> list[KnownFace]:
        """Return up to `count` faces of that age that nobody has taken yet."""

        def fits(row: dict[str, str]) -> bool:
            return low_years <= int(row["age_lo_years"]) <= high_years

        return [self._read(row) for row in self._remove(fits, count)]

    def _remove(self, fits: Callable[[dict[str, str]], bool], count: int) -> list[dict[str, str]]:
        chosen = [index for index, row in enumerate(self._rows) if fits(row)][:count]
        rows = [self._rows[index] for index in chosen]
        gone = set(chosen)
        self._rows = [row for index, row in enumerate(self._rows) if index not in gone]
        return rows

    def _read(self, row: dict[str, str]) -> KnownFace:
        shard = row["shard"]
        if shard not in self._archives:
            self._archives[shard] = zipfile.ZipFile(self._data / shard)
        pixels = read_member(self._archives[shard], row["file"])
        return KnownFace(pixels, row)
