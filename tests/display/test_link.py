"""The display's own connection, against a real Mosquitto."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from agent.config.messaging import MqttSection, TlsSection
from agent.display.link import Heard, Listener, MqttLink
from agent.errors import BrokerError
from agent.publish.sales import HelloPayload
from agent.publish.topics import TopicKey
from tests.brokers import HOST, Certificates, Consumer, Mosquitto, wait_until
from tests.display.displays import BASE, TREE, AgentStandIn, display, fetch

pytestmark = pytest.mark.mosquitto
LONG_S = 20.0


class Ear:
    """Keeps all it is told."""

    def __init__(self) -> None:
        self.connects = 0
        self.reasons: list[str] = []
        self.heard: list[Heard] = []
        self.listener = Listener(self._connected, self.reasons.append, self.heard.append)

    def _connected(self) -> None:
        self.connects += 1


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    running = Mosquitto(tmp_path / "broker").start()
    yield running
    running.stop()


def section(broker: Mosquitto, **more: object) -> MqttSection:
    settings = {"port": broker.port, "backoff_initial_s": 0.1, "backoff_max_s": 0.3, **more}
    return MqttSection.model_validate(settings)


def link(settings: MqttSection, ear: Ear, password: str | None = None) -> MqttLink:
    login = (settings.username, password)
    return MqttLink(settings, TREE, lambda: login, ear.listener)


@contextmanager
def started(settings: MqttSection, ear: Ear, password: str | None = None) -> Iterator[MqttLink]:
    """Keep a link as long as the block runs, and not a moment longer when a test fails."""
    running = link(settings, ear, password)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_it_hears_greets_and_comes_back_after_the_broker_was_killed(
    broker: Mosquitto, protocol: str
) -> None:
    ear = Ear()
    consumer = Consumer(broker.port)
    with started(section(broker, protocol=protocol), ear):
        assert wait_until(lambda: len(consumer.of("display/hello")) == 1, LONG_S)
        consumer.publish(f"{BASE}/camera/till/status", b"x")
        assert wait_until(lambda: ear.heard, LONG_S)
        assert (ear.heard[0].key, ear.heard[0].payload) == (TopicKey.CAMERA_STATUS, b"x")

        broker.kill()
        assert wait_until(lambda: ear.reasons, LONG_S)
        broker.start()
        assert wait_until(lambda: ear.connects == 2, LONG_S)
    consumer.close()


def test_nothing_that_was_said_meanwhile_is_delivered_late(broker: Mosquitto) -> None:
    ear = Ear()
    with started(section(broker), ear):
        assert wait_until(lambda: ear.connects, LONG_S)
    consumer = Consumer(broker.port)
    consumer.publish(f"{BASE}/alert", b"old")
    with started(section(broker), ear):
        # It greets when the broker has confirmed what it listens to, not when it is connected.
        assert wait_until(lambda: consumer.of("display/hello"), LONG_S)
        consumer.publish(f"{BASE}/alert", b"new")
        assert wait_until(lambda: ear.heard, LONG_S)
    consumer.close()
    assert [each.payload for each in ear.heard] == [b"new"]


def test_it_does_not_throw_the_agent_or_another_display_out(broker: Mosquitto) -> None:
    agent = AgentStandIn(broker.port)
    ears = [Ear(), Ear()]
    with ExitStack() as links:
        for ear in ears:
            links.enter_context(started(section(broker), ear))
        assert wait_until(lambda: all(len(ear.heard) > 4 for ear in ears), LONG_S)
    agent.close()
    assert [ear.connects for ear in ears] == [1, 1]
    assert [ear.reasons for ear in ears] == [[], []]


def test_a_wrong_password_is_said_in_words_and_a_right_one_lets_in(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path / "certs")
    certificates.make_ca()
    certificates.sign("server")
    broker = Mosquitto(tmp_path / "tls", passwords={"display": "right"}, tls=certificates).start()
    tls = TlsSection(ca_file=certificates.ca).model_dump()
    for password, connects in (("wrong", 0), ("right", 1)):
        ear = Ear()
        with started(section(broker, username="display", tls=tls), ear, password):
            assert wait_until(lambda ear=ear: ear.connects or ear.reasons, LONG_S)  # type: ignore[misc]  # bound at once
        assert ear.connects == connects
        assert not ear.reasons or "refuses us" in ear.reasons[0]
    broker.stop()


def test_a_tap_without_a_broker_is_refused_at_once(broker: Mosquitto) -> None:
    running = link(section(broker), Ear())
    hello = HelloPayload.model_validate_json(
        '{"schema_version": 1, "message_id": "1", "occurred_at": "2026-01-01T12:00:00Z"}'
    )
    with pytest.raises(BrokerError, match="not connected"):
        running.publish(TopicKey.CONFIRM, hello, 5.0)


def test_a_tap_that_a_frozen_broker_does_not_take_is_refused_in_time(broker: Mosquitto) -> None:
    ear = Ear()
    hello = HelloPayload.model_validate_json(
        '{"schema_version": 1, "message_id": "1", "occurred_at": "2026-01-01T12:00:00Z"}'
    )
    with started(section(broker), ear) as running:
        assert wait_until(lambda: ear.connects, LONG_S)
        broker.freeze()
        with pytest.raises(BrokerError, match="no receipt"):
            running.publish(TopicKey.CONFIRM, hello, 0.3)
        broker.thaw()


# The stream of screens


def test_a_slow_browser_holds_nobody_up_and_misses_only_what_is_over(broker: Mosquitto) -> None:
    agent = AgentStandIn(broker.port)
    with display(broker.port) as shown, socket.create_connection((HOST, shown.port)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"GET /screens HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert wait_until(lambda: shown.service.screen().kind == "idle", LONG_S)
        for number in range(300):
            agent.ask(f"s{number}")
            agent.till(f"s{number}", "closed")
        agent.standing.clear()
        agent.ask("last")
        assert wait_until(lambda: "last" in str(shown.service.screen().alert), LONG_S)
        began_s = time.monotonic()
        assert b"<html" in fetch(shown.url)
        assert time.monotonic() - began_s < 2.0
    agent.close()


def test_too_many_browsers_are_sent_away_and_places_come_free_again(broker: Mosquitto) -> None:
    with display(broker.port) as shown:
        open_streams = [socket.create_connection((HOST, shown.port)) for _ in range(17)]
        answers = []
        for each in open_streams:
            each.settimeout(LONG_S)
            each.sendall(b"GET /screens HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            answers.append(each.recv(12))
        assert answers[:16] == [b"HTTP/1.1 200"] * 16
        assert answers[16] == b"HTTP/1.1 503"
        for each in open_streams:
            each.close()

        def let_in() -> bool:
            with socket.create_connection((HOST, shown.port)) as again:
                again.settimeout(LONG_S)
                again.sendall(b"GET /screens HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                return again.recv(12) == b"HTTP/1.1 200"

        assert wait_until(let_in, LONG_S)
