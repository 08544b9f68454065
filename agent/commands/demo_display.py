"""The cashier's display beside the demo, in a thread: a page on a free port of this machine."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from types import TracebackType

from agent.commands.display import make_display
from agent.config.load import LoadedConfig
from agent.display.server import make_server
from agent.display.wording import Words, words

HOST = "127.0.0.1"
_STOP_S = 5.0


class DemoDisplay:
    """Serves inside a `with`, and tells what the cashier sees.

    Args:
        loaded: The broker, the store and the register.
        show: Called with every new screen, in the display's thread.
    """

    def __init__(self, loaded: LoadedConfig, show: Callable[[Words], None]) -> None:
        self._show = show
        self._language = loaded.config.display.language
        self._service, pages = make_display(loaded)
        self._server = make_server(pages.app(None), self._service)
        # It listens from here on: a browser that comes early waits instead of being refused.
        self._listening = socket.create_server((HOST, 0))
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{HOST}:{self._listening.getsockname()[1]}/"

    def __enter__(self) -> DemoDisplay:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join(_STOP_S)
        self._listening.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        async with self._service.running():
            telling = asyncio.create_task(self._tell())
            await self._server.serve(sockets=[self._listening])
            telling.cancel()

    async def _tell(self) -> None:
        shown: Words | None = None
        with self._service.watching() as changed:
            while True:
                changed.clear()
                now = words(self._service.screen(), self._language)
                if now != shown:
                    shown = now
                    self._show(now)
                await changed.wait()
