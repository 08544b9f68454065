"""What came in and waits for the loop: checked, limited, counted; never an exception."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping

from agent.clock import Clock
from agent.errors import ProtocolError
from agent.outcomes import SaleMessage
from agent.publish.pacing import TokenBucket
from agent.publish.sales import parse_confirm, parse_hello, parse_sale
from agent.publish.topics import TopicKey

#: A till sends a few a second; Mosquitto's own queue of an offline session holds 1000.
RATE_HZ = 50.0
BURST = 1000
#: Behind a loop that does not come to fetch them, the oldest goes.
MAX_WAITING = 2000

_PARSERS: dict[TopicKey, Callable[[bytes], SaleMessage]] = {
    TopicKey.SALE: parse_sale,
    TopicKey.CONFIRM: parse_confirm,
}
logger = logging.getLogger(__name__)


class Inbox:
    """Filled by the sender's thread, emptied by the agent's loop."""

    def __init__(self, topics: Mapping[str, TopicKey], clock: Clock) -> None:
        self._topics = topics
        self._clock = clock
        self._bucket = TokenBucket(RATE_HZ, BURST)
        self._lock = threading.Lock()
        self._waiting: deque[SaleMessage] = deque()
        self._counts: Counter[str] = Counter()

    def receive(self, topic: str, payload: bytes, retained: bool) -> None:
        """Take a message in, or count why not; a greeting is only counted, as `hello`."""
        with self._lock:
            refusal = self._refusal(topic, payload, retained)
            self._counts[refusal or "received"] += 1

    def _refusal(self, topic: str, payload: bytes, retained: bool) -> str | None:
        if retained:
            # A step of a sale is an event: one that the broker has kept is not happening now.
            return "retained"
        if self._bucket.available(self._clock.now_s()) < 1:
            return "rate"
        self._bucket.spend(1)
        key = self._topics.get(topic)
        if key is None:
            return "topic"
        try:
            if key is TopicKey.HELLO:
                parse_hello(payload)
                return "hello"
            message = _PARSERS[key](payload)
        except ProtocolError as error:
            logger.warning("inbound_refused %s: %s", key, error)
            return "schema"
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self._counts["overflow"] += 1
        self._waiting.append(message)
        return None

    def drain(self) -> list[SaleMessage]:
        """Return what has come in since the last call, oldest first."""
        with self._lock:
            messages = list(self._waiting)
            self._waiting.clear()
        return messages

    def counts(self) -> dict[str, int]:
        """Return how many were received, or dropped by reason, since the start."""
        with self._lock:
            return dict(self._counts)
