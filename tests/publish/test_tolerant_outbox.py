"""When the disk fails: nothing raises, alerts go out, and all is saved once it can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.clock import ReplayClock
from agent.config.messaging import OutboxSection
from agent.publish.outbox import Outbox, open_outbox
from agent.publish.outbox_table import Parcel
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
