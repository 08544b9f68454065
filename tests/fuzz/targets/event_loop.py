"""An event loop that is turned by hand and keeps what its callbacks raise."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

#: What a thread does comes later than the loop's own turns; it is waited for so long.
PATIENCE_S = 20.0
_QUICK_TURNS = 20
_PAUSE_S = 0.0002


class TurnedLoop:
    """Turn it until something has come true; what went wrong meanwhile is raised then."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(self._failed)
        self._failures: list[BaseException] = []

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.fail(context.get("exception") or AssertionError(context["message"]))

    def fail(self, error: BaseException) -> None:
        """Keep what went wrong, for `turn_until` to raise."""
        self._failures.append(error)

    def turn_until(self, done: Callable[[], bool]) -> None:
        """Turn until it is done.

        Raises:
            AssertionError: It never is.
        """
        turns = 0
        end_s = time.monotonic() + PATIENCE_S
        while not done():
            turns += 1
            assert time.monotonic() < end_s, "never done"
            if turns > _QUICK_TURNS:
                time.sleep(_PAUSE_S)
            self.turn()
        self.turn()

    def turn(self) -> None:
        """Turn once, and raise what went wrong."""
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()
        if self._failures:
            failures, self._failures = self._failures, []
            raise failures[0]

    def close(self) -> None:
        """End it, with what still runs in it."""
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.turn()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
