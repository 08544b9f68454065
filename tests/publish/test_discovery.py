"""The announcement to Home Assistant: made, changed and taken back, also over an outage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.config.messaging import MqttSection, OutboxSection
from agent.publish.discovery import Announcement, Discovery
from agent.publish.home_assistant import components, discovery_topic
from agent.publish.mqtt import MqttPublisher
from agent.publish.outbox import Outbox
from agent.publish.outbox_table import Parcel
from agent.publish.topics import TopicTree
from tests.brokers import Consumer, Mosquitto, wait_until

TREE = TopicTree("checkout", "demo-store", "till-1")
TOPIC = "homeassistant/device/checkout-demo-store-till-1/config"


def announcement(*cameras: str, prefix: str = "homeassistant") -> Announcement:
    return Announcement(
        discovery_topic(prefix, TREE), TREE, "1.2", components(TREE, cameras, ["0-17", "18+"])
    )


@dataclass
class Register:
    """Agents of one register, one after the other."""

    record: Path
    sent: list[Parcel] = field(default_factory=list)

    def agent(self, wanted: Announcement | None, *, delivered: bool = True) -> list[Parcel]:
        """Return what an agent with these settings sends at its start."""
        sent: list[Parcel] = []
        discovery = Discovery(wanted, self.record, sent.append)
        discovery.begin()
        if delivered:
            discovery.delivered()
        return sent


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return Register(tmp_path / "home-assistant.json")


def test_switched_off_it_says_and_writes_nothing(register: Register) -> None:
    assert register.agent(None) == []
    assert not register.record.exists()


def test_switched_on_it_announces_once_retained(register: Register) -> None:
    (parcel,) = register.agent(announcement("till"))

    assert (parcel.topic, parcel.qos, parcel.retain) == (TOPIC, 1, True)
    assert json.loads(parcel.payload)["device"]["identifiers"] == ["checkout-demo-store-till-1"]


def test_switched_off_again_it_takes_the_announcement_back_once(register: Register) -> None:
    register.agent(announcement("till"))

    (parcel,) = register.agent(None)

    assert (parcel.topic, parcel.payload, parcel.retain) == (TOPIC, b"", True)
    assert register.agent(None) == []


def test_what_the_broker_did_not_get_is_taken_back_by_the_next_agent(register: Register) -> None:
    register.agent(announcement("till"), delivered=False)
    register.agent(None, delivered=False)

    assert [parcel.payload for parcel in register.agent(None)] == [b""]


def test_another_prefix_takes_the_old_announcement_back(register: Register) -> None:
    register.agent(announcement("till"))

    old, new = register.agent(announcement("till", prefix="ha"))

    assert (old.topic, old.payload) == (TOPIC, b"")
    assert new.topic == TOPIC.replace("homeassistant", "ha")


def test_a_camera_that_is_no_more_is_taken_away_until_that_was_delivered(
    register: Register,
) -> None:
    register.agent(announcement("till", "side"))

    (first,) = register.agent(announcement("till"), delivered=False)
    (again,) = register.agent(announcement("till"))
    (later,) = register.agent(announcement("till"))

    assert json.loads(first.payload)["components"]["camera_side"] == {"platform": "binary_sensor"}
    assert first.payload == again.payload
    assert "camera_side" not in json.loads(later.payload)["components"]


def test_a_record_that_cannot_be_read_or_written_stops_nobody(
    register: Register, caplog: pytest.LogCaptureFixture
) -> None:
    register.record.mkdir()

    assert len(register.agent(announcement("till"))) == 1

    assert "home_assistant_record_unreadable" in caplog.text
    assert "home_assistant_record_unsaved" in caplog.text


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    running = Mosquitto(tmp_path / "broker").start()
    yield running
    running.stop()


def through_the_outbox(broker: Mosquitto, folder: Path, wanted: Announcement | None) -> None:
    outbox = Outbox(OutboxSection(path=folder / "outbox.sqlite3"), SystemClock())
    publisher = MqttPublisher(MqttSection(port=broker.port), TREE, outbox)
    discovery = Discovery(wanted, folder / "home-assistant.json", publisher.send)
    discovery.begin()
    publisher.start()
    assert publisher.flush(10)
    discovery.delivered()
    assert publisher.stop(5)


@pytest.mark.mosquitto
def test_a_broker_keeps_the_announcement_and_forgets_it(broker: Mosquitto, tmp_path: Path) -> None:
    through_the_outbox(broker, tmp_path, announcement("till"))
    late = Consumer(broker.port, prefix="homeassistant")
    assert wait_until(lambda: late.of("/config"))
    assert late.messages[0].retain
    assert "components" in late.messages[0].json

    through_the_outbox(broker, tmp_path, None)
    assert wait_until(lambda: late.messages[-1].payload == b"")
    late.close()

    later = Consumer(broker.port, prefix="homeassistant")
    later.publish("homeassistant/last", b"x")
    assert wait_until(lambda: later.of("/last"))
    assert not later.of("/config")
    later.close()
