"""The inbox: bounded, limited, counted."""

from __future__ import annotations

import json

import pytest

from agent.clock import ReplayClock
from agent.publish.inbox import BURST, MAX_WAITING, RATE_HZ, Inbox
from agent.publish.topics import TopicKey

TOPICS = {
    "p/v1/s/r/pos/sale": TopicKey.SALE,
    "p/v1/s/r/display/confirm": TopicKey.CONFIRM,
    "p/v1/s/r/display/hello": TopicKey.HELLO,
}
SALE_TOPIC = "p/v1/s/r/pos/sale"


def sale(number: int) -> bytes:
    message = {
        "schema_version": 1,
        "message_id": str(number),
        "sale_id": "s",
        "type": "opened",
        "occurred_at": "2026-01-01T12:00:00Z",
    }
    return json.dumps(message).encode()


@pytest.fixture
def clock() -> ReplayClock:
    return ReplayClock()


@pytest.fixture
def inbox(clock: ReplayClock) -> Inbox:
    return Inbox(TOPICS, clock)


def test_messages_come_out_once_and_in_order(inbox: Inbox) -> None:
    for number in range(3):
        inbox.receive(SALE_TOPIC, sale(number), False)
    assert [message.message_id for message in inbox.drain()] == ["0", "1", "2"]
    assert inbox.drain() == []
    assert inbox.counts() == {"received": 3}


def test_each_reason_to_drop_is_counted(inbox: Inbox) -> None:
    inbox.receive(SALE_TOPIC, sale(1), True)
    inbox.receive(SALE_TOPIC, b"{}", False)
    inbox.receive("p/v1/other/r/pos/sale", sale(1), False)
    inbox.receive("p/v1/s/r/display/confirm", sale(1), False)
    assert inbox.drain() == []
    assert inbox.counts() == {"retained": 1, "schema": 2, "topic": 1}


def test_a_flood_is_cut_down_to_the_rate(inbox: Inbox, clock: ReplayClock) -> None:
    for number in range(BURST + 10):
        inbox.receive(SALE_TOPIC, sale(number), False)
    assert len(inbox.drain()) == BURST
    clock.advance_to(1.0)
    for number in range(1000):
        inbox.receive(SALE_TOPIC, sale(number), False)
    assert len(inbox.drain()) == RATE_HZ
    assert inbox.counts()["rate"] == 10 + 1000 - RATE_HZ


def test_when_nobody_fetches_the_oldest_go(inbox: Inbox, clock: ReplayClock) -> None:
    for number in range(MAX_WAITING + 5):
        clock.advance_to(number / RATE_HZ)
        inbox.receive(SALE_TOPIC, sale(number), False)
    waiting = inbox.drain()
    assert len(waiting) == MAX_WAITING
    assert waiting[0].message_id == "5"
    assert inbox.counts()["overflow"] == 5


def test_a_greeting_is_only_counted_and_a_bad_one_refused(inbox: Inbox) -> None:
    greeting = {"schema_version": 1, "message_id": "1", "occurred_at": "2026-01-01T12:00:00Z"}
    inbox.receive("p/v1/s/r/display/hello", json.dumps(greeting).encode(), False)
    inbox.receive("p/v1/s/r/display/hello", b"hello", False)
    inbox.receive("p/v1/s/r/display/hello", json.dumps(greeting).encode(), True)
    assert inbox.drain() == []
    assert inbox.counts() == {"hello": 1, "schema": 1, "retained": 1}
