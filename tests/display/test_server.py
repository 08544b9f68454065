"""The display's HTTP server over a real socket, without pages."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from agent.clock import ReplayClock
from agent.display.board import Board
from agent.display.server import make_server
from agent.display.service import DisplayService
from tests.display.test_pages import FakeLink

BROKEN = b"Transfer-Encoding: chunked\r\n\r\nno chunk at all\r\n\r\n"


async def ask(request: bytes) -> tuple[bytes, list[dict[str, Any]]]:
    """Return the answer to raw bytes, and what the loop was told of failures."""
    service = DisplayService(Board(15.0, 60.0), ReplayClock(), FakeLink)
    server = make_server(PlainTextResponse("well"), service)
    server.config.load()
    loop, failures = asyncio.get_running_loop(), list[dict[str, Any]]()
    loop.set_exception_handler(lambda _loop, context: failures.append(context))
    made: Any = server.config.http_protocol_class
    protocol = partial(made, server.config, server.server_state, {})
    listening = await loop.create_server(protocol, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    writer.write(request)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 10.0)
    writer.close()
    listening.close()
    return answer, failures


def test_a_good_request_is_answered() -> None:
    answer, failures = asyncio.run(ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert answer.startswith(b"HTTP/1.1 200")
    assert failures == []


@pytest.mark.parametrize("method", [b"HEAD", b"POST"])
def test_a_broken_body_ends_its_connection_and_leaves_no_traceback(method: bytes) -> None:
    answer, failures = asyncio.run(ask(method + b" / HTTP/1.1\r\nHost: a\r\n" + BROKEN))
    assert b"200" not in answer
    assert failures == []
