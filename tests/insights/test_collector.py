"""The collector as a process, against a real Mosquitto: kills, restarts, duplicates."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from agent.insights.collector import read_basket
from agent.insights.journal import BasketRow
from tests.brokers import HOST, Mosquitto, wait_until
from tests.insights.baskets import TOPIC, basket, collected, event_id

pytestmark = pytest.mark.mosquitto
START_S = 40.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    started = Mosquitto(tmp_path / "broker").start()
    yield started
    started.stop()


class Sender:
    """An agent's half: publishes at QoS 1 and waits for the broker to have it."""

    def __init__(self, port: int) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.connect(HOST, port)
        self._client.loop_start()

    def send(self, *contents: bytes, topic: str = TOPIC) -> None:
        sent = [self._client.publish(topic, content, qos=1) for content in contents]
        for info in sent:
            info.wait_for_publish(20)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def sender(broker: Mosquitto) -> Iterator[Sender]:
    made = Sender(broker.port)
    yield made
    made.close()


@contextmanager
def collecting(
    broker: Mosquitto, folder: Path, protocol: str = "5", merge_every_s: float = 600.0
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a collector until the block ends, from its subscription on."""
    config = folder.parent / "collector.yaml"
    config.write_text(
        f'mqtt: {{port: {broker.port}, protocol: "{protocol}", backoff_initial_s: 0.1,'
        " backoff_max_s: 0.5}\n"
    )
    subscriptions = broker.log.count("checkout-insights 1 checkout/")
    process = subprocess.Popen(
        [sys.executable, "-m", "agent.cli", "insights", "collect", "--config", str(config),
         "--out", str(folder), "--merge-every-s", str(merge_every_s)],
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    try:
        assert wait_until(
            lambda: broker.log.count("checkout-insights 1 checkout/") > subscriptions, START_S
        )
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        assert process.wait(START_S) in (0, -signal.SIGKILL)


def journal_lines(folder: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in (folder / "journal").glob("*.ndjson"))


def numbers(folder: Path) -> list[int]:
    known = {event_id(number): number for number in range(2000)}
    return sorted(known[found] for _, found in collected(folder))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_every_basket_is_there_once_in_the_file_of_its_hour(
    broker: Mosquitto, sender: Sender, tmp_path: Path, protocol: str
) -> None:
    out = tmp_path / "out"
    with collecting(broker, out, protocol):
        sender.send(*(basket(number) for number in range(300)))
        sender.send(*(basket(number) for number in range(100)))  # an outbox that sent again
        sender.send(basket(300, "2026-11-24T11"), b"not a basket", basket(301))
        assert wait_until(lambda: journal_lines(out) >= 402)
    assert numbers(out) == list(range(302))
    assert dict(collected(out)[::-1]).keys() == {"2026-11-24T10", "2026-11-24T11"}
    assert journal_lines(out) == 0


def test_a_killed_collector_loses_and_doubles_nothing(
    broker: Mosquitto, sender: Sender, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for kill in range(3):
        with collecting(broker, out, merge_every_s=1.0) as process:
            sender.send(*(basket(number) for number in range(kill * 200, kill * 200 + 200)))
            os.kill(process.pid, signal.SIGKILL)
        sender.send(*(basket(number) for number in range(1000 + kill * 10, 1010 + kill * 10)))
    due = [*range(600), *range(1000, 1030)]
    with collecting(broker, out):
        assert wait_until(lambda: len(collected(out)) + journal_lines(out) >= len(due), 20)
    assert numbers(out) == due


def test_a_broker_that_restarts_is_found_again(
    broker: Mosquitto, sender: Sender, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with collecting(broker, out):
        sender.send(*(basket(number) for number in range(20)))
        assert wait_until(lambda: journal_lines(out) == 20)
        broker.stop()
        broker.start()
        late = Sender(broker.port)
        late.send(*(basket(number) for number in range(15, 40)))
        late.close()
        assert wait_until(lambda: journal_lines(out) >= 40, START_S)
    assert numbers(out) == list(range(40))


def test_what_is_no_basket_is_refused_with_its_reason() -> None:
    assert isinstance(read_basket(TOPIC, basket(1)), BasketRow)
    assert read_basket("checkout/v1/shop/../etc/event/basket", basket(1)) == "topic"
    assert read_basket("checkout/v1/Shop/till-1/event/basket", basket(1)) == "topic"
    assert read_basket(TOPIC, basket(1, occurred_at="2026-11-24T10:00:01.000Z")) == "not a basket"
    assert read_basket(TOPIC, basket(1, sale_id="s")) == "sale_id"
    assert read_basket(TOPIC, b"x" * 70_000) == "70000 bytes"
    assert read_basket(TOPIC, b"[]") == "not a basket"
    assert read_basket(TOPIC, basket(1, occurred_at="../../etc:00:00.000Z")) == "occurred_at"
    # A date that is none would be on disk, acknowledged, and end every merge from then on.
    assert read_basket(TOPIC, basket(1, occurred_at="2026-13-45T99:00:00.000Z")) == "occurred_at"
