"""One connection to the broker, from connect to its end; the next one is a new object.

A new paho client each time: its session lives in RAM and would send again what the outbox
sends again anyway, beyond the receive maximum, which it does not know. All of paho runs in
the caller's thread (its external-loop calls), so no callback races with anything, and
whatever a hostile broker makes it raise is caught in one place.
"""

from __future__ import annotations

import logging
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from paho.mqtt.client import (
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
    error_string,
)
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.config.messaging import MqttSection
from agent.errors import BrokerError
from agent.publish.client import Session, connect, make_client
from agent.publish.handlers import Handlers
from agent.publish.outbox_table import Row
from agent.publish.tls import holds_bytes
from agent.publish.topics import OFFLINE, ONLINE, TopicKey, TopicTree

#: The broker keeps our subscriptions, and what the till sent meanwhile, for so long.
SESSION_EXPIRY_S = 86_400
#: Told to an MQTT 5 broker, so that it does not even send what would be refused.
MAX_PACKET_BYTES = 65_536
#: Connected, alive, but no PUBACK for so long: a new connection is tried.
ACK_TIMEOUT_S = 20.0
logger = logging.getLogger(__name__)


class Connection:
    """An MQTT connection that ends with a BrokerError; not for two threads."""

    def __init__(
        self, section: MqttSection, tree: TopicTree, password: str | None, handlers: Handlers
    ) -> None:
        self._section = section
        self._tree = tree
        self._handlers = handlers
        self._is_v5 = section.protocol == "5"
        self._session = Session(
            tree.client_id, (section.username, password), SESSION_EXPIRY_S,
            max_packet_bytes=MAX_PACKET_BYTES,
        )  # fmt: skip
        self._client = self._make_client()
        self._selector = selectors.DefaultSelector()
        self._accepted = False
        self._reason = ""
        self._flying: dict[int, tuple[Row | None, float]] = {}
        #: How many QoS 1 messages may be on their way at once; from the broker's answer.
        self.window = section.max_inflight

    def _make_client(self) -> Client:
        # By hand, else a message is lost with an agent killed before it is saved.
        client = make_client(self._section, self._session, manual_ack=True)
        client.will_set(self._tree.path(TopicKey.AVAILABILITY), OFFLINE, qos=1, retain=True)
        client.max_inflight_messages_set(0)  # ours is the only window
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def open(self, stopping: threading.Event) -> None:
        """Connect, log in, say `online`, subscribe; give up when `stopping` is set.

        Raises:
            BrokerError: Not reached, not trusted, or refused; in words.
        """
        started_s = time.monotonic()
        with self._explained():
            connect(self._client, self._section, self._session)
            self._selector.register(self._socket(), selectors.EVENT_READ)
        while not self._accepted:
            self.step(0.1)
            if stopping.is_set():
                raise BrokerError("stopped while connecting")
            if time.monotonic() - started_s > self._section.connect_timeout_s:
                raise self._lost(
                    f"no answer to the login: does it speak MQTT {self._section.protocol}? "
                    "Correct mqtt.protocol or mqtt.port"
                )
        self._announce(ONLINE)
        for topic in self._tree.inbound():
            self._client.subscribe(topic, qos=1)

    @property
    def _place(self) -> str:
        return f"mqtt broker {self._section.host}:{self._section.port}"

    @property
    def free_slots(self) -> int:
        """How many more messages may be sent before a PUBACK comes."""
        return max(0, self.window - len(self._flying))

    @property
    def is_idle(self) -> bool:
        """Whether every PUBACK has come."""
        return not self._flying

    def watch(self, wake: socket.socket) -> None:
        """Let `step` return early when there is something to read from `wake`."""
        self._selector.register(wake, selectors.EVENT_READ)

    def send(self, row: Row, remaining_s: float | None) -> None:
        """Give a message to the network; `remaining_s` is its expiry (MQTT 5 only).

        Raises:
            BrokerError: The connection is lost.
        """
        properties = None
        if self._is_v5 and remaining_s is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = max(1, round(remaining_s))
        parcel = row.parcel
        self._publish(row, parcel.topic, parcel.payload, parcel.qos, parcel.retain, properties)

    def _announce(self, word: str) -> None:
        topic = self._tree.path(TopicKey.AVAILABILITY)
        self._publish(None, topic, word.encode(), 1, True, None)

    def _publish(
        self, row: Row | None, topic: str, payload: bytes, qos: int, retain: bool,
        properties: Properties | None,
    ) -> None:  # fmt: skip
        with self._explained():
            info = self._client.publish(topic, payload, qos, retain, properties)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._lost(error_string(info.rc))
        if qos == 0:
            if row is not None:
                self._handlers.acknowledged(row, None)
        else:
            self._flying[info.mid] = (row, time.monotonic())

    def step(self, timeout_s: float) -> None:
        """Wait for the network at most so long and handle what it brings.

        Raises:
            BrokerError: The connection is lost, and why.
        """
        with self._explained():
            sock = self._socket()
            writing = selectors.EVENT_WRITE if self._client.want_write() else 0
            self._selector.modify(sock, selectors.EVENT_READ | writing)
            ready = self._selector.select(0 if holds_bytes(sock) else timeout_s)
            events = {key.fileobj: mask for key, mask in ready}
            if holds_bytes(sock) or events.get(sock, 0) & selectors.EVENT_READ:
                self._check(self._client.loop_read())
            if self._client.want_write():
                self._check(self._client.loop_write())
            self._check(self._client.loop_misc())
        self._check_acknowledgements()

    def _check_acknowledgements(self) -> None:
        oldest_s = next((at_s for _, at_s in self._flying.values()), None)
        if oldest_s is not None and time.monotonic() - oldest_s > ACK_TIMEOUT_S:
            raise self._lost(f"no PUBACK for {ACK_TIMEOUT_S:.0f} s")

    def _check(self, code: MQTTErrorCode) -> None:
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._lost(error_string(code))

    def _socket(self) -> socket.socket:
        sock = self._client.socket()
        if sock is None:
            raise self._lost("closed")
        return cast("socket.socket", sock)

    def _lost(self, words: str) -> BrokerError:
        return BrokerError(f"{self._place}: {self._reason or words}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BrokerError:
            raise
        except ssl.SSLCertVerificationError as error:
            raise self._lost(
                f"its certificate is refused: {error.verify_message}: correct mqtt.tls or mqtt.host"
            ) from error
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error
        except Exception as error:
            # paho parses what the broker sends; a broken packet raises almost anything.
            raise self._lost(f"broken packet ({type(error).__name__})") from error

    def close(self, *, say_offline: bool, timeout_s: float = 1.0) -> None:
        """End the connection; after `offline` was acknowledged when that is wanted."""
        try:
            if say_offline:
                self._announce(OFFLINE)
                self._await_acknowledgements(timeout_s)
                self._client.disconnect()
        except BrokerError as error:
            logger.debug("goodbye_failed %s", error)
        finally:
            sock = self._client.socket()
            if sock is not None:
                sock.close()
            self._selector.close()

    def _await_acknowledgements(self, timeout_s: float) -> None:
        end_s = time.monotonic() + timeout_s
        while self._flying and time.monotonic() < end_s:
            self.step(0.05)

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode,
        properties: Properties | None,
    ) -> None:  # fmt: skip
        self._accepted = not code.is_failure
        if code.is_failure:
            self._reason = f"refuses us: {code}: correct mqtt.username, its password or the ACL"
            return
        self.window = min(self.window, getattr(properties, "ReceiveMaximum", self.window))

    def _on_disconnect(
        self, _client: Client, _data: object, flags: DisconnectFlags, code: ReasonCode,
        _properties: Properties | None,
    ) -> None:  # fmt: skip
        if flags.is_disconnect_packet_from_server:
            self._reason = f"ended the connection: {code}"

    def _on_publish(
        self, _client: Client, _data: object, mid: int, code: ReasonCode, _properties: Properties
    ) -> None:
        row, sent_s = self._flying.pop(mid, (None, 0.0))
        if row is None:
            return
        if code.is_failure:
            self._handlers.refused(row, str(code))
        else:
            self._handlers.acknowledged(row, time.monotonic() - sent_s)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._handlers.received(topic, bytes(message.payload), message.retain, message.mid)

    def confirm(self, number: int) -> None:
        """Tell the broker that a message was worked through; raises like `send`."""
        with self._explained():
            self._check(self._client.ack(number, 1))

    def _on_subscribe(
        self, _client: Client, _data: object, _mid: int, codes: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:  # fmt: skip
        for code in codes:
            if code.is_failure:
                logger.error("subscribe_refused %s: correct the broker's ACL", code)
