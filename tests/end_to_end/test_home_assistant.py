"""The daemon announces its register to Home Assistant when told to, and takes it back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Consumer, Mosquitto, wait_until
from tests.publish.home_assistant_rules import check_discovery
from tests.running_agent import READY_S, RunningAgent
from tests.streams.http_streams import serving, silent

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    running = Mosquitto(tmp_path / "broker").start()
    yield running
    running.stop()


@pytest.fixture
def settings(broker: Mosquitto, tmp_path: Path) -> Iterator[dict[str, Any]]:
    with serving(silent) as camera:
        yield {
            "cameras": [{"id": "till", "source": f"http://127.0.0.1:{camera.port}/"}],
            "mqtt": {"port": broker.port},
            "outbox": {"path": str(tmp_path / "outbox.sqlite3")},
        }


def test_a_daemon_announces_itself_and_the_next_one_takes_it_back(
    broker: Mosquitto, settings: dict[str, Any], tmp_path: Path
) -> None:
    consumer = Consumer(broker.port, prefix="homeassistant")
    enabled = settings | {"mqtt": settings["mqtt"] | {"home_assistant": {"enabled": True}}}
    agent = RunningAgent(tmp_path / "agent", enabled).start()
    assert wait_until(lambda: consumer.of("/config"), READY_S)
    check_discovery(consumer.of("/config")[0].json)
    assert agent.stop() == 0

    agent = RunningAgent(tmp_path / "agent", settings).start()
    assert wait_until(lambda: consumer.of("/config")[-1].payload == b"", READY_S)
    assert wait_until(lambda: not (tmp_path / "home-assistant.json").exists())
    assert agent.stop() == 0
    consumer.close()
