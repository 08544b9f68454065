"""Planted passwords: nothing that the agent writes, shows or keeps may hold one.

The daemon runs with everything wrong that makes software talkative: a broker that refuses it,
cameras that are not there or refuse it, children that crash, all at log level debug.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest
import yaml

from agent.capture.settings import CaptureSettings
from tests.brokers import Consumer, Mosquitto, free_port, wait_until
from tests.running_agent import REPOSITORY, RunningAgent
from tests.streams.http_streams import serving

WRONG = "wr0ng-Mqtt/p@ss:wd"
RIGHT = "r1ght-Mqtt?s3cret"
RTSP = "rt5p-Cam/era@s:cret"
HTTP = "ht7p-Cam?era&secret"
SECRETS = (WRONG, RIGHT, RTSP, HTTP)
#: Of each secret at least this much is recognisable whatever escaped the rest of it.
#: OpenCV and FFmpeg then write every address they open.
TALKATIVE = {
    "OPENCV_LOG_LEVEL": "VERBOSE",
    "OPENCV_VIDEOIO_DEBUG": "1",
    "OPENCV_FFMPEG_DEBUG": "1",
    "OPENCV_FFMPEG_LOGLEVEL": "56",
}
PARTS = ("wr0ng", "r1ght", "rt5p", "ht7p")


def found_in(content: bytes | str) -> list[str]:
    """Return what of the secrets stands in a text, as it is or escaped."""
    text = content.decode(errors="replace") if isinstance(content, bytes) else content
    spellings = [spelling for secret in SECRETS for spelling in (secret, quote(secret, safe=""))]
    return [each for each in (*spellings, *PARTS) if each in text]


def refuses_everybody(connection: socket.socket, stopping: threading.Event) -> None:
    """Answer 401 and repeat the request, as some cameras' firmware does."""
    request = connection.recv(4096)
    connection.sendall(b"HTTP/1.0 401 Unauthorized\r\nX-Echo: " + request.partition(b"\r\n")[0])
    connection.sendall(b"\r\n\r\n" + request)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    started = Mosquitto(tmp_path / "broker", passwords={"agent": RIGHT, "reader": "open"}).start()
    yield started
    started.stop()


def password_file(path: Path, password: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(password)
    return path


def settings(folder: Path, broker: Mosquitto, http_camera_port: int, health_port: int) -> Any:  # noqa: ANN401
    return {
        "cameras": [
            {
                "id": "rtsp",
                "source": f"rtsp://127.0.0.1:{free_port()}/stream",
                "username": "viewer",
                "password_env": "PLANTED_RTSP",
            },
            {
                "id": "http",
                "source": f"http://127.0.0.1:{http_camera_port}/v?u={{username}}&pw={{password}}",
                "username": "viewer",
                "password_file": str(password_file(folder / "camera", HTTP)),
            },
        ],
        "capture": {"backoff_max_s": 0.5},
        "mqtt": {
            "port": broker.port,
            "username": "agent",
            "password_file": str(password_file(folder / "mqtt", WRONG)),
            "backoff_max_s": 0.5,
        },
        "outbox": {"path": str(folder / "outbox.sqlite3")},
        "observe": {"log_level": "debug", "log_format": "json", "http_port": health_port},
    }


@pytest.mark.mosquitto
def test_a_faulty_daemon_tells_no_password(broker: Mosquitto, tmp_path: Path) -> None:
    health_port = free_port()
    consumer = Consumer(broker.port, login=("reader", "open"))
    with serving(refuses_everybody) as camera:
        agent = RunningAgent(
            tmp_path,
            settings(tmp_path, broker, camera.port, health_port),
            {"PLANTED_RTSP": RTSP, **TALKATIVE},
        ).start()
        try:
            agent.wait_for_log("not authorised|Not authorized|Bad user name")
            agent.wait_for_log("process=vision")
            agent.wait_for_log("camera=rtsp.*(?s:.)*camera=http|camera=http(?s:.)*camera=rtsp")
            shown = processes(agent) + pages(health_port)
            assert agent.kill_child("vision", signal.SIGABRT)
            agent.wait_for_log("vision_lost")
            # From here on it is let in, and says everywhere what is wrong with its cameras.
            (tmp_path / "mqtt").write_text(RIGHT)
            assert wait_until(lambda: len(consumer.of("/status")) >= 2, 30), agent.log
            shown += processes(agent) + pages(health_port)
        finally:
            assert agent.stop() == 0, agent.log
            consumer.close()

    assert camera.connections > 0
    assert consumer.of("/state")
    received = b"\n".join(message.payload for message in consumer.messages)
    assert found_in(received) == []
    assert found_in(agent.log) == []
    assert [found_in(text) for text in shown] == [[]] * len(shown)
    kept = [file for file in tmp_path.iterdir() if file.name.startswith(("outbox", "sales"))]
    assert kept
    assert [file.name for file in kept if found_in(file.read_bytes())] == []


def processes(agent: RunningAgent) -> list[str]:
    """Return what everybody on the machine can see of the agent and of its children.

    Of the children also their environment: they need no password in it.
    """
    own = psutil.Process(agent.pid)
    seen = [*own.cmdline(), own.name()]
    for child in own.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            seen += [*child.cmdline(), child.name(), str(child.environ())]
    return seen


def pages(port: int) -> list[str]:
    """Return what the pages for monitoring say."""
    texts = []
    for page in ("healthz", "readyz", "metrics", "nothing"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=5) as answer:
                texts.append(answer.read().decode())
        except urllib.error.HTTPError as error:
            texts.append(error.read().decode())
    return texts


BAD_SETTINGS: list[dict[str, Any]] = [
    {"cameras": [{"source": f"rtsp://viewer:{RTSP}@host/1"}]},
    {"cameras": [{"source": f"http://host/1?password={quote(HTTP)}"}]},
    {"cameras": [{"source": f"rtps://viewer:{RTSP}@host/1", "id": 7}]},
    {"cameras": [{"source": "rtsp://host", "username": "viewer", "password": RTSP}]},
    {"mqtt": {"username": "agent", "password": WRONG}},
    {"mqtt": {"username": "agent", "password_env": WRONG}},
    {"mqtt": {"username": "agent", "password_env": 5, "password_file": [WRONG]}},
    {"mqtt": {"host": f"mqtt://agent:{WRONG}@broker", "port": "x"}},
    {"mqtt": {"host": f"mqtt://agent:{WRONG}@broker"}},
    {"mqtt": {"host": f"agent:{WRONG}@broker"}},
    {"mqtt": f"agent:{WRONG}"},
    {"cameras": f"viewer:{RTSP}"},
    {"cameras": [f"viewer:{RTSP}"]},
    {"mqtt": {"username": "agent", "password_env": "UNSET_VARIABLE", "password_file": RIGHT}},
]


@pytest.mark.parametrize("command", ["check-config", "doctor", "run"])
def test_a_refused_settings_file_is_explained_without_its_passwords(
    command: str, tmp_path: Path
) -> None:
    # One process for all cases: Python's start is what takes the time.
    files = []
    for number, bad in enumerate(BAD_SETTINGS):
        file = tmp_path / f"{number}.yaml"
        file.write_text(yaml.safe_dump(bad))
        files.append(str(file))
    finished = subprocess.run(
        [sys.executable, "-c", _EACH_FILE, command, *files],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=REPOSITORY,
        check=False,
    )
    output = finished.stdout + finished.stderr
    assert finished.returncode == 0, output
    assert output.count("exit code") == len(files), output
    assert "exit code 0" not in output
    assert "Traceback" not in output
    assert found_in(output) == []


#: Runs one command on many files as the console script would, and tells each exit code.
_EACH_FILE = """
import sys
from agent import cli
for file in sys.argv[2:]:
    option = [] if sys.argv[1] == "check-config" else ["--config"]
    sys.argv[1:2] = [sys.argv[1]]
    arguments = sys.argv
    sys.argv = ["checkout-agent", arguments[1], *option, file]
    try:
        cli.main()
    except SystemExit as end:
        print("exit code", end.code)
    sys.argv = arguments
"""


def test_settings_of_a_capture_process_that_are_refused_are_not_shown() -> None:
    line = json.dumps({"camera_id": "till", "address": f"rtsp://viewer:{RTSP}@host", "mode": 7})
    with pytest.raises(ValueError, match="mode") as refused:
        CaptureSettings.model_validate_json(line)
    assert found_in(str(refused.value)) == []


@pytest.mark.mosquitto
def test_doctor_tells_no_password(broker: Mosquitto, tmp_path: Path) -> None:
    with serving(refuses_everybody) as camera:
        faulty = settings(tmp_path, broker, camera.port, free_port())
        file = tmp_path / "config.yaml"
        file.write_text(yaml.safe_dump(faulty))
        finished = subprocess.run(
            [sys.executable, "-m", "agent.cli", "doctor", "--config", str(file)],
            capture_output=True,
            text=True,
            timeout=100,
            cwd=REPOSITORY,
            env={"PLANTED_RTSP": RTSP, "PATH": "/usr/bin:/bin"},
            check=False,
        )
    assert finished.returncode == 1, finished.stderr
    assert "camera rtsp" in finished.stdout
    assert "refuses us" in finished.stdout
    assert found_in(finished.stdout + finished.stderr) == []
