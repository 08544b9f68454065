"""Serves the pages until the process is asked to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator

import uvicorn
from h11 import LocalProtocolError
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from agent.config.display import DisplaySection
from agent.display.service import DisplayService
from agent.errors import ConfigError

#: Browsers hold their stream open for ever; they are cut off after so long.
STOP_S = 1
#: Connections at once; one more gets 503.
MAX_CONNECTIONS = 64
_log = logging.getLogger(__name__)


class _Protocol(H11Protocol):
    """uvicorn's HTTP, with an end for requests that it fails to refuse."""

    def data_received(self, data: bytes) -> None:
        """Take what the client sends.

        A HEAD request with a broken body cannot be answered with 400 and a text: that would
        leave as an exception, with a traceback in the log for each.
        """
        try:
            super().data_received(data)
        except LocalProtocolError:
            self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn that ends the endless streams, and leaves the signals to us.

    Its own signal handling would end the process with the signal.
    """

    def __init__(self, config: uvicorn.Config, service: DisplayService) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._service.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve`."""
        yield


def listen(section: DisplaySection) -> socket.socket:
    """Return a socket that listens where the settings say.

    Raises:
        ConfigError: The address or port cannot be used.
    """
    family = socket.AF_INET6 if ":" in section.host else socket.AF_INET
    try:
        return socket.create_server((section.host, section.port), family=family)
    except OSError as error:
        raise ConfigError(
            f"display.host and display.port: got {section.host}:{section.port}: "
            f"{error.strerror or error}: choose another port"
        ) from error


def make_server(app: ASGIApp, service: DisplayService) -> uvicorn.Server:
    """Return the server; set its `should_exit` to end it."""
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # a token may stand in an address
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=STOP_S,
    )
    return _Server(config, service)


async def serve(app: ASGIApp, service: DisplayService, listening: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT."""
    server = make_server(app, service)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.handle_exit, number, None)
    async with service.running():
        await server.serve(sockets=[listening])
