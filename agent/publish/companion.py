"""An MQTT client beside the agent: collects what agents say, or speaks for a till.

It is not the agent's own connection: it has no outbox and no last will. A message counts as
received only when its handler has returned: a collector that is killed in between gets it again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.config.messaging import MqttSection
from agent.errors import AgentError, BrokerError
from agent.publish.client import Session, connect, make_client

#: The broker keeps what a collector missed for so long; longer than a weekend.
SESSION_EXPIRY_S = 14 * 86_400
logger = logging.getLogger(__name__)

#: Called in the client's own thread with topic and content.
Handler = Callable[[str, bytes], None]


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """What a companion listens to.

    Attributes:
        topics: Filters, QoS 1.
        handle: Takes each message; an `AgentError` ends the companion.
        durable: The broker keeps messages for it while it is away.
    """

    topics: Sequence[str]
    handle: Handler
    durable: bool = False


class Companion:
    """Connects again by itself until `stop`.

    Args:
        section: The broker.
        client_id: Not the agent's; a durable one must be the same each time.
        password: Of `section.username`.
        subscriptions: What it listens to; None: it only speaks.
    """

    def __init__(
        self,
        section: MqttSection,
        client_id: str,
        password: str | None,
        subscriptions: Subscriptions | None = None,
    ) -> None:
        self._section = section
        self._subscriptions = subscriptions
        is_durable = subscriptions is not None and subscriptions.durable
        self._session = Session(
            client_id, (section.username, password), SESSION_EXPIRY_S if is_durable else 0
        )
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._failure: AgentError | None = None
        self._reason = ""
        self._refusals: dict[int, str] = {}
        self._client = self._make_client()

    def _make_client(self) -> Client:
        client = make_client(self._section, self._session, manual_ack=True, reconnects=True)
        client.reconnect_delay_set(1, max(1, round(self._section.backoff_max_s)))
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def start(self) -> None:
        """Connect, subscribe, and go on in a thread of its own.

        Raises:
            BrokerError: Not reached or refused this first time; later it tries again for ever.
        """
        section = self._section
        place = f"broker {section.host}:{section.port}"
        try:
            connect(self._client, section, self._session)
        except OSError as error:
            text = f"{place}: {error.strerror or error}: start it, or correct mqtt.*"
            raise BrokerError(text) from error
        self._client.loop_start()
        if not self._ready.wait(section.connect_timeout_s) or self._reason:
            self.stop()
            reason = self._reason or f"no answer: does it speak MQTT {section.protocol}?"
            raise BrokerError(f"{place}: {reason}: correct mqtt.*")

    def publish(self, topic: str, content: bytes) -> None:
        """Send a message (QoS 1) and wait until the broker has it.

        Raises:
            BrokerError: It does not have it within `mqtt.connect_timeout_s`, or (MQTT 5) will not.
        """
        info = self._client.publish(topic, content, qos=1)
        try:
            info.wait_for_publish(self._section.connect_timeout_s)
        except (RuntimeError, ValueError) as error:
            raise BrokerError(f"not sent: {error}") from error
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS or not info.is_published():
            raise BrokerError("the broker has not taken the message: is it still there?")
        refusal = self._refusals.pop(info.mid, None)
        if refusal is not None:
            raise BrokerError(f"{topic}: refused: {refusal}: correct mqtt.username or its ACL")

    def wait(self, timeout_s: float) -> bool:
        """Wait; return whether it was ended by `stop` or by a failure.

        Raises:
            AgentError: What the handler could not do.
        """
        ended = self._ended.wait(timeout_s)
        if self._failure is not None:
            raise self._failure
        return ended

    def stop(self) -> None:
        """End the connection and the thread."""
        self._ended.set()
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode,
        _properties: Properties | None,
    ) -> None:  # fmt: skip
        if code.is_failure:
            self._reason = f"refuses us: {code}"
            self._ready.set()
            return
        logger.info("companion_connected %s:%d", self._section.host, self._section.port)
        if self._subscriptions is None:
            self._ready.set()
            return
        client.subscribe([(topic, 1) for topic in self._subscriptions.topics])

    def _on_subscribe(
        self, _client: Client, _data: object, _mid: int, codes: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:  # fmt: skip
        if any(code.is_failure for code in codes):
            self._reason = "refuses the subscription: correct its ACL"
        self._ready.set()

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, code: ReasonCode,
        _properties: Properties | None,
    ) -> None:  # fmt: skip
        if not self._ended.is_set():
            logger.warning("companion_disconnected %s", code)

    def _on_publish(
        self, _client: Client, _data: object, mid: int, code: ReasonCode, _properties: Properties
    ) -> None:
        if code.is_failure:
            self._refusals[mid] = str(code)

    def _on_message(self, client: Client, _data: object, message: MQTTMessage) -> None:
        if self._subscriptions is None or self._ended.is_set():
            return  # not acknowledged: it comes again
        try:
            self._subscriptions.handle(_topic(message), bytes(message.payload))
        except AgentError as error:
            self._failure = error
            self._ended.set()
            return
        client.ack(message.mid, message.qos)


def _topic(message: MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:  # from a broken or hostile sender
        return ""
