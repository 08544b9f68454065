"""The publisher against a real Mosquitto: nothing lost, nobody let in, faults in words."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from agent.clock import SystemClock
from agent.config.messaging import MqttSection, OutboxSection, TlsSection
from agent.ids import new_analytics_id, new_event_id
from agent.outcomes import AgeGroupSeen, Alert, SaleMessage
from agent.publish.events import StatePayload, rfc3339
from agent.publish.mqtt import MqttPublisher
from agent.publish.outbox import Outbox
from agent.publish.publisher import (
    OutboundMessage,
    camera_message,
    outcome_message,
    state_message,
)
from agent.publish.topics import TOPICS, TopicTree
from agent.records import CameraStatus
from tests.brokers import HOST, Certificates, Consumer, Mosquitto, free_port, wait_until

TREE = TopicTree("checkout", "store-1", "till-1")
BASE = "checkout/v1/store-1/till-1"
pytestmark = pytest.mark.mosquitto


def age_group(event_id: str = "") -> OutboundMessage:
    seen = AgeGroupSeen(
        event_id=event_id or new_analytics_id(),
        camera_id="till",
        group="25-34",
        group_probabilities=(("18-24", 0.25), ("25-34", 0.75)),
        dwell_s=4.5,
        crops=7,
        occurred_wall_s=time.time(),
    )
    return outcome_message(seen)


def alert(expires_s: float = 60.0) -> OutboundMessage:
    now_s = time.time()
    return outcome_message(
        Alert(
            event_id=new_event_id(),
            sale_id="sale-1",
            advice="challenge",
            reason="looks_under_challenge_age",
            category="alcohol",
            challenge_age_years=25,
            people=1,
            occurred_wall_s=now_s,
            expires_wall_s=now_s + expires_s,
        )
    )


def state(version: str = "1") -> OutboundMessage:
    return state_message(
        StatePayload(
            event_id=new_event_id(),
            occurred_at=rfc3339(time.time()),
            agent_version=version,
            model=None,
            config_digest="0",
        )
    )


def sale(message_id: str = "m1", **changes: object) -> bytes:
    message = {
        "schema_version": 1,
        "message_id": message_id,
        "sale_id": "s1",
        "type": "opened",
        "occurred_at": "2026-11-24T10:00:00Z",
    }
    return json.dumps({**message, **changes}).encode()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


@contextmanager
def publishing(
    section: MqttSection, folder: Path, password: str | None = None
) -> Iterator[MqttPublisher]:
    outbox = Outbox(OutboxSection(path=folder / "outbox.sqlite3"), SystemClock())
    publisher = MqttPublisher(section, TREE, outbox, password, random_ratio=lambda: 0.0)
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop(5)
        outbox.close()


@contextmanager
def consuming(
    broker: Mosquitto, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5
) -> Iterator[Consumer]:
    consumer = Consumer(broker.port, protocol=protocol)
    try:
        yield consumer
    finally:
        consumer.close()


def section_for(port: int, **changes: object) -> MqttSection:
    quick = {"backoff_initial_s": 0.1, "backoff_max_s": 0.2, "port": port}
    return MqttSection.model_validate({**quick, **changes})


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_every_kind_arrives_as_the_table_says(
    mosquitto: Mosquitto, tmp_path: Path, protocol: str
) -> None:
    camera = CameraStatus("till", "online", time.time())
    with consuming(mosquitto) as consumer:
        with publishing(section_for(mosquitto.port, protocol=protocol), tmp_path) as publisher:
            publisher.publish(
                age_group(), alert(), state(), camera_message(camera, new_event_id(), time.time())
            )
            assert publisher.flush(5)
            assert publisher.status.connected
            assert wait_until(lambda: len(consumer.messages) == 5)
        assert wait_until(lambda: len(consumer.of("availability")) == 2)
    # Live, a broker passes the retain flag on as 0; what it keeps is asked for below.
    topics = [message.topic.removeprefix(f"{BASE}/") for message in consumer.messages]
    assert topics[:2] == ["availability", "alert"]
    assert sorted(topics[2:]) == [
        "availability", "camera/till/status", "event/age-group", "state",
    ]  # fmt: skip
    assert {message.qos for message in consumer.messages} == {1}
    assert [each.payload for each in consumer.of("availability")] == [b"online", b"offline"]
    expiry_s = consumer.of("/alert")[0].expiry_s
    assert expiry_s is None if protocol == "3.1.1" else 55 <= (expiry_s or 0) <= 60
    with consuming(mosquitto) as late:
        time.sleep(0.3)
        kept = {each.topic.removeprefix(f"{BASE}/") for each in late.messages if each.retain}
    assert kept == {"availability", "camera/till/status", "state"}


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_the_last_will_says_offline_when_the_agent_is_cut_off(
    mosquitto: Mosquitto, tmp_path: Path, protocol: str
) -> None:
    with consuming(mosquitto) as consumer:
        with publishing(section_for(mosquitto.port, protocol=protocol), tmp_path):
            assert wait_until(lambda: consumer.of("availability"))
            # A second client of the same name: the broker cuts the first one off.
            with socket.create_connection((HOST, mosquitto.port)) as rival:
                name = TREE.client_id.encode()
                body = b"\0\4MQTT\4\2\0\5" + len(name).to_bytes(2, "big") + name
                rival.sendall(bytes([0x10, len(body)]) + body)
                assert rival.recv(4)[:1] == b"\x20"
                assert wait_until(lambda: len(consumer.of("availability")) == 3)
        words = [each.payload for each in consumer.of("availability")]
    assert words[:3] == [b"online", b"offline", b"online"]


def test_nothing_is_lost_when_the_broker_is_killed_again_and_again(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with (
        consuming(mosquitto, MQTTProtocolVersion.MQTTv311) as consumer,
        publishing(section_for(mosquitto.port), tmp_path) as publisher,
    ):
        mosquitto.save()  # the consumer's session; what comes now it has only in memory
        sent = []
        for _ in range(3):
            for _ in range(40):
                message = age_group()
                publisher.publish(message)
                sent.append(message.payload.event_id)
                time.sleep(0.002)
            mosquitto.kill()
            publisher.publish(message := age_group())
            sent.append(message.payload.event_id)
            mosquitto.start()
        assert publisher.flush(15)
        assert wait_until(lambda: set(consumer.event_ids("age-group")) >= set(sent))
        assert set(consumer.event_ids("age-group")) == set(sent)
        assert publisher.status.connects >= 3
        assert publisher.status.dropped == {}


def test_what_a_killed_broker_had_acknowledged_is_sent_again_with_the_same_ids(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with publishing(section_for(mosquitto.port), tmp_path) as publisher:
        messages = [age_group() for _ in range(5)]
        publisher.publish(*messages)
        assert publisher.flush(5)
        mosquitto.kill()
        mosquitto.start()
        with consuming(mosquitto, MQTTProtocolVersion.MQTTv311) as consumer:
            # Cut off once more, so that a consumer is there when the resend comes.
            mosquitto.save()
            mosquitto.kill()
            mosquitto.start()
            sent = {message.payload.event_id for message in messages}
            assert wait_until(lambda: set(consumer.event_ids("age-group")) == sent, 15)


def test_a_restarted_agent_sends_what_the_killed_one_had_committed(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    section = OutboxSection(path=tmp_path / "outbox.sqlite3")
    killed = Outbox(section, SystemClock())
    message = age_group()
    # Committed, not sent: the agent dies before it connects.
    never_started = MqttPublisher(section_for(mosquitto.port), TREE, killed)
    never_started.publish(message)
    never_started.stop(1)
    with consuming(mosquitto) as consumer, publishing(section_for(mosquitto.port), tmp_path):
        assert wait_until(lambda: consumer.event_ids("age-group") == [message.payload.event_id])
    killed.close()


def test_a_message_without_puback_is_sent_again(tmp_path: Path) -> None:
    """A broker that takes the message and dies before PUBACK, twice; then one that answers."""
    mosquitto = Mosquitto(tmp_path / "broker")
    swallowed: list[bytes] = []
    with publishing(section_for(mosquitto.port, protocol="3.1.1"), tmp_path) as publisher:
        message = age_group()
        publisher.publish(message)
        for _ in range(2):
            swallowed.append(swallow_one_connection(mosquitto.port, message.payload.event_id))
        assert publisher.status.waiting == 1
        mosquitto.start()
        try:
            assert publisher.flush(5)
        finally:
            mosquitto.stop()
    identity = message.payload.event_id.encode()
    assert all(identity in content for content in swallowed)
    assert "Received PUBLISH from checkout-store-1-till-1" in mosquitto.log


def swallow_one_connection(port: int, until: str) -> bytes:
    """Accept one client, take what it sends until `until` is in it, and cut it off."""
    with socket.create_server((HOST, port)) as server:
        server.settimeout(10)
        client, _ = server.accept()
        with client:
            client.settimeout(10)
            content = client.recv(4096)
            client.sendall(b"\x20\x02\x00\x00")  # CONNACK, accepted
            while until.encode() not in content:
                content += client.recv(65536)
    return content


def test_alerts_go_first_and_the_backlog_keeps_its_rate(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    section = section_for(mosquitto.port, backlog_rate_hz=50)
    with consuming(mosquitto) as consumer, publishing(section, tmp_path) as publisher:
        assert wait_until(lambda: publisher.status.connected)
        began_s = time.monotonic()
        publisher.publish(*[age_group() for _ in range(60)])
        publisher.publish(urgent := alert())
        assert wait_until(lambda: urgent.payload.event_id in consumer.event_ids("alert"))
        assert len(consumer.of("age-group")) < 30
        assert publisher.flush(10)
        assert time.monotonic() - began_s > 0.9


def test_after_an_outage_the_alert_overtakes_what_waited_longer(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with consuming(mosquitto, MQTTProtocolVersion.MQTTv311) as consumer:
        mosquitto.stop()
        with publishing(section_for(mosquitto.port), tmp_path) as publisher:
            publisher.publish(*[age_group() for _ in range(30)])
            publisher.publish(alert())
            mosquitto.start()
            assert publisher.flush(10)
            assert wait_until(lambda: len(consumer.of("age-group")) == 30)
    events = [each.topic for each in consumer.messages if "availability" not in each.topic]
    assert events[0] == f"{BASE}/alert"


def test_an_alert_that_expired_in_the_outage_is_not_delivered(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    mosquitto.stop()
    with publishing(section_for(mosquitto.port), tmp_path) as publisher:
        publisher.publish(alert(expires_s=0.05), age_group())
        time.sleep(0.1)
        mosquitto.start()
        with consuming(mosquitto) as consumer:
            assert wait_until(lambda: publisher.status.waiting == 0)
        assert consumer.of("/alert") == []
        assert publisher.status.dropped == {"expired": 1}


@pytest.mark.parametrize("maximum", [1, 3])
def test_the_brokers_receive_maximum_bounds_what_is_on_its_way(
    tmp_path: Path, maximum: int
) -> None:
    accepted = b"\x20\x06\x00\x00\x03\x21\x00" + bytes([maximum])
    with (
        socket.create_server((HOST, 0)) as server,
        publishing(section_for(server.getsockname()[1], max_inflight=100), tmp_path) as publisher,
    ):
        publisher.publish(*[age_group() for _ in range(20)], *[alert() for _ in range(5)])
        server.settimeout(10)
        client, _ = server.accept()
        with client:
            client.settimeout(0.5)
            client.recv(4096)
            client.sendall(accepted)
            sent = b""
            with contextlib.suppress(TimeoutError):
                while True:  # until it waits for a PUBACK, which never comes
                    sent += client.recv(65536)
    inbound = (topic.path.encode() for topic in TOPICS.values() if topic.direction == "in")
    subscriptions = sum(sent.count(path) for path in inbound)
    assert sent.count(f"{BASE}/".encode()) - subscriptions == maximum


def test_a_frozen_broker_loses_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with (
        consuming(mosquitto) as consumer,
        publishing(section_for(mosquitto.port), tmp_path) as publisher,
    ):
        assert wait_until(lambda: publisher.status.connected)
        mosquitto.freeze()
        message = age_group()
        publisher.publish(message)
        assert not publisher.flush(0.3)
        mosquitto.thaw()
        assert publisher.flush(5)
        assert wait_until(lambda: consumer.event_ids("age-group") == [message.payload.event_id])


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_wrong_password_is_said_in_words_without_it_and_a_corrected_one_is_taken(
    tmp_path: Path, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Mosquitto(tmp_path / "broker", passwords={"agent": "right"}).start()
    outbox = Outbox(OutboxSection(path=tmp_path / "outbox.sqlite3"), SystemClock())
    password = ["wr0ng-s3cret"]
    section = section_for(broker.port, protocol=protocol, username="agent")
    publisher = MqttPublisher(section, TREE, outbox, lambda: password[0])
    publisher.start()
    try:
        publisher.publish(age_group())
        assert wait_until(lambda: "refuses us" in publisher.status.reason)
        assert not publisher.status.connected
        assert "wr0ng-s3cret" not in publisher.status.reason + caplog.text
        password[0] = "right"
        assert publisher.flush(5)
    finally:
        publisher.stop(5)
        outbox.close()
        broker.stop()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    made = Certificates(tmp_path_factory.mktemp("pki"))
    made.make_ca()
    made.sign("agent", "agent.example")
    return made


def test_tls_with_a_ca_a_checked_name_and_our_own_certificate(
    tmp_path: Path, certificates: Certificates
) -> None:
    certificates.sign("server")
    broker = Mosquitto(tmp_path / "broker", tls=certificates, client_certificates=True).start()
    tls = TlsSection(
        ca_file=certificates.ca,
        certificate_file=certificates.certificate("agent"),
        key_file=certificates.key("agent"),
    )
    try:
        with publishing(section_for(broker.port, tls=tls), tmp_path) as publisher:
            publisher.publish(*[age_group() for _ in range(30)])
            assert publisher.flush(5), publisher.status
    finally:
        broker.stop()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("name", "IP address mismatch"),
        ("expired", "certificate has expired"),
        ("ca", "certificate"),
        ("missing", "No such file"),
        ("garbage", "no usable PEM"),
    ],
)
def test_a_broker_that_cannot_be_trusted_is_refused_in_words_until_it_is_mended(
    tmp_path: Path, certificates: Certificates, fault: str, words: str
) -> None:
    certificates.sign(
        "server", "other.example" if fault == "name" else HOST, expired=fault == "expired"
    )
    trusted = tmp_path / "trusted.pem"
    if fault == "ca":
        other = Certificates(tmp_path / "other")
        other.make_ca()
        trusted.write_bytes(other.ca.read_bytes())
    elif fault == "garbage":
        trusted.write_text("no certificate")
    elif fault != "missing":
        trusted.write_bytes(certificates.ca.read_bytes())
    broker = Mosquitto(tmp_path / "broker", tls=certificates).start()
    section = section_for(broker.port, tls=TlsSection(ca_file=trusted))
    try:
        with publishing(section, tmp_path) as publisher:
            publisher.publish(age_group())
            assert wait_until(lambda: words in publisher.status.reason), publisher.status
            assert not publisher.status.connected
            # Mended on disk, without a restart of the agent.
            trusted.write_bytes(certificates.ca.read_bytes())
            if fault in {"name", "expired"}:
                broker.stop()
                certificates.sign("server")
                broker.start()
            assert publisher.flush(5), publisher.status
    finally:
        broker.stop()


def test_till_and_display_are_heard_and_bad_messages_are_only_counted(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    confirm = {
        "schema_version": 1,
        "message_id": "d1",
        "sale_id": "s1",
        "action": "id_checked",
        "occurred_at": "2026-11-24T10:00:01+01:00",
    }
    with (
        consuming(mosquitto) as till,
        publishing(section_for(mosquitto.port), tmp_path) as publisher,
    ):
        assert wait_until(lambda: till.of("availability"))
        till.publish(f"{BASE}/pos/sale", sale())
        till.publish(f"{BASE}/pos/sale", b"\xff" * 100)
        till.publish(f"{BASE}/pos/sale", sale(extra=1))
        till.publish(f"{BASE}/pos/sale", sale(sale_id="x" * 5000))
        till.publish(f"{BASE}/display/confirm", json.dumps(confirm).encode())
        till.publish(f"{BASE}/pos/sale", sale("m2"), retain=True)
        heard: list[SaleMessage] = []

        def hear() -> int:
            heard.extend(publisher.inbound())
            return len(heard)

        assert wait_until(lambda: hear() == 3)
        assert [message.message_id for message in heard] == ["m1", "d1", "m2"]
        assert heard[1].source == "display"
        assert heard[1].step == "id_checked"
        assert publisher.status.inbound == {"received": 3, "schema": 3}
    # A retained step of a sale is old news for an agent that comes later.
    with publishing(section_for(mosquitto.port), tmp_path / "second") as second:
        assert wait_until(lambda: second.status.inbound.get("retained") == 1)
        assert second.inbound() == []


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_the_till_says_in_an_outage_of_the_agent_is_heard_after_it(
    mosquitto: Mosquitto, tmp_path: Path, protocol: str
) -> None:
    section = section_for(mosquitto.port, protocol=protocol)
    with publishing(section, tmp_path) as first:
        assert wait_until(lambda: first.status.connected)
        time.sleep(0.2)
    with consuming(mosquitto) as till:
        till.publish(f"{BASE}/pos/sale", sale("meanwhile"))
    with publishing(section, tmp_path) as second:
        heard: list[SaleMessage] = []

        def hear() -> list[SaleMessage]:
            heard.extend(second.inbound())
            return heard

        assert wait_until(hear)
        assert heard[0].message_id == "meanwhile"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x20\x03\x00\x00\x05",
        b"\x20\xff\xff\xff\xff\xff",
        b"\x20\x09\x00\x00\x06\x21\x00\x00\x22\x00\x00" + b"\x40\x01\x00" * 50,
        bytes(range(256)) * 8,
    ],
)
def test_a_hostile_broker_only_costs_the_connection(tmp_path: Path, answer: bytes) -> None:
    served = threading.Event()
    with (
        socket.create_server((HOST, 0)) as server,
        publishing(
            section_for(server.getsockname()[1], connect_timeout_s=0.5), tmp_path
        ) as publisher,
    ):
        for _ in range(2):
            server.settimeout(10)
            client, _ = server.accept()
            with client:
                client.settimeout(5)
                client.recv(4096)
                client.sendall(answer)
        served.set()
        publisher.publish(age_group())
        assert publisher.status.waiting == 1
        assert publisher._thread.is_alive()
    assert not publisher._thread.is_alive()


def test_stopping_is_quick_without_a_broker_and_twice_is_harmless(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with publishing(section_for(free_port()), tmp_path) as publisher:
        assert wait_until(lambda: "refused" in publisher.status.reason.lower())
        began_s = time.monotonic()
        assert publisher.stop(5)
        assert time.monotonic() - began_s < 1.0
        assert publisher.stop(5)
    assert "outbox_failed" not in caplog.text


def test_the_age_of_the_oldest_waiting_message_is_told(tmp_path: Path) -> None:
    with publishing(section_for(free_port()), tmp_path) as publisher:
        assert publisher.oldest_age_s() == 0.0
        publisher.publish(age_group())
        assert wait_until(lambda: publisher.oldest_age_s() > 0.02)


def test_the_thread_makes_progress_without_a_broker(tmp_path: Path) -> None:
    with publishing(section_for(free_port()), tmp_path) as publisher:
        first_s = publisher.progress_at_s
        assert wait_until(lambda: publisher.progress_at_s > first_s)
