"""When the disk fails: nothing raises, alerts go out, and all is saved once it can be."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from agent.clock import ReplayClock
from agent.config.messaging import OutboxSection
from agent.errors import OutboxError
from agent.publish.outbox import REGAIN_INTERVAL_S, Outbox, open_outbox
from agent.publish.outbox_file import IN_MEMORY
from agent.publish.outbox_table import OutboxTable, Parcel
from agent.publish.tolerant_outbox import TolerantOutbox
from agent.publish.unsaved import MAX_UNSAVED

ALERT, AGE_GROUP = 0, 3


def parcel(name: str, priority: int, payload: bytes = b"x") -> Parcel:
    return Parcel(name, "t", payload, 1, False, priority)


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(OutboxSection(path=tmp_path / "outbox.sqlite3"), ReplayClock())


def fill_disk(outbox: Outbox, *, full: bool) -> None:
    database = outbox._table._database
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages if full else 1_000_000}")


def test_with_a_full_disk_alerts_are_handed_out_and_the_rest_waits_for_room(outbox: Outbox) -> None:
    tolerant = TolerantOutbox(outbox)
    fill_disk(outbox, full=True)
    big = b"x" * 9000
    tolerant.commit([parcel("a", ALERT, big), parcel("g", AGE_GROUP, big)])
    assert tolerant.waiting == 2
    assert "full" in tolerant.faults[0]
    assert [row.parcel.event_id for row in tolerant.take_urgent(5)] == ["a"]
    assert tolerant.take_urgent(5) == []
    assert tolerant.take(5) == []
    tolerant.keep_house()
    assert tolerant.waiting == 2
    fill_disk(outbox, full=False)
    tolerant.keep_house()
    assert tolerant.faults == ()
    assert outbox.rows == 2
    assert [row.parcel.event_id for row in tolerant.take(5)] == ["a", "g"]
    outbox.close()


def test_what_cannot_be_saved_is_bounded_and_the_least_important_goes(outbox: Outbox) -> None:
    tolerant = TolerantOutbox(outbox)
    fill_disk(outbox, full=True)
    tolerant.commit([parcel("alert", ALERT, b"x" * 9000)])
    for number in range(MAX_UNSAVED):
        tolerant.commit([parcel(str(number), AGE_GROUP, b"x" * 9000)])
    assert tolerant.waiting == MAX_UNSAVED
    assert tolerant.dropped == {"unsaved": 1}
    assert [row.parcel.event_id for row in tolerant.take_urgent(9)] == ["alert"]
    outbox.close()


def test_a_file_broken_while_running_is_moved_aside_and_nothing_new_is_lost(tmp_path: Path) -> None:
    section = OutboxSection(path=tmp_path / "outbox.sqlite3")
    outbox = Outbox(section, ReplayClock())
    outbox.commit([parcel(str(number), AGE_GROUP, b"x" * 60_000) for number in range(90)])
    outbox.close()
    outbox = Outbox(section, ReplayClock())
    tolerant = TolerantOutbox(outbox)
    size_bytes = section.path.stat().st_size
    with section.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size_bytes - 4096))
    while tolerant.take(10):
        pass
    tolerant.commit([parcel("after", ALERT)])
    tolerant.keep_house()
    assert outbox.moved_aside is not None
    assert [row.parcel.event_id for row in tolerant.take(10)] == ["after"]
    assert any("lies at" in fault for fault in tolerant.faults)
    outbox.close()


def test_without_a_disk_the_outbox_is_in_memory_and_says_so() -> None:
    section = OutboxSection(path=Path("/proc/nowhere/outbox.sqlite3"))
    outbox = open_outbox(section, ReplayClock())
    tolerant = TolerantOutbox(outbox)
    tolerant.commit([parcel("a", ALERT)])
    assert [row.parcel.event_id for row in tolerant.take(1)] == ["a"]
    assert "/proc/nowhere" in tolerant.faults[0]
    outbox.close()


def test_an_outbox_in_memory_moves_to_its_file_once_that_can_be_opened(tmp_path: Path) -> None:
    clock = ReplayClock()
    path = tmp_path / "disk" / "outbox.sqlite3"
    before = Outbox(OutboxSection(path=path), clock)
    before.commit([parcel("of the last agent", AGE_GROUP)])
    before.close()
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    (tmp_path / "disk").touch()  # no folder: nothing can be written there
    outbox = open_outbox(OutboxSection(path=path), clock)
    tolerant = TolerantOutbox(outbox)
    tolerant.commit([parcel("sent", AGE_GROUP), parcel("on its way", AGE_GROUP)])
    sent, on_its_way = tolerant.take(2)
    tolerant.keep_house()
    assert tolerant.faults
    (tmp_path / "disk").unlink()
    (tmp_path / "unplugged").rename(tmp_path / "disk")
    tolerant.keep_house()
    assert tolerant.faults, "it is not tried many times a second"
    clock.advance_to(REGAIN_INTERVAL_S)
    tolerant.keep_house()
    assert tolerant.faults == ()
    tolerant.acknowledge([sent.seq, on_its_way.seq])
    assert tolerant.waiting == 3, "a receipt of a row in memory counted for one in the file"
    tolerant.commit([parcel("after", AGE_GROUP)])
    outbox.close()
    again = Outbox(OutboxSection(path=path), clock)
    names = [row.parcel.event_id for row in again.take(10)]
    assert names == ["of the last agent", "sent", "on its way", "after"]
    again.close()


def test_a_late_receipt_of_a_damaged_file_counts_for_nothing_in_the_new_one(tmp_path: Path) -> None:
    section = OutboxSection(path=tmp_path / "outbox.sqlite3")
    outbox = Outbox(section, ReplayClock())
    outbox.commit([parcel(str(number), AGE_GROUP) for number in range(3)])
    on_their_way = outbox.take(3)
    damage = OutboxError("damaged")
    damage.__cause__ = sqlite3.DatabaseError("database disk image is malformed")
    damage.__cause__.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    section.path.write_bytes(b"noise" * 1000)
    assert outbox.recover(damage)
    outbox.commit([parcel(f"new {number}", AGE_GROUP) for number in range(3)])
    outbox.acknowledge([row.seq for row in on_their_way])
    assert outbox.waiting == 3
    outbox.close()


def test_a_file_that_fills_up_while_it_is_regained_leaves_everything_in_memory(
    tmp_path: Path,
) -> None:
    small = OutboxTable(tmp_path / "outbox.sqlite3", "full")
    pages = small._database.execute("PRAGMA page_count").fetchone()[0]
    small._database.execute(f"PRAGMA max_page_count = {pages}")
    memory = OutboxTable(IN_MEMORY, "full")
    with memory.transaction():
        memory.put(parcel("a", ALERT, b"x" * 9000), 0.0)
    with pytest.raises(OutboxError, match="full"):
        small.take_over(memory)
    assert [row.parcel.event_id for row in memory.after(ALERT, 0, 10)] == ["a"]
    memory.close()
