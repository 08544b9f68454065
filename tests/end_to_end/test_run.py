"""The daemon, live: a real stream, a real broker, systemd's socket, SIGTERM."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import psutil
import pytest
import yaml

from agent.latencies import AgentStage, VisionStage
from tests.brokers import Consumer, Mosquitto, free_port, wait_until
from tests.end_to_end.command_line import AGENT, REPOSITORY
from tests.end_to_end.film import showing
from tests.streams.http_streams import serving, silent

pytestmark = pytest.mark.mosquitto
#: A loaded machine needs its time to load the networks.
START_S = 60.0
CAPTURE = "agent.capture.process"


def settings(
    folder: Path, broker_port: int, cameras: dict[str, int], http_port: int | None = None
) -> Path:
    """Write a settings file with cameras at these local ports."""
    path = folder / "config.yaml"
    sources = [
        {"id": name, "source": f"http://127.0.0.1:{port}/"} for name, port in cameras.items()
    ]
    path.write_text(
        yaml.safe_dump(
            {
                "cameras": sources,
                "mqtt": {"port": broker_port},
                "outbox": {"path": str(folder / "outbox.sqlite3")},
                "observe": {"http_port": http_port},
            }
        )
    )
    return path


@contextlib.contextmanager
def daemon(config: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the daemon; killed at the latest at the end of the `with`."""
    process = subprocess.Popen(
        [*AGENT, "run", "--config", str(config)],
        cwd=REPOSITORY,
        env=os.environ | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def message(sale_id: str, step: str, number: int, item: dict[str, object] | None = None) -> bytes:
    """Return a pos/sale message of now."""
    content = {
        "schema_version": 1,
        "message_id": f"{sale_id}-{number}",
        "sale_id": sale_id,
        "type": step,
        "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    return json.dumps(content | ({"item": item} if item else {})).encode()


BEER = {"product_id": "beer", "category": "alcohol", "restricted": True, "quantity": 1}
TOPIC = "checkout/v1/demo-store/till-1"


def test_the_daemon_sees_decides_and_speaks(carphone_clip: Path, tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    consumer = Consumer(broker.port)
    notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notifications.bind(str(tmp_path / "notify"))
    notifications.settimeout(START_S)
    with serving(showing(carphone_clip)) as camera, serving(silent) as dead:
        cameras, http_port = {"till": camera.port, "door": dead.port}, free_port()
        config = settings(tmp_path, broker.port, cameras, http_port)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        with daemon(config, **environment) as process:
            assert notifications.recv(100).startswith(b"READY=1")
            assert wait_until(lambda: camera_states(consumer, "till")[-1:] == ["online"], START_S)
            assert wait_until(lambda: watchdog_pings(notifications) >= 2)
            assert wait_until(lambda: metric(http_port, "checkout_vision_visits_total"), START_S)

            consumer.publish(f"{TOPIC}/pos/sale", message("s1", "opened", 1))
            consumer.publish(f"{TOPIC}/pos/sale", message("s1", "item_scanned", 2, BEER))
            consumer.publish(f"{TOPIC}/pos/sale", message("s1", "id_checked", 3))
            consumer.publish(f"{TOPIC}/pos/sale", message("s1", "closed", 4))

            assert wait_until(lambda: consumer.of("sale-audit"), START_S)
            children = [each.cmdline() for each in psutil.Process(process.pid).children()]
            assert sorted(each[2] for each in children) == [CAPTURE, CAPTURE, "agent.vision"]
            assert_every_stage_is_measured(http_port)
            asked_s = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            assert time.monotonic() - asked_s < 5.0
    assert wait_until(lambda: consumer.of("availability")[-1].payload == b"offline")
    notifications.close()
    consumer.close()
    broker.stop()
    states = [each.json for each in consumer.of("/state")]
    assert states[-1]["stopped"] == "stopped by SIGTERM"
    assert states[-1]["model"]["licence"] == "research use"
    assert not any(each["debug_view"] for each in states), "nobody asked for it"
    starting = ["the vision process is starting" in state["degraded"] for state in states]
    assert (starting[0], starting[-1]) == (True, False)
    assert consumer.of("sale-audit")[0].json["sale_id"] == "s1"
    assert consumer.of("age-group"), "the man before the camera was a visit"
    assert "online" not in camera_states(consumer, "door")
    assert camera_states(consumer, "till")[-1] == "offline"


def assert_every_stage_is_measured(http_port: int) -> None:
    """Every stage on the page has been passed, every loop goes round, one connect is one."""
    for stage in get_args(VisionStage) + get_args(AgentStage):
        passes = f'checkout_stage_seconds_count{{stage="{stage}"}}'
        assert wait_until(lambda passes=passes: metric(http_port, passes), START_S), stage  # type: ignore[misc]  # bound at once
    for loop in ("decision", "publisher", "vision", "capture/till", "capture/door"):
        silence_s = metric(http_port, f'checkout_loop_silent_seconds{{loop="{loop}"}}')
        assert silence_s < 5.0, loop
    assert metric(http_port, "checkout_broker_connects_total") == 1


def metric(http_port: int, name: str) -> float:
    """Return a metric of the daemon's page; 0 while there is none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{http_port}/metrics", timeout=5) as page:
            lines = page.read().decode().splitlines()
    except OSError:
        return 0.0
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def camera_states(consumer: Consumer, camera_id: str) -> list[str]:
    return [each.json["state"] for each in consumer.of(f"camera/{camera_id}/status")]


def watchdog_pings(notifications: socket.socket) -> int:
    """Count the pings of the next two seconds."""
    pings = 0
    deadline_s = time.monotonic() + 2.0
    while time.monotonic() < deadline_s:
        pings += notifications.recv(500) == b"WATCHDOG=1"
    return pings


def test_an_unplugged_camera_is_noticed_within_five_seconds_and_comes_back(
    carphone_clip: Path, tmp_path: Path
) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    consumer = Consumer(broker.port)
    behave = showing(carphone_clip)
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(serving(behave))
        config = settings(tmp_path, broker.port, {"till": first.port})
        stack.enter_context(daemon(config))
        assert wait_until(lambda: camera_states(consumer, "till")[-1:] == ["online"], START_S)

        first.stop()
        unplugged_s = time.monotonic()
        assert wait_until(lambda: camera_states(consumer, "till")[-1] != "online", 10)
        assert time.monotonic() - unplugged_s < 5.0

        with serving(behave, first.port):
            assert wait_until(lambda: camera_states(consumer, "till")[-1] == "online", START_S)
    consumer.close()
    broker.stop()


def test_a_stopped_broker_costs_no_event(carphone_clip: Path, tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    consumer = Consumer(broker.port)
    with serving(showing(carphone_clip)) as camera:
        http_port = free_port()
        config = settings(tmp_path, broker.port, {"till": camera.port}, http_port)
        with daemon(config) as process:
            assert wait_until(lambda: metric(http_port, "checkout_vision_visits_total"), START_S)
            broker.save()
            broker.kill()
            camera.stop()  # the visit ends while nobody listens
            event = 'checkout_decisions_total{kind="age_group"'
            assert wait_until(lambda: metric(http_port, event), START_S)
            assert not consumer.of("age-group")
            broker.start()
            assert wait_until(lambda: consumer.of("age-group"), START_S)
            assert process.poll() is None
    consumer.close()
    broker.stop()


def test_a_bad_setting_is_refused_before_anything_starts(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("challenge: {categories: {alcohol: {challenge_age_years: 12}}}\n")

    with daemon(config) as process:
        _, errors = process.communicate(timeout=60)

    assert process.returncode == 78
    assert "challenge_age_years: got 12" in errors
    assert "Traceback" not in errors
