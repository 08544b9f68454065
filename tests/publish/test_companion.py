"""The client beside the agent, against a real Mosquitto."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from agent.config.messaging import MqttSection
from agent.errors import BrokerError, OutboxError
from agent.publish.companion import Companion, Subscriptions
from tests.brokers import Consumer, Mosquitto, free_port, wait_until

pytestmark = pytest.mark.mosquitto
TOPIC = "checkout/v1/north/till-1/event/sale-audit"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


@pytest.fixture
def sender(broker: Mosquitto) -> Iterator[Consumer]:
    sender = Consumer(broker.port)
    yield sender
    sender.close()


class Heard:
    """A handler that keeps what it is given, or cannot."""

    def __init__(self, works: bool = True) -> None:
        self.contents: list[bytes] = []
        self._works = works

    def __call__(self, topic: str, content: bytes) -> None:
        if not self._works:
            raise OutboxError("the disk is full")
        self.contents.append(content)


def companion(broker: Mosquitto, heard: Heard, protocol: Literal["5", "3.1.1"] = "5") -> Companion:
    section = MqttSection(port=broker.port, protocol=protocol)
    subscriptions = Subscriptions(["checkout/v1/north/+/event/sale-audit"], heard, durable=True)
    return Companion(section, "collector", None, subscriptions)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_came_while_it_was_away_is_heard_later(
    protocol: Literal["5", "3.1.1"], broker: Mosquitto, sender: Consumer
) -> None:
    first = companion(broker, Heard(), protocol)
    first.start()
    first.stop()
    sender.publish(TOPIC, b"meanwhile")
    heard = Heard()
    second = companion(broker, heard, protocol)
    second.start()
    assert wait_until(lambda: heard.contents == [b"meanwhile"])
    second.stop()


def test_what_could_not_be_kept_is_said_and_comes_again(
    broker: Mosquitto, sender: Consumer
) -> None:
    full = companion(broker, Heard(works=False))
    full.start()
    sender.publish(TOPIC, b"important")
    with pytest.raises(OutboxError, match="disk is full"):
        full.wait(10)
    full.stop()
    heard = Heard()
    mended = companion(broker, heard)
    mended.start()
    assert wait_until(lambda: heard.contents == [b"important"])
    mended.stop()


def test_it_connects_again_after_the_broker_was_restarted(
    broker: Mosquitto, sender: Consumer
) -> None:
    heard = Heard()
    listener = companion(broker, heard)
    listener.start()
    broker.stop()
    broker.start()

    def is_heard() -> bool:
        with contextlib.suppress(RuntimeError):  # the sender itself is not back yet
            sender.publish(TOPIC, b"again")
        return bool(heard.contents)

    assert wait_until(is_heard, 30)
    listener.stop()


def test_a_broker_that_is_not_there_is_an_error_in_words() -> None:
    with pytest.raises(BrokerError, match="start it"):
        Companion(MqttSection(port=free_port()), "till", None).start()


def test_a_refused_login_is_an_error_in_words(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "closed", passwords={"till": "right"}).start()
    section = MqttSection(port=broker.port, username="till")
    with pytest.raises(BrokerError, match="refuses us"):
        Companion(section, "till", "wrong").start()
    broker.stop()


def test_what_the_broker_does_not_take_is_an_error(broker: Mosquitto) -> None:
    section = MqttSection(port=broker.port, connect_timeout_s=0.5)
    till = Companion(section, "till", None)
    till.start()
    till.publish("checkout/x", b"fine")
    broker.stop()
    with pytest.raises(BrokerError):
        till.publish("checkout/x", b"lost")
    till.stop()


def test_a_message_that_the_acl_forbids_is_an_error(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read #\n")
    acl.chmod(0o600)
    broker = Mosquitto(tmp_path / "strict", extra=f"acl_file {acl}").start()
    till = Companion(MqttSection(port=broker.port), "till", None)
    till.start()
    with pytest.raises(BrokerError, match="ACL"):
        till.publish("checkout/x", b"forbidden")
    till.stop()
    broker.stop()
