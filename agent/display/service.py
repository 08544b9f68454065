"""The display's heart: what the link hears goes to the board, what changes goes to the pages.

Everything here belongs to the event loop's thread; the link's thread comes in through
`call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Literal, Protocol

from pydantic import BaseModel

from agent import ids
from agent.clock import Clock
from agent.display.board import Board
from agent.display.heard import read_alert, read_audited_sale, read_camera, read_state
from agent.display.link import Heard, Listener
from agent.display.screen import Screen
from agent.errors import ProtocolError
from agent.publish.events import SCHEMA_VERSION
from agent.publish.sales import ConfirmPayload, parse_confirm, parse_sale
from agent.publish.topics import TopicKey

Action = Literal["id_checked", "id_refused"]
#: How long a tap may wait for the broker's receipt.
CONFIRM_TIMEOUT_S = 3.0
#: What time alone changes (stale, expired, recorded) is seen so soon.
TICK_S = 0.2
_log = logging.getLogger(__name__)


class Link(Protocol):
    """The way to the broker; `MqttLink` is one."""

    def start(self) -> None:
        """Begin to connect."""
        ...

    def stop(self) -> None:
        """End."""
        ...

    def publish(self, key: TopicKey, payload: BaseModel, timeout_s: float) -> None:
        """Send and wait for the receipt; raises BrokerError."""
        ...


class DisplayService:
    """Holds the board, and wakes whoever watches it.

    Args:
        board: What is known.
        clock: Times what is heard.
        make_link: Builds the way to the broker.
    """

    def __init__(self, board: Board, clock: Clock, make_link: Callable[[Listener], Link]) -> None:
        self._board = board
        self._clock = clock
        self._link = make_link(Listener(self._connected, self._disconnected, self._heard))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watchers: set[asyncio.Event] = set()
        self._shown: Screen | None = None
        self.closing = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen to the broker inside the `async with`."""
        self._loop = asyncio.get_running_loop()
        ticking = asyncio.create_task(self._tick())
        self._link.start()
        try:
            yield
        finally:
            ticking.cancel()
            await asyncio.to_thread(self._link.stop)

    def screen(self) -> Screen:
        """Return what stands on the display now."""
        return self._board.screen(self._clock.now_s())

    @contextlib.contextmanager
    def watching(self) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever the screen may have changed."""
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            yield event
        finally:
            self._watchers.discard(event)

    def close(self) -> None:
        """Let everybody who watches go."""
        self.closing = True
        for watcher in self._watchers:
            watcher.set()

    async def confirm(self, event_id: str, action: Action) -> bool:
        """Tell the agent of a cashier's tap; return False when that alert stands no longer.

        The screen changes when the broker has brought the tap back, not before.

        Raises:
            BrokerError: It was not sent.
        """
        alert = self._board.find(event_id, self._clock.now_s())
        if alert is None:
            return False
        if not alert.sale_id:
            self._board.dismiss(event_id, self._clock.now_s())
            self._notice()
            return True
        payload = ConfirmPayload(
            schema_version=SCHEMA_VERSION,
            message_id=ids.new_event_id(),
            sale_id=alert.sale_id,
            occurred_at=datetime.now(UTC),
            action=action,
        )
        await asyncio.to_thread(self._link.publish, TopicKey.CONFIRM, payload, CONFIRM_TIMEOUT_S)
        return True

    async def _tick(self) -> None:
        while True:
            self._notice()
            await asyncio.sleep(TICK_S)

    def _notice(self) -> None:
        screen = self.screen()
        if screen != self._shown:
            self._shown = screen
            _log.info("screen kind=%s fault=%s", screen.kind, screen.fault)
            for watcher in self._watchers:
                watcher.set()

    # In the link's thread

    def _connected(self) -> None:
        self._hand_over(self._take_connected)

    def _disconnected(self, reason: str) -> None:
        self._hand_over(lambda: self._board.disconnected(reason))

    def _heard(self, message: Heard) -> None:
        self._hand_over(lambda: self._take(message))

    def _hand_over(self, act: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # closed just now
                self._loop.call_soon_threadsafe(self._act, act)

    # In the loop's thread

    def _act(self, act: Callable[[], None]) -> None:
        act()
        self._notice()

    def _take_connected(self) -> None:
        self._board.connected(self._clock.now_s())

    def _take(self, message: Heard) -> None:
        try:
            self._read(message)
        except ProtocolError as error:
            _log.warning("display_message_refused %s: %s", message.key, error)

    def _read(self, message: Heard) -> None:
        now_s, retained, content = self._clock.now_s(), message.retained, message.payload
        match message.key:
            case TopicKey.ALERT:
                self._board.alert(read_alert(content), retained, message.expiry_s, now_s)
            case TopicKey.AVAILABILITY:
                self._board.availability(content.decode("utf-8", "replace"), now_s)
            case TopicKey.STATE:
                self._board.state(read_state(content), retained, now_s)
            case TopicKey.CAMERA_STATUS:
                self._board.camera(*read_camera(content), retained)
            case TopicKey.SALE:
                self._board.sale(parse_sale(content), retained, now_s)
            case TopicKey.CONFIRM:
                self._board.sale(parse_confirm(content), retained, now_s)
            case TopicKey.SALE_AUDIT:
                self._board.audited(read_audited_sale(content), retained, now_s)
            case _:
                _log.warning("display_topic_unknown %s", message.key)
