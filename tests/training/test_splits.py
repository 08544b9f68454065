"""No photograph, and no near duplicate of it, is in two splits."""

import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from training.splits import split_of

SPLITS = {"train", "val", "calibration", "test", "excluded"}


@pytest.fixture(scope="module")
def rows(shared_dir: Path) -> list[dict[str, str]]:
    with (shared_dir / "data" / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_near_duplicates_never_straddle_two_splits(rows: list[dict[str, str]]) -> None:
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        split = split_of(row)
        if row["near_duplicate_group"] and split != "excluded":
            groups[row["source"], row["near_duplicate_group"]].add(split)

    straddling = {group: splits for group, splits in groups.items() if len(splits) > 1}

    assert len(groups) > 900
    assert not straddling


def test_what_the_data_call_test_stays_test(rows: list[dict[str, str]]) -> None:
    assert all(split_of(row) == "test" for row in rows if row["split"] == "test")
    assert all(row["split"] == "test" for row in rows if split_of(row) == "test")


def test_the_splits_have_the_sizes_that_the_plan_wants(rows: list[dict[str, str]]) -> None:
    counts = Counter((row["source"], split_of(row)) for row in rows)

    assert {split for _, split in counts} == SPLITS
    assert 200 <= counts["utkface", "calibration"] <= 270
    assert 0.04 < counts["fairface", "val"] / counts["fairface", "train"] < 0.06
    assert counts["utkface", "test"] == 2372


def test_only_faces_of_14_to_17_years_calibrate(rows: list[dict[str, str]]) -> None:
    ages = {int(row["age_lo_years"]) for row in rows if split_of(row) == "calibration"}

    assert ages == {14, 15, 16, 17}
