"""A process of our own under a service manager of our own: environment, socket, watchdog."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

SERVICE = """
import os, select, sys
from agent.clock import SystemClock
from agent.config.load import read_service_environment
from agent.observe.progress import Progress
from agent.observe.watchdog import SystemdNotifier, Watchdog

environment = read_service_environment()
clock = SystemClock()
progress = Progress(clock, timeout_s=0.3)
watchdog = Watchdog(SystemdNotifier(environment), progress, clock, environment.watchdog_s)
progress.report("decide")
watchdog.ready()
while not select.select([sys.stdin], [], [], 0.02)[0]:
    progress.report("decide")
    watchdog.step()
sys.stdin.readline()
while not select.select([sys.stdin], [], [], 0.02)[0]:
    watchdog.step()
watchdog.stopping()
"""


def messages(listener: socket.socket, for_s: float) -> list[str]:
    found = []
    end_s = time.monotonic() + for_s
    while (left_s := end_s - time.monotonic()) > 0:
        listener.settimeout(left_s)
        try:
            found.append(listener.recv(4096).decode())
        except TimeoutError:
            break
    return found


def test_a_service_is_ready_pings_and_falls_silent_when_its_loop_stalls(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        service = subprocess.Popen(
            [sys.executable, "-c", SERVICE],
            stdin=subprocess.PIPE,
            env={**os.environ, "NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "300000"},
        )
        assert service.stdin is not None
        listener.settimeout(20.0)
        assert listener.recv(100) == b"READY=1"
        assert messages(listener, 0.5).count("WATCHDOG=1") >= 2
        service.stdin.write(b"stall\n")
        service.stdin.flush()
        messages(listener, 0.5)
        assert messages(listener, 0.5) == []
        service.stdin.close()
        assert service.wait(timeout=10.0) == 0
        assert messages(listener, 0.1) == ["STOPPING=1"]
