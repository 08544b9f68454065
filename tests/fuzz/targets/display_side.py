"""A display without a broker: what its link hears is made up, what it publishes is counted."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from pydantic import BaseModel

from agent.clock import ReplayClock
from agent.display.board import Board
from agent.display.heard import HeardState
from agent.display.link import Listener
from agent.display.screen import HeardAlert
from agent.display.service import DisplayService
from agent.errors import BrokerError
from agent.publish.topics import TopicKey
from tests.fuzz.targets.event_loop import TurnedLoop


class Link:
    """Takes every second tap, and refuses the others."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.taps = 0

    def start(self) -> None:
        """Connect to nothing."""

    def stop(self) -> None:
        """End nothing."""

    def publish(self, key: TopicKey, payload: BaseModel, timeout_s: float) -> None:
        """Take it, or not."""
        self.taps += 1
        if self.taps % 2:
            raise BrokerError("no")


class Display:
    """The service in a turned loop, connected, with one standing alert."""

    def __init__(self) -> None:
        self.turned = TurnedLoop()
        self.clock = ReplayClock()
        self.board = Board(15.0, 60.0)
        self.service = DisplayService(self.board, self.clock, self._make_link)
        self.board.connected(0.0)
        self.board.availability("online", 0.0)
        self.board.state(HeardState(), False, 0.0)
        self.alert()
        self._running: AbstractAsyncContextManager[None] = self.service.running()
        self.turned.loop.run_until_complete(self._running.__aenter__())

    def _make_link(self, listener: Listener) -> Link:
        self.link = Link(listener)
        return self.link

    def alert(self) -> None:
        """Let the alert `e1` of sale `s1` stand (again), and `e2` without a sale."""
        now_s = self.clock.now_s()
        for event_id, sale_id in (("e1", "s1"), ("e2", "")):
            heard = HeardAlert(event_id, sale_id, "no_evidence", "alcohol", 25, 0)
            self.board.alert(heard, False, None, now_s)

    def close(self) -> None:
        """End the service and its loop."""
        self.service.close()
        self.turned.loop.run_until_complete(self._running.__aexit__(None, None, None))
        self.turned.close()
