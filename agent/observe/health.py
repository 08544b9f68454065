"""The optional HTTP page for monitoring: /healthz, /readyz and /metrics on loopback."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from agent.errors import ConfigError

_log = logging.getLogger(__name__)

#: A client that sends nothing for so long is cut off.
CLIENT_TIMEOUT_S = 2.0
#: Clients served at once; one more is cut off at once.
MAX_CLIENTS = 8


@dataclass(frozen=True, slots=True)
class Health:
    """How the agent is.

    Attributes:
        alive: Every loop goes round; when not, the agent should be started anew.
        ready: It can see and speak: a camera is online, the model loaded, the broker connected.
        reasons: What is missing, in words without credentials.
    """

    alive: bool
    ready: bool
    reasons: tuple[str, ...] = ()


class HealthServer:
    """Serves three pages from a thread of its own, on 127.0.0.1 only.

    Args:
        port: The port; 0 takes a free one.
        health: Called for each request, from any thread.
        metrics_page: Gives the metrics in Prometheus' text format.

    Raises:
        ConfigError: The port cannot be used.
    """

    def __init__(
        self, port: int, health: Callable[[], Health], metrics_page: Callable[[], bytes]
    ) -> None:
        handler = partial(_Handler, _Pages(health, metrics_page))
        try:
            self._server = _LoopbackServer(("127.0.0.1", port), handler)
        except OSError as error:
            raise ConfigError(
                f"observe.http_port: got {port}: {error.strerror}: choose another port, or null"
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="health"
        )
        self._thread.daemon = True

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._server.server_port

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop to answer; waits for the thread, not for its clients."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Pages:
    """What each path shows."""

    def __init__(self, health: Callable[[], Health], metrics_page: Callable[[], bytes]) -> None:
        self._health = health
        self._metrics_page = metrics_page

    def page(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Return status, content type and body."""
        if path == "/metrics":
            return HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", self._metrics_page()
        if path not in {"/healthz", "/readyz"}:
            return HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"not found\n"
        health = self._health()
        good = health.alive if path == "/healthz" else health.alive and health.ready
        status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
        body = {"status": "ok" if good else "failing", "reasons": health.reasons}
        return status, "application/json", json.dumps(body).encode() + b"\n"


class _Handler(BaseHTTPRequestHandler):
    """GET and HEAD, one request a connection."""

    timeout = CLIENT_TIMEOUT_S
    server_version = "checkout-agent"
    sys_version = ""

    def __init__(self, pages: _Pages, *arguments: Any, **keywords: Any) -> None:  # noqa: ANN401 (socketserver's)
        self._pages = pages
        super().__init__(*arguments, **keywords)

    def do_GET(self) -> None:
        """Send a page."""
        status, kind, body = self._pages.page(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 (the name that http.server calls)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (http.server's)
        """Log requests for engineers only; they come every few seconds."""
        _log.debug("http_request %s", format % arguments)


class _LoopbackServer(ThreadingMixIn, HTTPServer):
    """A thread a client, at most `MAX_CLIENTS`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:  # noqa: ANN401 (socketserver's)
        self._places = threading.BoundedSemaphore(MAX_CLIENTS)
        super().__init__(*arguments)

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of the own name, which may ask a DNS server."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 (socketserver's)
        """Serve a client when there is a place, else cut it off."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 (socketserver's)
        """Serve a client and free its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 (socketserver's)
        """Log what a client or a page did; it ends that connection only."""
        _log.debug("http_failed", exc_info=True)
