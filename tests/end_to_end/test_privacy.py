"""Who sees cannot speak: the agent under strace, from outside."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.brokers import Consumer, Mosquitto, wait_until
from tests.end_to_end.command_line import AGENT, REPOSITORY
from tests.end_to_end.film import showing
from tests.streams.http_streams import serving

STRACE = ("strace", "-f", "-qq", "-s", "200", "-e", "trace=connect,sendto,openat,creat,seccomp")
#: The vision process gives its right to sockets away. Where another thread's call comes between,
#: strace tells the same thread's result in a line of its own.
_SANDBOX = re.compile(
    r"^(\d+) +seccomp\(SECCOMP_SET_MODE_FILTER, [^)\n]*len=\d+"
    r"(.* = 0|.*<unfinished \.\.\.>(?s:.*)^\1 +<\.\.\. seccomp resumed>.* = 0)",
    re.MULTILINE,
)
#: A resolver would read these, and ask this port.
_RESOLVER = re.compile(r"resolv\.conf|/etc/hosts|htons\(53\)|nscd|systemd-resolve|nss_dns")
_PICTURE = re.compile(rb"^(\xff\xd8\xff|\x89PNG|BM|GIF8|RIFF....WEBP|\x00\x00\x00.ftyp)", re.DOTALL)
START_S = 90.0


@pytest.mark.strace
def test_a_replay_connects_nowhere_and_writes_no_picture(
    carphone_clip: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    finished = subprocess.run(
        [*STRACE, "-o", trace, *AGENT, "replay", carphone_clip, "--jsonl", tmp_path / "out.jsonl"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    calls = trace.read_text()
    assert _SANDBOX.search(calls)
    assert internet_connections(calls) == []
    assert not _RESOLVER.search(calls)
    assert "mediapipe" in calls, "the trace must cover the process that sees"
    assert "openvino" in calls
    assert tensorflow_files(calls) == []
    assert pictures_written(calls) == []


@pytest.mark.strace
@pytest.mark.mosquitto
def test_the_daemon_connects_to_its_broker_and_its_camera_only(
    carphone_clip: Path, tmp_path: Path
) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    consumer = Consumer(broker.port)
    trace = tmp_path / "trace"
    with serving(showing(carphone_clip)) as camera:
        config = tmp_path / "config.yaml"
        config.write_text(
            yaml.safe_dump(
                {
                    "cameras": [{"source": f"http://127.0.0.1:{camera.port}/"}],
                    "mqtt": {"port": broker.port},
                    "outbox": {"path": str(tmp_path / "outbox.sqlite3")},
                }
            )
        )
        process = subprocess.Popen(
            [*STRACE, "-o", trace, *AGENT, "run", "--config", config],
            cwd=REPOSITORY,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert wait_until(lambda: "online" in states(consumer), START_S)
            assert wait_until(
                lambda: (
                    "xnnpack" in trace.read_text().lower() or "face_detection" in trace.read_text()
                ),
                START_S,
            )
        finally:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            for child in children.split():
                os.kill(int(child), signal.SIGTERM)
            process.wait(20)
        ports = {camera.port, broker.port}
    consumer.close()
    broker.stop()
    calls = trace.read_text()
    assert _SANDBOX.search(calls)
    assert {port for _, port in internet_connections(calls)} == ports
    assert {host for host, _ in internet_connections(calls)} == {"127.0.0.1"}
    assert not _RESOLVER.search(calls)
    assert tensorflow_files(calls) == []
    assert pictures_written(calls) == []


def states(consumer: Consumer) -> list[str]:
    return [each.json["state"] for each in consumer.of("/status")]


def internet_connections(calls: str) -> list[tuple[str, int]]:
    """Return host and port of every internet address in connect and sendto calls."""
    pattern = r"sin6?_port=htons\((\d+)\).*?inet_(?:addr|pton)\((?:AF_INET6?, )?\"([^\"]+)\""
    return [(host, int(port)) for port, host in re.findall(pattern, calls)]


def tensorflow_files(calls: str) -> list[str]:
    """Return what was opened of the TensorFlow package itself (not its metadata)."""
    return re.findall(r"site-packages/tensorflow/[^\"]+", calls)


def pictures_written(calls: str) -> list[str]:
    """Return the files opened for writing that hold, or are named as, a picture or a film."""
    written = re.findall(r"\"([^\"]+)\", [^)]*O_(?:WRONLY|RDWR)[^)]*", calls)
    named = [path for path in written if re.search(r"\.(jpe?g|png|bmp|webp|gif|mp4|avi)$", path)]
    kept = [Path(path) for path in written if Path(path).is_file()]
    return named + [str(path) for path in kept if _PICTURE.match(path.read_bytes()[:16])]
