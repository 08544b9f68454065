"""Agent and display as their users start them: a due challenge outlives `kill -9` of either."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.brokers import Consumer, Mosquitto, free_port, wait_until
from tests.end_to_end.command_line import AGENT, REPOSITORY
from tests.end_to_end.test_run import BEER, TOPIC, message
from tests.streams.http_streams import serving, silent

pytestmark = pytest.mark.mosquitto
#: A loaded machine needs its time to load the networks.
START_S = 60.0


@contextlib.contextmanager
def started(command: str, config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of the agent; killed at the latest at the end of the `with`."""
    process = subprocess.Popen(
        [*AGENT, command, "--config", str(config)], cwd=REPOSITORY, env=os.environ
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def shown(port: int) -> dict[str, Any]:
    """Return the screen that a browser is told of first."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/screens", timeout=5) as stream:
            line = next(each for each in stream if each.startswith(b"data: "))
    except urllib.error.URLError:
        return {}
    return dict(json.loads(line.removeprefix(b"data: ")))


def asks(port: int) -> bool:
    return shown(port).get("kind") == "ask"


@pytest.mark.slow
def test_a_due_challenge_is_shown_again_after_display_and_agent_were_killed(
    tmp_path: Path,
) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    port = free_port()
    with contextlib.ExitStack() as stack:
        camera = stack.enter_context(serving(silent))
        config = tmp_path / "config.yaml"
        settings = {
            "cameras": [{"id": "till", "source": f"http://127.0.0.1:{camera.port}/"}],
            "mqtt": {"port": broker.port},
            "outbox": {"path": str(tmp_path / "outbox.sqlite3")},
            "display": {"port": port},
        }
        config.write_text(yaml.safe_dump(settings))
        agent = stack.enter_context(started("run", config))
        display = stack.enter_context(started("display", config))
        reason = "No picture from the camera"
        assert wait_until(lambda: shown(port).get("reason", "").startswith(reason[:10]), START_S)
        consumer = Consumer(broker.port)
        stack.callback(consumer.close)
        consumer.publish(f"{TOPIC}/pos/sale", message("s1", "opened", 1))
        consumer.publish(f"{TOPIC}/pos/sale", message("s1", "item_scanned", 2, BEER))
        assert wait_until(lambda: asks(port), START_S)
        event_id = shown(port)["event_id"]

        display.kill()
        display.wait()
        stack.enter_context(started("display", config))
        assert wait_until(lambda: asks(port), START_S)
        assert shown(port)["event_id"] == event_id

        agent.kill()
        assert wait_until(lambda: shown(port).get("kind") == "fault", START_S)
        stack.enter_context(started("run", config))
        assert wait_until(lambda: asks(port), START_S)
        assert shown(port)["event_id"] == event_id

        consumer.publish(f"{TOPIC}/pos/sale", message("s1", "closed", 3))
        assert wait_until(lambda: not asks(port), START_S)
    broker.stop()


def test_a_display_that_others_could_reach_without_a_token_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("display: {host: 0.0.0.0}\n")
    with started("display", config) as process:
        assert process.wait(START_S) == 78


def test_a_display_ends_cleanly_while_a_browser_watches(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    port = free_port()
    config.write_text(yaml.safe_dump({"display": {"port": port}, "mqtt": {"port": free_port()}}))
    with started("display", config) as process:
        assert wait_until(lambda: shown(port).get("kind") == "fault", START_S)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/screens", timeout=5) as stream:
            assert stream.readline()
            process.terminate()
            assert process.wait(10) == 0
