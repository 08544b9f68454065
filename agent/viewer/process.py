"""The viewer process: finished pictures in, a page on 127.0.0.1 out, and nothing else.

Started as `python -m agent.viewer.process` by `run --debug-view`; its settings are one line
of JSON on stdin, the end of stdin means stop. Once it serves it can open no connection and
write no file: what a picture holds can leave it only to a browser that has come to it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from typing import Final

import uvicorn
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp

from agent.clock import SystemClock
from agent.config.debug_view import LONGEST_S
from agent.errors import AgentError, ChildError, ConfigError
from agent.records import Hello
from agent.sandbox import die_with_parent, forbid_files, forbid_network
from agent.viewer.link import VisionLink, join
from agent.viewer.pages import Pages
from agent.viewer.pictures import Pictures
from agent.wire import RecordWriter, private_record_pipe, stdin_has_ended

HOST: Final = "127.0.0.1"
#: For vision to load its networks; as long as the agent itself waits for it.
JOIN_PATIENCE_S = 120.0
#: Connections at once; one more gets 503.
MAX_CONNECTIONS = 32
_STOP_S = 1


class ViewerSettings(BaseModel):
    """What the agent writes on the first line of stdin."""

    # A fault's own text would show the token.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    port: int
    token: str = Field(min_length=16)
    socket_path: str
    key: str
    duration_s: float = Field(gt=0, le=LONGEST_S)
    camera_ids: tuple[str, ...]
    place: str


def listen(port: int) -> socket.socket:
    """Return a socket that listens on this machine.

    Raises:
        ConfigError: The port cannot be used.
    """
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise ConfigError(
            f"debug_view.port: got {port}: {os.strerror(error.errno or 0)}: choose another port"
        ) from error


def make_server(app: ASGIApp) -> uvicorn.Server:
    """Return the server; set its `should_exit` to end it."""
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # the token stands in an address
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=_STOP_S,
    )
    return uvicorn.Server(config)


async def serve(settings: ViewerSettings, listening: socket.socket, vision: socket.socket) -> None:
    """Serve until the time is over or stdin ends.

    Raises:
        ChildError: The vision process is gone.
    """
    until_s = time.monotonic() + settings.duration_s
    link = VisionLink(vision)
    pictures = Pictures(settings.camera_ids, link.ask, SystemClock())
    pages = Pages(pictures, lambda: until_s - time.monotonic(), settings.place)
    server = make_server(pages.app(settings.token))

    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(sys.stdin)
        pictures.close()
        server.should_exit = True

    loop.add_reader(sys.stdin, end)
    loop.call_at(loop.time() + settings.duration_s, end)
    receiving = asyncio.create_task(link.receive(pictures.arrived))
    receiving.add_done_callback(lambda _: end())
    await server.serve(sockets=[listening])
    if receiving.done() and time.monotonic() < until_s:
        raise ChildError("the vision process has ended")
    receiving.cancel()


def run(settings: ViewerSettings, writer: RecordWriter) -> None:
    """Listen, join the vision process, give up what is not needed, serve.

    Raises:
        AgentError: The port, the vision process or the sandbox fails.
    """
    with listen(settings.port) as listening:
        vision = join(settings.socket_path, settings.key, JOIN_PATIENCE_S, stdin_has_ended)
        if vision is None:
            return
        forbid_network()
        forbid_files()
        writer.write([Hello("viewer", os.getpid(), f"on {HOST}:{settings.port}")])
        with vision:
            asyncio.run(serve(settings, listening, vision))


def main() -> None:
    """Run until the time is over, or stdin ends."""
    die_with_parent()
    writer = RecordWriter(private_record_pipe())
    line = sys.stdin.buffer.readline()
    if not line:  # the agent was gone before it told us anything
        return
    try:
        run(ViewerSettings.model_validate_json(line), writer)
    except AgentError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
