"""What goes to the broker next, and what its answers mean for the outbox."""

from __future__ import annotations

import logging

from agent.clock import Clock
from agent.config.messaging import MqttSection
from agent.latencies import AgentStage, Stopwatch
from agent.publish.connection import Connection
from agent.publish.outbox_table import Row
from agent.publish.pacing import TokenBucket
from agent.publish.tolerant_outbox import TolerantOutbox

#: The longest wait for the network in one turn.
MAX_WAIT_S = 1.0
#: A message refused by the broker is tried again so late.
REFUSED_RETRY_S = 60.0
#: The back-log may run ahead of its rate by so much.
BURST_S = 0.1
logger = logging.getLogger(__name__)


class Dispatch:
    """Alerts at once, the rest at the back-log's rate; never more than the broker's window."""

    def __init__(
        self,
        section: MqttSection,
        outbox: TolerantOutbox,
        clock: Clock,
        stopwatch: Stopwatch[AgentStage],
    ) -> None:
        self._outbox = outbox
        self._stopwatch = stopwatch
        self._clock = clock
        rate_hz = section.backlog_rate_hz
        self._bucket = TokenBucket(rate_hz, max(1.0, rate_hz * BURST_S))
        self._acknowledged: list[int] = []
        self._retry_at_s: float | None = None

    def begin(self) -> None:
        """Begin anew on a new connection: everything in the outbox is sent (again)."""
        self._acknowledged.clear()
        self._retry_at_s = None
        self._outbox.rewind(acknowledged=True)

    def send(self, connection: Connection) -> float:
        """Send what may be sent now; return how long to wait for the network after it.

        Raises:
            BrokerError: The connection is lost.
        """
        self._hand_over(connection, self._outbox.take_urgent(connection.free_slots))
        # One slot stays free for an alert, unless the broker grants only one.
        slots = connection.free_slots - (1 if connection.window > 1 else 0)
        if slots <= 0:
            return MAX_WAIT_S
        allowed = min(slots, self._bucket.available(self._clock.now_s()))
        if allowed == 0:
            return min(MAX_WAIT_S, self._bucket.wait_s())
        rows = self._outbox.take(allowed)
        self._bucket.spend(len(rows))
        self._hand_over(connection, rows)
        return 0.0 if len(rows) == allowed else MAX_WAIT_S

    def _hand_over(self, connection: Connection, rows: list[Row]) -> None:
        for row in rows:
            connection.send(row, self._outbox.remaining_s(row.parcel))

    def acknowledged(self, row: Row, took_s: float | None) -> None:
        """Take note of a PUBACK; `settle` writes it down."""
        if took_s is not None:
            self._stopwatch.count("publish", took_s)
        self._acknowledged.append(row.seq)

    def refused(self, row: Row, reason: str) -> None:
        """Take note that the broker will not have a message (MQTT 5 says so)."""
        logger.error("publish_refused %s: %s: correct the broker's ACL", row.parcel.topic, reason)
        self._retry_at_s = self._clock.now_s() + REFUSED_RETRY_S

    def settle(self, connection: Connection) -> bool:
        """Tell the outbox what has arrived; return whether anything has."""
        arrived = bool(self._acknowledged)
        if arrived:
            self._outbox.acknowledge(self._acknowledged)
            self._acknowledged.clear()
        due_s = self._retry_at_s
        # Only when nothing is on its way, which would else go twice.
        if due_s is not None and self._clock.now_s() >= due_s and connection.is_idle:
            self._retry_at_s = None
            self._outbox.rewind(acknowledged=False)
        return arrived
