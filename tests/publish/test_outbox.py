"""The outbox: nothing leaves it before its time, and it never grows beyond its bounds."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
)

from agent.clock import ReplayClock
from agent.config.messaging import OutboxSection
from agent.errors import OutboxError
from agent.publish.outbox import Outbox
from agent.publish.outbox_file import IN_MEMORY
from agent.publish.outbox_table import Parcel

ALERT, STATE, AUDIT, AGE_GROUP = 0, 1, 2, 3


def parcel(name: str, priority: int = AGE_GROUP, **changes: object) -> Parcel:
    made = Parcel(name, f"t/{priority}", f"payload of {name}".encode(), 1, False, priority)
    return replace(made, **changes)  # type: ignore[arg-type]


def ids(outbox: Outbox, limit: int = 10_000, **options: int) -> list[str]:
    return [row.parcel.event_id for row in outbox.take(limit, **options)]


@pytest.fixture
def clock() -> ReplayClock:
    return ReplayClock(start_wall_s=1_800_000_000.0)


@pytest.fixture
def section(tmp_path: Path) -> OutboxSection:
    return OutboxSection(path=tmp_path / "deep" / "outbox.sqlite3", max_rows=100)


@pytest.fixture
def outbox(section: OutboxSection, clock: ReplayClock) -> Iterator[Outbox]:
    opened = Outbox(section, clock)
    yield opened
    opened.close()


def test_what_was_committed_is_there_after_the_process_is_gone(
    section: OutboxSection, clock: ReplayClock
) -> None:
    first = Outbox(section, clock)
    first.commit([parcel("a"), parcel("b")])
    # No close: a kill gives no chance either.
    second = Outbox(section, clock)
    assert ids(second) == ["a", "b"]
    first.close()
    second.close()


def test_alerts_are_taken_first_and_then_oldest_first(outbox: Outbox) -> None:
    outbox.commit([parcel("g1"), parcel("audit", AUDIT), parcel("g2"), parcel("alert", ALERT)])
    assert ids(outbox) == ["alert", "audit", "g1", "g2"]


def test_only_alerts_are_taken_when_only_those_are_wanted(outbox: Outbox) -> None:
    outbox.commit([parcel("g1"), parcel("alert", ALERT)])
    assert ids(outbox, up_to_priority=ALERT) == ["alert"]
    assert ids(outbox) == ["g1"]


def test_a_row_is_taken_once_until_the_next_connect(outbox: Outbox) -> None:
    outbox.commit([parcel("a")])
    assert ids(outbox) == ["a"]
    assert ids(outbox) == []
    outbox.rewind(acknowledged=True)
    assert ids(outbox) == ["a"]


def test_an_acknowledged_row_is_sent_again_within_the_resend_window_and_then_gone(
    outbox: Outbox, clock: ReplayClock
) -> None:
    outbox.commit([parcel("a")])
    outbox.acknowledge([outbox.take(1)[0].seq])
    assert outbox.waiting == 0
    clock.advance_to(29.9)
    outbox.sweep()
    outbox.rewind(acknowledged=True)
    assert outbox.waiting == 1
    (row,) = outbox.take(1)
    assert row.parcel.event_id == "a"
    outbox.acknowledge([row.seq])
    clock.advance_to(60.0)
    outbox.sweep()
    outbox.rewind(acknowledged=True)
    assert ids(outbox) == []
    assert outbox.rows == 0
    assert not outbox.dropped


def test_a_refused_row_is_tried_again_without_the_acknowledged_ones(outbox: Outbox) -> None:
    outbox.commit([parcel("good"), parcel("refused")])
    outbox.acknowledge([outbox.take(2)[0].seq])
    outbox.rewind(acknowledged=False)
    assert ids(outbox) == ["refused"]


def test_the_same_event_twice_is_one_row(outbox: Outbox) -> None:
    outbox.commit([parcel("a"), parcel("a")])
    outbox.commit([parcel("a")])
    assert ids(outbox) == ["a"]
    assert outbox.rows == 1


def test_an_alert_issued_again_with_a_new_expiry_is_sent_again(outbox: Outbox) -> None:
    outbox.commit([parcel("a", ALERT)])
    old = outbox.take(1)[0].seq
    outbox.commit([parcel("a", ALERT, payload=b"new expiry")])
    (row,) = outbox.take(10)
    assert row.parcel.payload == b"new expiry"
    outbox.acknowledge([old])  # the PUBACK of the first edition comes late
    assert outbox.waiting == 1


def test_of_a_retained_topic_only_the_newest_is_held_and_it_outlives_its_window(
    outbox: Outbox, clock: ReplayClock
) -> None:
    for number in range(3):
        outbox.commit([parcel(f"state-{number}", STATE, retain=True)])
    outbox.commit([parcel("camera", STATE, topic="other", retain=True)])
    rows = outbox.take(10)
    assert [row.parcel.event_id for row in rows] == ["state-2", "camera"]
    outbox.acknowledge([row.seq for row in rows])
    clock.advance_to(10 * 86400.0)
    outbox.sweep()
    outbox.rewind(acknowledged=True)
    assert ids(outbox) == ["state-2", "camera"]


def test_the_retained_state_of_a_former_run_is_not_sent(
    section: OutboxSection, clock: ReplayClock
) -> None:
    first = Outbox(section, clock)
    first.commit([parcel("state", STATE, retain=True), parcel("event")])
    first.close()
    second = Outbox(section, clock)
    assert ids(second) == ["event"]
    second.close()


def test_an_expired_alert_is_neither_sent_nor_kept_but_counted(
    outbox: Outbox, clock: ReplayClock
) -> None:
    outbox.commit([parcel("a", ALERT, expires_wall_s=clock.wall_s() + 60)])
    clock.advance_to(60.0)
    assert ids(outbox) == []
    outbox.sweep()
    assert outbox.rows == 0
    assert outbox.dropped == {"expired": 1}


def test_a_delivered_alert_that_expires_in_its_window_is_no_loss(
    outbox: Outbox, clock: ReplayClock
) -> None:
    outbox.commit([parcel("a", ALERT, expires_wall_s=clock.wall_s() + 10)])
    outbox.acknowledge([outbox.take(1)[0].seq])
    clock.advance_to(11.0)
    outbox.sweep()
    assert outbox.rows == 0
    assert outbox.dropped.total() == 0


def test_too_old_events_are_dropped_and_counted(outbox: Outbox, clock: ReplayClock) -> None:
    outbox.commit([parcel("old")])
    clock.advance_to(7 * 86400.0 + 1)
    outbox.commit([parcel("new")])
    outbox.sweep()
    assert ids(outbox) == ["new"]
    assert outbox.dropped["age"] == 1


def test_events_survive_days(outbox: Outbox, clock: ReplayClock) -> None:
    outbox.commit([parcel("event")])
    clock.advance_to(6.9 * 86400.0)
    outbox.sweep()
    assert ids(outbox) == ["event"]


def test_a_full_outbox_drops_the_least_important_and_oldest_first(outbox: Outbox) -> None:
    outbox.commit([parcel("audit", AUDIT)])
    outbox.commit([parcel(f"g{number}") for number in range(99)])
    outbox.commit([parcel("alert", ALERT), parcel("state", STATE, retain=True)])
    taken = ids(outbox)
    assert taken == ["alert", "state", "audit", *(f"g{number}" for number in range(2, 99))]
    assert outbox.dropped == {"rows": 2}


def test_acknowledged_rows_make_room_before_anything_is_lost(outbox: Outbox) -> None:
    outbox.commit([parcel(f"g{number}") for number in range(100)])
    outbox.acknowledge([row.seq for row in outbox.take(50)])
    outbox.commit([parcel("new")])
    assert not outbox.dropped
    assert outbox.waiting == 51


def test_the_bound_in_bytes_holds(clock: ReplayClock) -> None:
    section = OutboxSection(max_bytes=1_000_000)
    outbox = Outbox(section, clock, IN_MEMORY)
    for number in range(30):
        outbox.commit([parcel(str(number), payload=b"x" * 99_997)])
    assert outbox.size_bytes <= 1_000_000
    assert ids(outbox) == [str(number) for number in range(20, 30)]
    assert outbox.dropped == {"bytes": 20}
    outbox.close()


@pytest.mark.parametrize("content", [b"noise " * 5000, b"SQLite format 3\0" + b"\xff" * 8000])
def test_an_overwritten_file_is_moved_aside_and_a_new_one_begun(
    section: OutboxSection, clock: ReplayClock, content: bytes
) -> None:
    section.path.parent.mkdir()
    section.path.write_bytes(content)
    outbox = Outbox(section, clock)
    outbox.commit([parcel("a")])
    assert ids(outbox) == ["a"]
    assert outbox.moved_aside is not None
    assert outbox.moved_aside.read_bytes() == content
    outbox.close()


def test_a_truncated_file_is_moved_aside(section: OutboxSection, clock: ReplayClock) -> None:
    first = Outbox(section, clock)
    first.commit([parcel(str(number), payload=b"x" * 3000) for number in range(50)])
    first.close()
    content = section.path.read_bytes()
    section.path.write_bytes(content[: len(content) // 2])
    second = Outbox(section, clock)
    assert second.moved_aside is not None
    second.commit([parcel("a")])
    assert ids(second) == ["a"]
    second.close()


def test_a_file_of_another_version_is_moved_aside_whole(
    section: OutboxSection, clock: ReplayClock
) -> None:
    section.path.parent.mkdir()
    database = sqlite3.connect(section.path)
    database.executescript("CREATE TABLE outbox (old); PRAGMA user_version = 7;")
    database.close()
    outbox = Outbox(section, clock)
    assert outbox.moved_aside is not None
    kept = sqlite3.connect(outbox.moved_aside)
    assert kept.execute("PRAGMA user_version").fetchone() == (7,)
    kept.close()
    outbox.close()


def test_damage_while_running_is_recovered_from(section: OutboxSection, clock: ReplayClock) -> None:
    outbox = Outbox(section, clock)
    outbox.commit([parcel(str(number), payload=b"x" * 60_000) for number in range(90)])
    outbox.close()
    outbox = Outbox(section, clock)
    with section.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (len(section.path.read_bytes()) - 4096))
    with pytest.raises(OutboxError) as caught:
        ids(outbox)
    assert outbox.recover(caught.value)
    assert outbox.moved_aside is not None
    outbox.commit([parcel("after")])
    assert ids(outbox) == ["after"]
    outbox.close()


def test_a_failed_commit_leaves_nothing_behind(outbox: Outbox) -> None:
    outbox.commit([parcel("a")])
    broken = parcel("c", topic=None)
    with pytest.raises((OutboxError, TypeError)):
        outbox.commit([parcel("b"), broken])
    outbox.commit([parcel("d")])
    assert ids(outbox) == ["a", "d"]
    assert outbox.rows == 2


def test_a_full_disk_is_an_outbox_error_and_what_is_there_stays(
    section: OutboxSection, clock: ReplayClock
) -> None:
    outbox = Outbox(section, clock)
    outbox.commit([parcel("a")])
    database = outbox._table._database
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OutboxError, match="full"):
        outbox.commit([parcel(str(number), payload=b"x" * 3000) for number in range(50)])
    assert outbox.rows == 1
    assert ids(outbox) == ["a"]
    database.execute("PRAGMA max_page_count = 100000")
    outbox.commit([parcel("b")])
    assert ids(outbox) == ["b"]
    outbox.close()


def test_a_folder_that_cannot_be_written_is_one_clear_error(clock: ReplayClock) -> None:
    with pytest.raises(OutboxError, match=r"/proc/nowhere/outbox\.sqlite3: .*outbox\.path"):
        Outbox(OutboxSection(path=Path("/proc/nowhere/outbox.sqlite3")), clock)


def test_nobody_else_may_read_the_file(outbox: Outbox, section: OutboxSection) -> None:
    outbox.commit([parcel("a")])
    for file in section.path.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


def test_the_oldest_waiting_message_tells_its_age(outbox: Outbox, clock: ReplayClock) -> None:
    assert outbox.oldest_age_s() == 0.0
    outbox.commit([parcel("a"), parcel("b")])
    outbox.acknowledge([outbox.take(1)[0].seq])
    clock.advance_to(5.0)
    assert outbox.oldest_age_s() == 5.0


class OutboxMachine(RuleBasedStateMachine):
    """Against a model: the set of ids that must still be delivered."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.clock = ReplayClock(start_wall_s=1_000_000.0)
        self.section = OutboxSection(
            path=Path(self._folder.name) / "outbox.sqlite3", fsync="normal"
        )
        self.outbox = Outbox(self.section, self.clock)
        self.due: dict[str, int] = {}
        self.flying: dict[int, str] = {}
        self.acked: dict[str, float] = {}
        self.made = 0

    @rule(priorities=st.lists(st.sampled_from([ALERT, AUDIT, AGE_GROUP]), max_size=5))
    def commit(self, priorities: list[int]) -> None:
        parcels = []
        for priority in priorities:
            self.made += 1
            parcels.append(parcel(str(self.made), priority))
            self.due[str(self.made)] = priority
        self.outbox.commit(parcels)

    @rule(limit=st.integers(1, 4))
    def send(self, limit: int) -> None:
        rows = self.outbox.take(limit)
        priorities = [row.parcel.priority for row in rows]
        assert priorities == sorted(priorities)
        for row in rows:
            assert row.parcel.event_id in self.due
            assert row.parcel.event_id not in self.flying.values()
            self.flying[row.seq] = row.parcel.event_id

    @rule(count=st.integers(1, 5))
    def receive_pubacks(self, count: int) -> None:
        for seq in list(self.flying)[:count]:
            self.acked[self.flying.pop(seq)] = self.clock.now_s()
            self.outbox.acknowledge([seq])

    @rule()
    def connect_again(self) -> None:
        self.flying.clear()
        self.acked.clear()
        self.outbox.rewind(acknowledged=True)

    @rule()
    def kill_and_restart(self) -> None:
        self.outbox.close()
        self.outbox = Outbox(self.section, self.clock)
        self.flying.clear()
        self.acked.clear()

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.clock.advance_to(self.clock.now_s() + seconds)
        self.outbox.sweep()
        for name, at_s in list(self.acked.items()):
            if at_s <= self.clock.now_s() - self.section.resend_window_s:
                del self.acked[name], self.due[name]

    @invariant()
    def holds_exactly_what_is_due(self) -> None:
        assert self.outbox.rows == len(self.due)
        assert self.outbox.waiting == len(self.due) - len(self.acked)
        assert self.outbox.dropped.total() == 0

    def teardown(self) -> None:
        self.outbox.rewind(acknowledged=True)
        assert set(ids(self.outbox)) == set(self.due)
        self.outbox.close()
        self._folder.cleanup()


OutboxMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestTheOutboxLosesNothing = OutboxMachine.TestCase


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40_000)), max_size=150))
def test_bounds_hold_whatever_comes_and_the_more_important_stays(
    parts: list[tuple[int, int]],
) -> None:
    section = OutboxSection(max_rows=100, max_bytes=1_000_000)
    outbox = Outbox(section, ReplayClock(), IN_MEMORY)
    held: list[int] = []
    for number, (priority, size) in enumerate(parts):
        outbox.commit([parcel(str(number), priority, payload=b"x" * size)])
        assert outbox.rows <= section.max_rows
        assert outbox.size_bytes <= section.max_bytes
        outbox.rewind(acknowledged=True)
        now_held = [row.parcel.priority for row in outbox.take(1000)]
        for gone in {each for each in held if held.count(each) > now_held.count(each)}:
            assert max(now_held) <= gone
        held = now_held
    assert len(held) + outbox.dropped.total() == len(parts)
    outbox.close()


@pytest.mark.parametrize("topic", [b"t/\xff\xfe", b"t/+", b"t/#", b"", b"t/\x00", b"t" * 700])
def test_a_row_that_a_failing_disk_has_changed_does_not_hold_up_the_others(
    section: OutboxSection, clock: ReplayClock, topic: bytes
) -> None:
    first = Outbox(section, clock)
    first.commit([parcel("before"), parcel("changed"), parcel("after")])
    first.close()
    database = sqlite3.connect(section.path)
    database.execute(
        "UPDATE outbox SET topic = CAST(? AS TEXT) WHERE event_id = 'changed'", (topic,)
    )
    database.commit()
    database.close()

    outbox = Outbox(section, clock)
    assert ids(outbox) == ["before", "after"]
    assert outbox.dropped == {"damaged": 1}
    assert outbox.waiting == 2
    outbox.close()


def test_a_file_whose_names_are_no_text_is_moved_aside(section: OutboxSection) -> None:
    clock = ReplayClock(0.0)
    first = Outbox(section, clock)
    first.commit([parcel("a")])
    first.close()
    content = section.path.read_bytes()
    section.path.write_bytes(
        content.replace(b"CREATE INDEX by_expiry", b"CREATE \xff\xff\xff\xff\xff by_expiry")
    )
    second = Outbox(section, clock)
    assert second.moved_aside is not None
    second.commit([parcel("b")])
    assert ids(second) == ["b"]
    second.close()


def hide_from_index(path: Path) -> None:
    """Commit a row behind an index's back, as a failing disk may."""
    database = sqlite3.connect(path, isolation_level=None)
    entry = database.execute("SELECT * FROM sqlite_schema WHERE name = 'by_priority'").fetchone()
    database.execute("PRAGMA writable_schema = ON")
    database.execute("DELETE FROM sqlite_schema WHERE name = 'by_priority'")
    database.close()
    database = sqlite3.connect(path, isolation_level=None)
    database.execute(
        "INSERT INTO outbox (event_id, topic, payload, qos, retain, priority, committed_wall_s)"
        " VALUES ('hidden', 't', x'00', 1, 0, 0, 1.8e9)"
    )
    database.execute("PRAGMA writable_schema = ON")
    database.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", entry)
    database.close()


def test_a_row_that_an_index_has_lost_is_sent_all_the_same(
    section: OutboxSection, clock: ReplayClock, caplog: pytest.LogCaptureFixture
) -> None:
    first = Outbox(section, clock)
    first.commit([parcel("a")])
    first.close()
    hide_from_index(section.path)
    second = Outbox(section, clock)
    assert sorted(ids(second)) == ["a", "hidden"]
    assert second.moved_aside is None
    assert "outbox_reindexed" in caplog.text
    second.close()


def test_two_rows_with_one_event_id_are_moved_aside(
    section: OutboxSection, clock: ReplayClock
) -> None:
    first = Outbox(section, clock)
    first.commit([parcel("twin-1"), parcel("twin-2")])
    first.close()
    section.path.write_bytes(section.path.read_bytes().replace(b"twin-2", b"twin-1"))
    second = Outbox(section, clock)
    assert second.moved_aside is not None
    assert ids(second) == []
    second.close()
