"""Journal and Parquet: whatever is interrupted, every basket is there once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.errors import InsightsError
from agent.insights.collector import read_basket
from agent.insights.journal import BasketRow, Journal
from agent.insights.store import BasketStore
from tests.insights.baskets import TOPIC, basket, collected, event_id

HOUR = "2026-11-24T10"


def row(number: int, hour: str = HOUR) -> BasketRow:
    read = read_basket(TOPIC, basket(number, hour))
    assert isinstance(read, BasketRow)
    return read


def test_a_merge_that_was_cut_off_before_the_journal_was_emptied_doubles_nothing(
    tmp_path: Path,
) -> None:
    store = BasketStore(tmp_path)
    store.journal.append([row(1), row(2), row(2)])
    kept = store.journal.path(HOUR).read_bytes()
    store.merge()
    store.journal.path(HOUR).write_bytes(kept)  # as `kill -9` after the rename leaves it
    (tmp_path / "baskets-2026-11-24T09.parquet.writing").write_bytes(b"half")
    store.close()
    again = BasketStore(tmp_path)
    again.journal.append([row(3)])
    again.merge()
    again.close()
    assert collected(tmp_path) == [(HOUR, event_id(number)) for number in (1, 2, 3)]
    assert list(tmp_path.glob("*.writing")) == []


def test_a_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append([row(1)])
    whole = journal.path(HOUR).read_bytes()
    journal.path(HOUR).write_bytes(whole + row(2).text.encode()[:40])
    Journal(tmp_path)
    assert journal.path(HOUR).read_bytes() == whole


def test_a_disk_that_fails_says_so_and_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)
    journal.append([row(1)])

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InsightsError, match="No space left"):
        journal.append([row(2)])
    monkeypatch.undo()
    assert journal.path(HOUR).read_text() == row(1).text + "\n"


def test_late_baskets_go_into_their_own_hour(tmp_path: Path) -> None:
    store = BasketStore(tmp_path)
    store.journal.append([row(1), row(2, "2026-11-24T11")])
    store.merge()
    store.journal.append([row(3), row(1)])
    assert store.merge() == 1
    store.close()
    assert collected(tmp_path) == [
        (HOUR, event_id(1)),
        (HOUR, event_id(3)),
        ("2026-11-24T11", event_id(2)),
    ]


def test_a_damaged_file_is_moved_aside_and_collecting_goes_on(tmp_path: Path) -> None:
    store = BasketStore(tmp_path)
    store.path(HOUR).write_bytes(b"PAR1 no more")
    store.journal.append([row(1)])
    store.merge()
    store.close()
    assert collected(tmp_path) == [(HOUR, event_id(1))]
    assert store.path(HOUR).with_name(f"baskets-{HOUR}.parquet.damaged").exists()


def test_a_second_collector_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    first = BasketStore(tmp_path)
    with pytest.raises(InsightsError, match="another collector"):
        BasketStore(tmp_path)
    first.close()
    BasketStore(tmp_path).close()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InsightsError, match="give another --out"):
        BasketStore(tmp_path / "file")


def test_a_row_holds_store_and_register_and_probabilities_that_sum_to_one(tmp_path: Path) -> None:
    groups = [{"group": name, "probability_ratio": 0.333} for name in ("a", "b", "c")]
    read = read_basket(TOPIC, basket(1, group_probabilities=groups))
    assert isinstance(read, BasketRow)
    assert '"store_id":"shop","register_id":"till-1"' in read.text
    assert read.text.count("0.3333333") == 3
