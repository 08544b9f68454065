"""The monitoring page over a real socket."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from agent.errors import ConfigError
from agent.observe.health import MAX_CLIENTS, Health, HealthServer
from agent.observe.metrics import Metrics


@dataclass
class Agent:
    """An agent whose health a test can change."""

    health: Health = field(default_factory=lambda: Health(alive=True, ready=True))

    def read(self) -> Health:
        return self.health


@pytest.fixture
def agent() -> Agent:
    return Agent()


@pytest.fixture
def server(agent: Agent) -> Iterator[HealthServer]:
    server = HealthServer(0, agent.read, Metrics().page)
    server.start()
    yield server
    server.stop()


def fetch(server: HealthServer, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5.0)
    connection.request(method, path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


@pytest.mark.parametrize(
    ("health", "healthz", "readyz"),
    [
        (Health(alive=True, ready=True), 200, 200),
        (Health(alive=True, ready=False, reasons=("broker offline",)), 200, 503),
        (Health(alive=False, ready=True, reasons=("no progress: decide",)), 503, 503),
    ],
)
def test_health_and_readiness_follow_the_agent(
    server: HealthServer, agent: Agent, health: Health, healthz: int, readyz: int
) -> None:
    agent.health = health
    assert fetch(server, "/healthz")[0] == healthz
    status, body = fetch(server, "/readyz?x=1")
    assert status == readyz
    assert json.loads(body)["reasons"] == list(health.reasons)


def test_metrics_are_in_prometheus_text_format(server: HealthServer) -> None:
    status, body = fetch(server, "/metrics")
    assert status == 200
    assert b"# TYPE checkout_vision_frames_total counter" in body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/../etc/passwd", 404), ("POST", "/metrics", 501)],
)
def test_anything_else_is_refused(
    server: HealthServer, method: str, path: str, status: int
) -> None:
    assert fetch(server, path, method)[0] == status


def test_head_has_no_body(server: HealthServer) -> None:
    assert fetch(server, "/metrics", "HEAD") == (200, b"")


def test_garbage_ends_its_own_connection_only(server: HealthServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"\x00\xff" * 100 + b"\r\n\r\n")
        client.settimeout(5.0)
        assert b"400" in client.recv(4096)
    assert fetch(server, "/healthz")[0] == 200


def test_silent_clients_are_bounded_and_leave_nothing_behind(server: HealthServer) -> None:
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(MAX_CLIENTS)]
    with socket.create_connection(("127.0.0.1", server.port), timeout=5.0) as one_more:
        assert one_more.recv(1) == b""
    for client in clients:
        client.settimeout(5.0)
        assert client.recv(1) == b""
        client.close()
    assert fetch(server, "/healthz")[0] == 200


def test_a_page_that_fails_does_not_end_the_server() -> None:
    answers = iter([Health(alive=True, ready=True)])
    server = HealthServer(0, lambda: next(answers), lambda: b"")
    server.start()
    fetch(server, "/healthz")
    with pytest.raises(http.client.HTTPException):
        fetch(server, "/healthz")
    assert fetch(server, "/metrics")[0] == 200
    server.stop()


def test_a_port_in_use_is_one_clear_line(server: HealthServer) -> None:
    with pytest.raises(
        ConfigError, match=rf"^observe.http_port: got {server.port}: Address alread"
    ):
        HealthServer(server.port, lambda: Health(alive=True, ready=True), lambda: b"")


def test_only_loopback_is_listened_on_and_no_name_is_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(name: str = "") -> str:
        raise AssertionError(f"looked up {name}")

    monkeypatch.setattr(socket, "getfqdn", refuse)
    server = HealthServer(0, lambda: Health(alive=True, ready=True), lambda: b"")
    with (
        pytest.raises(OSError, match="refused"),
        socket.create_connection(("127.0.0.2", server.port)),
    ):
        pass
    server.stop()


def test_stopping_ends_the_thread(agent: Agent) -> None:
    before = threading.active_count()
    server = HealthServer(0, agent.read, Metrics().page)
    server.start()
    server.stop()
    assert threading.active_count() == before
