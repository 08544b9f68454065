"""Raw HTTP to the display, through the server's own parser to the pages; no socket.

Every case comes to two displays: one for this machine, one with a token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from agent.display.access import COOKIE, proof
from agent.display.pages import Pages
from agent.display.server import make_server
from tests.fuzz.targets.display_side import Display
from tests.fuzz.targets.event_loop import TurnedLoop
from tests.fuzz.targets.target import Entry, Target

TOKEN = "a-token-of-some-length"
_LOCAL = b"Host: 127.0.0.1:8090\r\n"
_TAP = b'{"event_id": "e1", "action": "id_checked"}'


def seeds() -> Sequence[bytes]:
    """Return what a browser asks, what a cashier taps, and what a stranger tries."""
    pages = [b"/", b"/?lang=ru", b"/page.css", b"/page.js", b"/icon.svg", b"/screens", b"/x"]
    cookie = f"Cookie: {COOKIE}={proof(TOKEN)}\r\n".encode()
    bearer = f"Authorization: Bearer {TOKEN}\r\n".encode()
    json_body = b"Content-Type: application/json\r\nOrigin: http://127.0.0.1:8090\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(_TAP)
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(_TAP), _TAP)
    post = b"POST /tap HTTP/1.1\r\n" + _LOCAL + json_body
    return [
        *(b"GET " + page + b" HTTP/1.1\r\n" + _LOCAL + b"\r\n" for page in pages),
        post + length + _TAP,
        post + length + _TAP.replace(b"e1", b"e2").replace(b"checked", b"refused"),
        post + bearer + chunked,
        b"HEAD / HTTP/1.1\r\n" + _LOCAL + cookie + b"\r\n",
        b"GET /?token=" + TOKEN.encode() + b"&lang=ru HTTP/1.1\r\nHost: shop\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"OPTIONS * HTTP/1.0\r\n\r\n",
        b"GET http://127.0.0.1/ HTTP/1.1\r\nHost: [::1]:1\r\nExpect: 100-continue\r\n\r\n",
    ]


class Wire(asyncio.Transport):
    """A transport that swallows what is written."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__({"sockname": ("127.0.0.1", 8090), "peername": ("127.0.0.1", 5)})
        self._loop = loop
        self.protocol: asyncio.Protocol | None = None
        self.closed = False
        self.written = 0

    def write(self, data: object) -> None:
        """Swallow it."""
        self.written += len(cast("bytes", data))

    def is_closing(self) -> bool:
        """Return whether the server has hung up."""
        return self.closed

    def close(self) -> None:
        """Hang up; the protocol hears of it in the loop's next turn, once."""
        if not self.closed and self.protocol is not None:
            self._loop.call_soon(self.protocol.connection_lost, None)
        self.closed = True

    def pause_reading(self) -> None:
        """Nothing more comes anyway."""

    def resume_reading(self) -> None:
        """Nothing more comes anyway."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """An upgrade: not offered."""


class Watched:
    """An application whose exceptions are findings: the server would turn them into 500."""

    def __init__(self, app: ASGIApp, turned: TurnedLoop) -> None:
        self._app = app
        self._turned = turned

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and keep what is raised."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            self._turned.fail(error)
            raise


@contextmanager
def opened(folder: Path) -> Iterator[Entry]:
    """Give two servers that live on."""
    del folder
    display = Display()
    servers = []
    for token in (None, TOKEN):
        app = Watched(Pages(display.service, "en", "shop <1>").app(token), display.turned)
        server = make_server(app, display.service)
        server.config.load()
        servers.append(server)

    def entry(content: bytes) -> None:
        if not content:
            return  # an event loop hands on no empty data
        display.alert()
        for server in servers:
            _ask(server, content, display.turned)

    yield entry
    display.close()


def _ask(server: uvicorn.Server, content: bytes, turned: TurnedLoop) -> None:
    """Connect, say everything at once, read for a moment, hang up."""
    state = server.server_state
    wire = Wire(turned.loop)
    make_protocol = cast("type[H11Protocol]", server.config.http_protocol_class)
    protocol = make_protocol(server.config, state, {}, _loop=turned.loop)
    wire.protocol = protocol
    protocol.connection_made(wire)
    try:
        protocol.data_received(content)
        for _ in range(3):
            turned.turn()
    finally:
        wire.close()
        turned.turn_until(lambda: not state.tasks and not state.connections)


TARGET = Target(
    name="display_http",
    cases=1500,
    modules=("agent.display.access", "agent.display.pages"),
    seeds=seeds,
    opened=opened,
)
