"""The broker is told of a message's arrival after it was worked through, never before."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.publish.mqtt import MqttPublisher
from agent.publish.receipts import Receipts
from agent.publish.topics import TopicKey
from tests.brokers import Consumer, Mosquitto, wait_until
from tests.publish.test_mqtt import TREE, publishing, section_for
from tests.publish.test_sales import OPENED, encode

TOPIC = TREE.path(TopicKey.SALE)


def test_a_number_is_confirmed_when_what_came_later_is_fetched() -> None:
    receipts = Receipts()
    receipts.received(1)
    assert not receipts.fetch()
    receipts.received(2)
    assert receipts.take() == []
    assert receipts.fetch()
    assert receipts.take() == [1]
    assert receipts.take() == []
    assert receipts.fetch()
    assert receipts.take() == [2]


def test_without_a_number_there_is_nothing_to_confirm() -> None:
    receipts = Receipts()
    receipts.received(0)
    assert not receipts.fetch()
    assert not receipts.fetch()


def test_numbers_of_a_lost_connection_are_forgotten() -> None:
    receipts = Receipts()
    for number in (1, 2):
        receipts.received(number)
        receipts.fetch()
    receipts.begin()
    assert not receipts.fetch()
    assert receipts.take() == []


@pytest.mark.mosquitto
def test_a_message_that_was_only_fetched_comes_again_to_the_next_agent(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    consumer = Consumer(broker.port)
    section = section_for(broker.port)
    with publishing(section, tmp_path / "first") as first:
        assert wait_until(lambda: first.status.connected)
        consumer.publish(TOPIC, encode({**OPENED, "message_id": "worked-through"}))
        assert wait_until(lambda: first.status.inbound.get("received") == 1)
        assert len(first.inbound()) == 1
        consumer.publish(TOPIC, encode({**OPENED, "message_id": "only-fetched"}))
        assert wait_until(lambda: first.status.inbound.get("received") == 2)
        assert [message.message_id for message in first.inbound()] == ["only-fetched"]
        assert wait_until(lambda: "PUBACK from checkout" in broker.log)
        lose_the_connection(first)

    with publishing(section, tmp_path / "second") as second:
        assert wait_until(lambda: second.status.inbound.get("received") == 1)
        assert [message.message_id for message in second.inbound()] == ["only-fetched"]
    consumer.close()
    broker.stop()


def lose_the_connection(publisher: MqttPublisher) -> None:
    """Take from the publisher what a SIGKILL would take: the chance to say more."""
    publisher._receipts.begin()
