"""The subscriber that writes baskets down: every one exactly once.

    broker --QoS 1, session kept--> journal (fsync) --> PUBACK ... hour's Parquet file

The broker keeps what comes while nobody listens. A basket is acknowledged after it is on disk,
so `kill -9` at any moment loses none; what comes twice is told by its `event_id` in the merge.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, error_string
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import ValidationError

from agent.clock import Clock
from agent.config.messaging import MqttSection
from agent.errors import AgentError, BrokerError
from agent.insights.journal import BasketRow, basket_row
from agent.insights.store import BasketStore
from agent.publish.basket import BasketPayload
from agent.publish.client import Session, connect, make_client
from agent.publish.pacing import backoff_s
from agent.publish.topics import TOPICS, TREE_VERSION, TopicKey

_log = logging.getLogger(__name__)

#: The broker keeps baskets for an absent collector so long, if its own limits let it.
SESSION_EXPIRY_S = 7 * 86_400
#: Unacknowledged baskets at once; they share one fsync.
BATCH = 500
#: The agent's outbox and the broker of the example refuse more.
MAX_BASKET_BYTES = 65_536
LOOP_S = 0.2
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(slots=True)
class Collected:
    """What has come since the start."""

    baskets: int = 0
    refused: int = 0


@dataclass(slots=True)
class _Waiting:
    """Messages that are neither on disk nor acknowledged."""

    rows: list[BasketRow] = field(default_factory=list)
    acknowledgements: list[tuple[int, int]] = field(default_factory=list)


class Collector:
    """Subscribes baskets of all registers and keeps them in a folder.

    Args:
        section: The broker.
        password: Returns the broker's password as it is now.
        store: Where baskets go.
        clock: Says when it is time to merge.
        merge_interval_s: Time between merges into Parquet.
    """

    def __init__(
        self,
        section: MqttSection,
        password: Callable[[], str | None],
        store: BasketStore,
        clock: Clock,
        merge_interval_s: float,
    ) -> None:
        self._section = section
        self._password = password
        self._store = store
        self._clock = clock
        self._merge_interval_s = merge_interval_s
        self._waiting = _Waiting()
        self._connected = False
        self._reason = ""
        self._merged_at_s = clock.now_s()
        self.collected = Collected()

    def run(self, stopping: Callable[[], bool], wait: Callable[[float], None]) -> None:
        """Collect until `stopping` says so; whatever the broker does, go on.

        Args:
            stopping: Asked a few times a second.
            wait: Sleeps between attempts, at most so many seconds.

        Raises:
            InsightsError: The disk is full or broken: what is not written is not acknowledged.
        """
        attempt = 0
        while not stopping():
            started_s = self._clock.now_s()
            try:
                self._serve(stopping)
            except BrokerError as error:
                _log.warning("broker_lost error=%s", error)
            if self._clock.now_s() - started_s > 10.0:
                attempt = 0
            end_s = self._clock.now_s() + backoff_s(
                attempt, self._section.backoff_initial_s, self._section.backoff_max_s, lambda: 0.5
            )
            attempt += 1
            while not stopping() and self._clock.now_s() < end_s:
                wait(LOOP_S)
                self._merge_when_due()
        self._store.merge()

    def _serve(self, stopping: Callable[[], bool]) -> None:
        self._waiting = _Waiting()  # what was not acknowledged comes again
        self._connected, self._reason = False, ""
        session = Session(
            f"{self._section.prefix}-insights", (self._section.username, self._password()),
            SESSION_EXPIRY_S, receive_maximum=BATCH,
        )  # fmt: skip
        client = self._client(session)
        try:
            self._connect(client, session)
            while not stopping():
                self._turn(client)
            self._settle(client)
            client.disconnect()
        except AgentError:
            raise
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error
        except Exception as error:
            # paho parses what the broker sends; a broken packet raises almost anything.
            raise self._lost(f"broken packet ({type(error).__name__})") from error
        finally:
            sock = client.socket()
            if sock is not None:
                sock.close()

    def _client(self, session: Session) -> Client:
        client = make_client(self._section, session, manual_ack=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _connect(self, client: Client, session: Session) -> None:
        connect(client, self._section, session)
        end_s = self._clock.now_s() + self._section.connect_timeout_s
        while not self._connected:
            self._check(client.loop(LOOP_S))
            if self._clock.now_s() > end_s:
                raise self._lost("no answer to the login: correct mqtt.protocol or mqtt.port")
        path = TOPICS[TopicKey.BASKET].path
        client.subscribe(f"{self._section.prefix}/{TREE_VERSION}/+/+/{path}", qos=1)
        _log.info("collecting broker=%s:%d", self._section.host, self._section.port)

    def _turn(self, client: Client) -> None:
        waiting = len(self._waiting.acknowledgements)
        self._check(client.loop(0.0 if waiting else LOOP_S))
        # Several share one fsync: write when no more has come, or enough.
        more = len(self._waiting.acknowledgements)
        if more and (more == waiting or more >= BATCH):
            self._settle(client)
        self._merge_when_due()

    def _settle(self, client: Client) -> None:
        """Write down what waits, and only then acknowledge it."""
        waiting, self._waiting = self._waiting, _Waiting()
        self._store.journal.append(waiting.rows)
        self.collected.baskets += len(waiting.rows)
        for mid, qos in waiting.acknowledgements:
            self._check(client.ack(mid, qos))

    def _merge_when_due(self) -> None:
        if self._clock.now_s() - self._merged_at_s >= self._merge_interval_s:
            self._store.merge()
            self._merged_at_s = self._clock.now_s()

    def _check(self, code: MQTTErrorCode) -> None:
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._lost(error_string(code))

    def _lost(self, words: str) -> BrokerError:
        place = f"mqtt broker {self._section.host}:{self._section.port}"
        return BrokerError(f"{place}: {self._reason or words}")

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode,
        _properties: Properties | None,
    ) -> None:  # fmt: skip
        self._connected = not code.is_failure
        if code.is_failure:
            self._reason = f"refuses us: {code}: correct mqtt.username, its password or the ACL"

    def _on_subscribe(
        self, _client: Client, _data: object, _mid: int, codes: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:  # fmt: skip
        for code in codes:
            if code.is_failure:
                _log.error("subscribe_refused %s: correct the broker's ACL", code)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        row = read_basket(message.topic, bytes(message.payload))
        if isinstance(row, BasketRow):
            self._waiting.rows.append(row)
        else:
            # Acknowledged all the same: it would come again for ever.
            self.collected.refused += 1
            _log.warning("basket_refused reason=%s", row)
        self._waiting.acknowledgements.append((message.mid, message.qos))


def read_basket(topic: str, content: bytes) -> BasketRow | str:
    """Return a received basket as a row, or why it is none."""
    levels = topic.split("/")
    if len(levels) != 6 or not all(_NAME.fullmatch(name) for name in levels[2:4]):
        return "topic"
    if len(content) > MAX_BASKET_BYTES:
        return f"{len(content)} bytes"
    try:
        payload = BasketPayload.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return ".".join(str(part) for part in first["loc"])[:80] or "not a basket"
    return basket_row(payload, levels[2], levels[3])
