"""The real viewer process, and somebody who plays the vision process for it."""

from __future__ import annotations

import email.message
import http.client
import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from agent.debug_view.link import ViewerLink
from tests.brokers import free_port
from tests.streams.http_streams import jpeg

TOKEN = "a token that is long enough"
KEY = "k" * 32
#: Python's start, on a machine with other work to do.
START_S = 30.0


class Seeing:
    """The vision process's end, in a thread: a new picture for every wish."""

    def __init__(self, path: Path) -> None:
        self.link = ViewerLink(str(path), KEY, ["till", "door"])
        self.given: list[bytes] = []
        self.asked = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self.link.close()

    def _live(self) -> None:
        while not self._stopping.wait(0.005):
            self.link.attend()
            for camera_id in tuple(self.link.wanted):
                self.asked += 1
                self.given.append(jpeg(320, 240, seed=self.asked))
                self.link.send(camera_id, self.given[-1])


@dataclass(frozen=True)
class Answer:
    """An answer that has an end."""

    status: int
    headers: email.message.Message
    body: bytes


class Viewer:
    """`python -m agent.viewer.process` and a browser for it."""

    def __init__(self, folder: Path, duration_s: float = 120.0, port: int | None = None) -> None:
        self.port = port or free_port()
        settings = {
            "port": self.port, "token": TOKEN, "socket_path": str(folder / "pictures"),
            "key": KEY, "duration_s": duration_s, "camera_ids": ["till", "door"],
            "place": "demo-store · <till-1>",
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent.viewer.process"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(settings).encode() + b"\n")
        self.process.stdin.flush()

    def wait_until_it_serves(self) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self) -> tuple[int, str]:
        """Close its stdin; return its exit code and what it has said."""
        _, said = self.process.communicate(timeout=START_S)
        return self.process.returncode, said.decode()

    def opened(
        self, path: str, host: str = "127.0.0.1", method: str = "GET", **headers: str
    ) -> http.client.HTTPResponse:
        """Return the answer, still to be read; closing it closes the connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        always = {"Host": f"{host}:{self.port}", "Connection": "close"}
        connection.request(method, path, headers=always | headers)
        return connection.getresponse()

    def get(
        self, path: str, host: str = "127.0.0.1", method: str = "GET", **headers: str
    ) -> Answer:
        with self.opened(path, host, method, **headers) as answer:
            return Answer(answer.status, answer.headers, answer.read())

    def watch(self, camera_id: str) -> http.client.HTTPResponse:
        return self.opened(f"/camera/{camera_id}", Authorization=f"Bearer {TOKEN}")
