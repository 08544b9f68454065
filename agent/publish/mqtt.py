"""The publisher: messages into the outbox at once, out of it to the broker when there is one.

One thread of our own does everything with the network, instead of paho's: what is sent, in
which order and how much at once is then decided in one place, and `publish` never waits for
the network, only for the disk.
"""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from agent.clock import Clock, SystemClock
from agent.config.messaging import MqttSection
from agent.errors import AgentError
from agent.latencies import AgentStage, Latencies, Stopwatch
from agent.outcomes import SaleMessage
from agent.publish.connection import Connection
from agent.publish.dispatch import Dispatch
from agent.publish.handlers import Handlers
from agent.publish.inbox import Inbox
from agent.publish.outbox import Outbox
from agent.publish.outbox_table import Parcel
from agent.publish.pacing import backoff_s
from agent.publish.publisher import OutboundMessage, parcel_of
from agent.publish.receipts import Receipts
from agent.publish.tolerant_outbox import TolerantOutbox
from agent.publish.topics import TopicTree

#: How often the outbox is swept.
SWEEP_INTERVAL_S = 1.0
#: A connection that lived shorter does not reset the back-off: two agents with one client id
#: would else throw each other out without pause.
STABLE_AFTER_S = 1.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublisherStatus:
    """How the publisher is.

    Attributes:
        reason: Why it is not connected, in words, without a password; empty when it is.
        degraded: What is wrong with the outbox, in words.
        waiting: Messages that the broker has not acknowledged yet.
        size_bytes: What the outbox holds, messages kept for the resend window included.
        dropped: Messages given up since the start, by reason.
        inbound: Inbound messages received, and dropped by reason, since the start.
        connects: Successful connects since the start.
        latencies: How long the outbox's commits and the broker's receipts took.
    """

    connected: bool
    reason: str
    degraded: tuple[str, ...]
    waiting: int
    size_bytes: int
    dropped: dict[str, int]
    inbound: dict[str, int]
    connects: int
    latencies: dict[AgentStage, Latencies]


class MqttPublisher:
    """Publishes through the outbox, and receives what till and display say."""

    def __init__(
        self,
        section: MqttSection,
        tree: TopicTree,
        outbox: Outbox,
        password: Callable[[], str | None] | str | None = None,
        clock: Clock | None = None,
        random_ratio: Callable[[], float] = random.random,
    ) -> None:
        """Start nothing yet.

        Args:
            section: The broker.
            tree: The register's topics.
            outbox: Open; its clock decides on expiry, in a replay the video's.
            password: A function is asked at each connect, so that a changed file counts.
            clock: Paces the network; the system's, in a replay too.
            random_ratio: The jitter of the back-off, 0..1.
        """
        self._section = section
        self._tree = tree
        self._outbox = TolerantOutbox(outbox)
        self._password = password
        self._clock = clock or SystemClock()
        self._random_ratio = random_ratio
        self._inbox = Inbox(tree.inbound(), self._clock)
        self._receipts = Receipts()
        self._stopwatch = Stopwatch[AgentStage]()
        self._dispatch = Dispatch(section, self._outbox, self._clock, self._stopwatch)
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._stopping = threading.Event()
        self._settled = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._swept_at_s = self._clock.now_s()
        self._progress_at_s: float | None = self._swept_at_s
        self._connected, self._reason, self._connects = False, "not started", 0

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._reason = "connecting"
        self._thread.start()

    def publish(self, *messages: OutboundMessage) -> None:
        """Commit the messages in one transaction and wake the sender.

        When the disk fails they are kept in memory, `status` says so, and alerts go out still.
        """
        self.send(*(parcel_of(message, self._tree) for message in messages))

    def send(self, *parcels: Parcel) -> None:
        """Commit parcels with topics of their own, such as other systems' discovery."""
        with self._stopwatch.measure("commit"):
            self._outbox.commit(parcels)
        self._wake()

    def inbound(self) -> list[SaleMessage]:
        """Return what till and display have said since the last call; never waits.

        Only the next call tells the broker that these were worked through.
        """
        if self._receipts.fetch():
            self._wake()
        return self._inbox.drain()

    def _receive(self, topic: str, payload: bytes, retained: bool, number: int) -> None:
        self._inbox.receive(topic, payload, retained)
        self._receipts.received(number)

    def flush(self, timeout_s: float) -> bool:
        """Wait until the broker has everything; return whether it has."""
        end_s = time.monotonic() + timeout_s
        with self._settled:
            while self._outbox.waiting:
                remaining_s = end_s - time.monotonic()
                if remaining_s <= 0:
                    return False
                self._settled.wait(min(remaining_s, 0.1))
        return True

    def stop(self, timeout_s: float) -> bool:
        """Say `offline`, end the thread, close the outbox; return whether it ended in time."""
        if self._wake_reader.fileno() == -1:
            return True  # stopped before
        self._receipts.fetch()
        self._stopping.set()
        self._wake()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self._wake_reader.close()
        self._wake_writer.close()
        self._outbox.close()
        return True

    @property
    def progress_at_s(self) -> float:
        """When the thread last went round; while it connects, which may take long, it is now."""
        at_s = self._progress_at_s
        return self._clock.now_s() if at_s is None else at_s

    def oldest_age_s(self) -> float:
        """Return the age of the oldest undelivered message; reads the disk: not for each tick."""
        return self._outbox.oldest_age_s()

    @property
    def status(self) -> PublisherStatus:
        """How the publisher is now."""
        return PublisherStatus(
            connected=self._connected,
            reason=self._reason,
            degraded=self._outbox.faults,
            waiting=self._outbox.waiting,
            size_bytes=self._outbox.size_bytes,
            dropped=self._outbox.dropped,
            inbound=self._inbox.counts(),
            connects=self._connects,
            latencies=self._stopwatch.totals(),
        )

    def _wake(self) -> None:
        try:
            self._wake_writer.send(b"\0")
        except (BlockingIOError, OSError):
            return  # awake already, or stopped

    def _run(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            lived_s = self._serve()
            attempt = 0 if lived_s >= STABLE_AFTER_S else attempt
            self._idle(
                backoff_s(
                    attempt,
                    self._section.backoff_initial_s,
                    self._section.backoff_max_s,
                    self._random_ratio,
                )
            )
            attempt += 1

    def _idle(self, wait_s: float) -> None:
        end_s = self._clock.now_s() + wait_s
        while not self._stopping.is_set() and (left_s := end_s - self._clock.now_s()) > 0:
            self._stopping.wait(min(left_s, SWEEP_INTERVAL_S))
            self._keep_house()

    def _serve(self) -> float:
        """Connect and send until the connection ends; return how long it lived."""
        connection: Connection | None = None
        connected_at_s: float | None = None
        try:
            self._progress_at_s = None
            connection = self._connect()
            connected_at_s = self._clock.now_s()
            while not self._stopping.is_set():
                self._turn(connection)
            self._confirm(connection)
            self._reason = "stopped"
        except AgentError as error:
            self._lost(str(error))
        except Exception as error:
            # Whatever it is, the next connection begins anew; without this the thread were gone.
            logger.exception("publisher_failed")
            self._lost(f"unexpected {type(error).__name__}")
        finally:
            self._connected = False
            if connection is not None:
                connection.close(say_offline=self._stopping.is_set())
            self._keep_house()
        return 0.0 if connected_at_s is None else self._clock.now_s() - connected_at_s

    def _connect(self) -> Connection:
        password = self._password() if callable(self._password) else self._password
        handlers = Handlers(
            acknowledged=self._dispatch.acknowledged,
            refused=self._dispatch.refused,
            received=self._receive,
        )
        self._receipts.begin()
        connection = Connection(self._section, self._tree, password, handlers)
        try:
            connection.open(self._stopping)
        except AgentError:
            connection.close(say_offline=False)
            raise
        connection.watch(self._wake_reader)
        self._dispatch.begin()
        self._connected, self._reason = True, ""
        self._connects += 1
        logger.info("mqtt_connected %s:%d", self._section.host, self._section.port)
        return connection

    def _lost(self, reason: str) -> None:
        if reason != self._reason:
            logger.warning("mqtt_disconnected %s", reason)
        self._reason = reason

    def _turn(self, connection: Connection) -> None:
        self._confirm(connection)
        connection.step(self._dispatch.send(connection))
        self._hear_wake()
        if self._dispatch.settle(connection):
            with self._settled:
                self._settled.notify_all()
        self._keep_house()

    def _confirm(self, connection: Connection) -> None:
        for number in self._receipts.take():
            connection.confirm(number)

    def _hear_wake(self) -> None:
        try:
            self._wake_reader.recv(4096)
        except BlockingIOError:
            return

    def _keep_house(self) -> None:
        now_s = self._clock.now_s()
        self._progress_at_s = now_s
        if now_s - self._swept_at_s >= SWEEP_INTERVAL_S:
            self._swept_at_s = now_s
            self._outbox.keep_house()
