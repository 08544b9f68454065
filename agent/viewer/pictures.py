"""Hands each picture to whoever waits for it, and keeps none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from agent.clock import Clock


class Pictures:
    """Asks for a picture when somebody waits for one, and not before.

    A slow browser waits less often, so it costs fewer pictures and holds nobody up.

    Args:
        camera_ids: The cameras.
        ask: Asks the vision process for one more picture of a camera.
        clock: For the age of what was shown last.
    """

    def __init__(self, camera_ids: Sequence[str], ask: Callable[[str], None], clock: Clock) -> None:
        self.camera_ids = tuple(camera_ids)
        self._ask = ask
        self._clock = clock
        self._awaited: dict[str, asyncio.Future[bytes]] = {}
        self._arrived_s: dict[str, float] = {}
        self.is_closed = False

    async def next(self, camera_id: str) -> bytes:
        """Return the next picture of a camera, a JPEG; empty: there will be none.

        Args:
            camera_id: One of `camera_ids`.
        """
        if self.is_closed:
            return b""
        awaited = self._awaited.get(camera_id)
        if awaited is None:
            awaited = asyncio.get_running_loop().create_future()
            self._awaited[camera_id] = awaited
            self._ask(camera_id)
        # Shielded: who goes away must not take the picture from the others.
        return await asyncio.shield(awaited)

    def arrived(self, camera_id: str, jpeg: bytes) -> None:
        """Hand a picture on; what nobody waits for, or of no camera of ours, is forgotten."""
        if camera_id not in self.camera_ids:
            return
        self._arrived_s[camera_id] = self._clock.now_s()
        awaited = self._awaited.pop(camera_id, None)
        if awaited is not None:
            awaited.set_result(jpeg)

    def age_s(self, camera_id: str) -> float | None:
        """Return how long ago the last picture of a camera came; None: there was none."""
        arrived_s = self._arrived_s.get(camera_id)
        return None if arrived_s is None else self._clock.now_s() - arrived_s

    def close(self) -> None:
        """Let nobody wait any longer."""
        self.is_closed = True
        while self._awaited:
            self._awaited.popitem()[1].set_result(b"")
