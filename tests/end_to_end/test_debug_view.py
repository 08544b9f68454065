"""`run --debug-view` as a technician uses it: a picture for a while, and then none."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from tests.brokers import Consumer, Mosquitto, accepts, free_port, wait_until
from tests.faults.live_camera import LiveCamera
from tests.running_agent import READY_S, RunningAgent

pytestmark = pytest.mark.mosquitto
TOKEN = "the technician's own token"
DURATION_S = 6.0
TOPIC = "checkout/v1/demo-store/till-1"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    running = Mosquitto(tmp_path / "broker").start()
    yield running
    running.stop()


@pytest.fixture
def consumer(broker: Mosquitto) -> Iterator[Consumer]:
    connected = Consumer(broker.port)
    yield connected
    connected.close()


@pytest.fixture
def camera(carphone_clip: Path) -> Iterator[LiveCamera]:
    with LiveCamera(carphone_clip) as running:
        yield running


@pytest.fixture
def agent(tmp_path: Path, broker: Mosquitto, camera: LiveCamera) -> Iterator[RunningAgent]:
    settings = {
        "cameras": [{"id": "till", "source": camera.address}],
        "mqtt": {"port": broker.port},
        "outbox": {"path": str(tmp_path / "agent/outbox.sqlite3")},
        "debug_view": {"port": free_port(), "duration_s": DURATION_S, "token_env": "VIEW_TOKEN"},
    }
    running = RunningAgent(
        tmp_path / "agent", settings, {"VIEW_TOKEN": TOKEN}, ("--debug-view",)
    ).start()
    yield running
    running.end_if_alive()


@pytest.mark.slow
def test_the_picture_is_seen_for_its_time_and_then_no_longer(
    agent: RunningAgent, consumer: Consumer, tmp_path: Path
) -> None:
    port = int(agent.settings["debug_view"]["port"])
    agent.wait_for_log("debug_view_on")
    began_s = time.monotonic()
    assert wait_until(lambda: debug_view_states(consumer)[-1:] == [True], READY_S)
    assert refusal(port) == 401

    picture = seen(port)

    assert picture.shape == (785, 960, 3)  # 176 x 144, enlarged
    [vision] = agent.children("vision")
    assert holds_pictures(vision.pid)
    assert not holds_pictures(agent.pid)
    assert internet_addresses(vision) == set()
    [viewer] = agent.children("viewer")
    assert {host for host, _ in internet_addresses(viewer)} == {"127.0.0.1"}
    assert TOKEN not in " ".join(viewer.cmdline())

    viewer.kill()
    agent.wait_for_log("viewer_lost", 10.0)
    assert wait_until(lambda: debug_view_states(consumer)[-1:] == [False], READY_S)
    assert time.monotonic() - began_s >= DURATION_S - 1.0
    for topic in ("command/debug_view", "command/debug-view", "debug_view", "state"):
        consumer.publish(f"{TOPIC}/{topic}", b'{"debug_view": true, "enabled": true}')
    time.sleep(1.0)
    assert agent.children("viewer") == []
    assert not accepts(port)
    assert agent.children("vision") == [vision], "it has gone on all the time"
    assert agent.stop() == 0
    assert TOKEN not in agent.log
    assert files_with_pictures(tmp_path) == []


def debug_view_states(consumer: Consumer) -> list[bool]:
    return [each.json["debug_view"] for each in consumer.of("/state") if "cameras" in each.json]


def refusal(port: int) -> int:
    """Return the answer to somebody without the token."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/camera/till", timeout=5)
    refused.value.close()
    return refused.value.code


def seen(port: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the first picture that a browser with the token gets."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/camera/till", headers={"Authorization": f"Bearer {TOKEN}"})
    with contextlib.closing(connection), connection.getresponse() as stream:
        while not (line := stream.readline()).lower().startswith(b"content-length"):
            assert line
        length = int(line.split(b":")[1])
        stream.readline()
        jpeg = stream.read(length)
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def holds_pictures(process_id: int) -> bool:
    """Return whether a process has memory for frames, or an end of a socket they go through."""
    is_mapped = "memfd:" in Path(f"/proc/{process_id}/maps").read_text()
    descriptors = [str(each.readlink()) for each in Path(f"/proc/{process_id}/fd").iterdir()]
    is_open = any("memfd:" in each for each in descriptors)
    sockets = psutil.Process(process_id).net_connections("unix")
    return is_mapped or is_open or any(each.type == socket.SOCK_SEQPACKET for each in sockets)


def internet_addresses(process: psutil.Process) -> set[tuple[str, int]]:
    ends = [end for each in process.net_connections("inet") for end in (each.laddr, each.raddr)]
    return {(end.ip, end.port) for end in ends if end}


def files_with_pictures(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and b"\xff\xd8\xff" in path.read_bytes()
    ]
