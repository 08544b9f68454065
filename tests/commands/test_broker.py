"""The embedded broker: starts on a free port, carries messages, ends clean."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.commands.broker import EmbeddedBroker
from agent.config.messaging import MqttSection, OutboxSection
from agent.errors import BrokerError
from agent.ids import new_analytics_id
from agent.outcomes import AgeGroupSeen
from agent.publish.mqtt import MqttPublisher
from agent.publish.outbox import Outbox
from agent.publish.publisher import outcome_message
from agent.publish.topics import TopicTree
from tests.brokers import HOST, Consumer, accepts, wait_until

TREE = TopicTree("checkout", "shop", "till-1")


def test_messages_go_through_it_both_ways_and_its_port_is_free_afterwards(tmp_path: Path) -> None:
    threads_before = threading.active_count()
    outbox = Outbox(OutboxSection(path=tmp_path / "outbox.sqlite3"), SystemClock())
    with EmbeddedBroker() as broker:
        section = MqttSection(port=broker.port, protocol="3.1.1")
        publisher = MqttPublisher(section, TREE, outbox)
        consumer = Consumer(broker.port)
        publisher.start()
        seen = AgeGroupSeen(new_analytics_id(), "till", "unknown", (), 1.0, 0, time.time())
        publisher.publish(outcome_message(seen))
        assert publisher.flush(5)
        assert wait_until(lambda: consumer.event_ids("age-group") == [seen.event_id])
        consumer.publish("checkout/v1/shop/till-1/pos/sale", b"{}")
        assert wait_until(lambda: publisher.status.inbound == {"schema": 1})
        assert publisher.stop(5)
        assert wait_until(
            lambda: (
                [each.payload for each in consumer.of("availability")] == [b"online", b"offline"]
            )
        )
        consumer.close()
    outbox.close()
    assert not accepts(broker.port)
    assert wait_until(lambda: threading.active_count() <= threads_before)


def test_another_version_of_mqtt_is_explained(tmp_path: Path) -> None:
    outbox = Outbox(OutboxSection(path=tmp_path / "outbox.sqlite3"), SystemClock())
    with EmbeddedBroker() as broker:
        section = MqttSection(port=broker.port, protocol="5", connect_timeout_s=0.3)
        publisher = MqttPublisher(section, TREE, outbox)
        publisher.start()
        assert wait_until(lambda: "does it speak MQTT 5?" in publisher.status.reason)
        publisher.stop(5)
    outbox.close()


def test_a_port_in_use_is_one_clear_error() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=f"cannot listen on {HOST}:{port}"):
            EmbeddedBroker(port).start()


def test_stopping_twice_is_harmless() -> None:
    broker = EmbeddedBroker()
    broker.start()
    broker.stop()
    broker.stop()
