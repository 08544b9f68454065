"""Raw HTTP to the page of health and metrics, through its own handler; no socket."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agent.observe.health import Health, HealthServer
from agent.observe.metrics import Metrics
from tests.fuzz.targets.target import Entry, Target

#: Far above the page of metrics: an answer never grows with its request.
MAX_ANSWER_BYTES = 100_000


def seeds() -> Sequence[bytes]:
    """Return what a monitor asks, and what it does not."""
    return [
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /readyz?x=1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"HEAD /metrics HTTP/1.1\r\nAccept: */*\r\n\r\n",
        b"GET /metrics\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
        b"GET /../etc/passwd HTTP/2.0\r\nExpect: 100-continue\r\n\r\n",
    ]


class Client:
    """As much of a socket as the handler uses: it has sent everything at once."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.answer = bytearray()

    def settimeout(self, timeout_s: float | None) -> None:
        """Never waits."""

    def makefile(self, mode: str, buffering: int = -1) -> io.BufferedReader:
        """Return the request to read."""
        return io.BufferedReader(io.BytesIO(self._request))

    def sendall(self, data: bytes) -> None:
        """Take the answer."""
        self.answer += data


@contextmanager
def opened(folder: Path) -> Iterator[Entry]:
    """Give a server that lives on and listens to nobody."""
    del folder
    healths = [Health(alive=True, ready=True), Health(alive=True, ready=False, reasons=("why",))]
    server = HealthServer(0, lambda: healths[0], Metrics().page)

    def entry(content: bytes) -> None:
        client = Client(content)
        healths.reverse()
        server._server.finish_request(client, ("127.0.0.1", 5))  # type: ignore[arg-type]
        assert len(client.answer) < MAX_ANSWER_BYTES

    yield entry
    server.stop()


TARGET = Target(
    name="health_http",
    cases=2500,
    modules=("agent.observe.health",),
    seeds=seeds,
    opened=opened,
)
