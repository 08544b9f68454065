"""The display's own connection to the broker: listens, greets, tells taps; comes back by itself.

Each connection is a new paho client with a clean session: nothing that was said while the
display was away is delivered late; the agent says again what still stands.
"""

from __future__ import annotations

import logging
import random
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from paho.mqtt.client import (
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
    error_string,
    topic_matches_sub,
)
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import BaseModel

from agent import ids
from agent.config.messaging import MqttSection
from agent.errors import AgentError, BrokerError
from agent.publish.client import Session, connect, make_client
from agent.publish.events import SCHEMA_VERSION
from agent.publish.pacing import backoff_s
from agent.publish.sales import HelloPayload
from agent.publish.topics import TopicKey, TopicTree

#: A frozen broker is noticed within twice that; the agent's own may be longer.
KEEPALIVE_S = 5
#: Reconnects are quick: a cashier waits, and a store has few displays.
MAX_BACKOFF_S = 3.0
STABLE_AFTER_S = 1.0
_LISTENS_TO = (
    TopicKey.ALERT,
    TopicKey.AVAILABILITY,
    TopicKey.STATE,
    TopicKey.CAMERA_STATUS,
    TopicKey.SALE,
    TopicKey.CONFIRM,
    TopicKey.SALE_AUDIT,
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as it came; `expiry_s` is what is left of its life, if MQTT 5 says so."""

    key: TopicKey
    payload: bytes
    retained: bool
    expiry_s: float | None


@dataclass(frozen=True, slots=True)
class Listener:
    """Whom the link tells; called in the link's thread."""

    connected: Callable[[], None]
    disconnected: Callable[[str], None]
    heard: Callable[[Heard], None]


class MqttLink:
    """Keeps one connection as long as it runs.

    Args:
        section: The broker.
        tree: The register's topics.
        login: Gives name and password, asked at each connect.
        listener: Told of everything.
    """

    def __init__(
        self,
        section: MqttSection,
        tree: TopicTree,
        login: Callable[[], tuple[str | None, str | None]],
        listener: Listener,
    ) -> None:
        self._section = section
        self._tree = tree
        self._login = login
        self._listener = listener
        # Not the agent's, which the broker would then throw out; several displays are fine too.
        self._client_id = f"{tree.client_id}-display-{secrets.token_hex(4)}"
        self._topics = {tree.path(key, "+"): key for key in _LISTENS_TO}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="display-mqtt", daemon=True)
        self._client: Client | None = None
        self._reason = ""
        self._told = "connecting"
        self._refused_mids: set[int] = set()

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the connection and the thread."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(self._section.connect_timeout_s + 2.0)

    def publish(self, key: TopicKey, payload: BaseModel, timeout_s: float) -> None:
        """Send a message and wait until the broker has it; from any thread but the link's.

        Raises:
            BrokerError: Not connected, refused, or no answer in time.
        """
        client = self._client
        if client is None:
            raise BrokerError(f"not connected: {self._told}")
        info = client.publish(self._tree.path(key), payload.model_dump_json().encode(), qos=1)
        try:
            info.wait_for_publish(timeout_s)
        except (RuntimeError, ValueError) as error:
            raise BrokerError(f"not sent: {error}") from error
        if not info.is_published():
            raise BrokerError(f"no receipt from the broker for {timeout_s:.0f} s")
        if info.mid in self._refused_mids:
            self._refused_mids.discard(info.mid)
            raise BrokerError(f"the broker refuses {key}: correct its ACL")

    def _run(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            began_s = time.monotonic()
            try:
                self._serve()
            except (AgentError, OSError) as error:
                self._down(_words(error))
            except Exception as error:
                # paho parses what the broker sends; a broken packet raises almost anything.
                _log.exception("display_link_failed")
                self._down(type(error).__name__)
            attempt = 0 if time.monotonic() - began_s >= STABLE_AFTER_S else attempt + 1
            first_s = self._section.backoff_initial_s
            longest_s = min(MAX_BACKOFF_S, self._section.backoff_max_s)
            self._stopping.wait(backoff_s(attempt, first_s, longest_s, random.random))

    def _serve(self) -> None:
        """Connect and listen until the connection ends."""
        session = Session(self._client_id, self._login())
        client = self._make_client(session)
        self._reason = ""
        try:
            connect(client, self._section, session, KEEPALIVE_S)
            deadline_s = time.monotonic() + self._section.connect_timeout_s
            while not self._stopping.is_set():
                code = client.loop(0.2)
                if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    raise BrokerError(self._reason or error_string(code))
                if self._client is None and time.monotonic() > deadline_s:
                    raise BrokerError("no answer to the login")
        finally:
            self._client = None
            client.disconnect()
            sock = client.socket()
            if sock is not None:
                sock.close()

    def _down(self, reason: str) -> None:
        if reason != self._told:
            _log.warning("display_disconnected %s", reason)
        self._told = reason
        self._listener.disconnected(reason)

    def _make_client(self, session: Session) -> Client:
        client = make_client(self._section, session)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        return client

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode,
        _properties: Properties | None,
    ) -> None:  # fmt: skip
        if code.is_failure:
            self._reason = f"refuses us: {code}"
            return
        # Before the subscription: what the broker has kept comes together with its answer.
        self._client = client
        self._listener.connected()
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(
        self, client: Client, _data: object, _mid: int, codes: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:  # fmt: skip
        refused = [
            topic for topic, code in zip(self._topics, codes, strict=False) if code.is_failure
        ]
        if refused:
            # Fail safe: a display that cannot hear everything must not look well.
            self._reason = f"may not read {refused[0]}: correct the broker's ACL"
            client.disconnect()
            return
        self._told = ""
        _log.info("display_connected %s:%d", self._section.host, self._section.port)
        # Only now: the answer would else come before there is somebody to hear it.
        hello = HelloPayload(
            schema_version=SCHEMA_VERSION, message_id=ids.new_event_id(),
            occurred_at=datetime.now(UTC),
        )  # fmt: skip
        client.publish(self._tree.path(TopicKey.HELLO), hello.model_dump_json().encode(), qos=1)

    def _on_disconnect(
        self, _client: Client, _data: object, flags: DisconnectFlags, code: ReasonCode,
        _properties: Properties | None,
    ) -> None:  # fmt: skip
        if flags.is_disconnect_packet_from_server:
            self._reason = f"ended the connection: {code}"

    def _on_publish(
        self, _client: Client, _data: object, mid: int, code: ReasonCode, _properties: Properties
    ) -> None:
        if code.is_failure:
            _log.error("display_publish_refused %s: correct the broker's ACL", code)
            self._refused_mids.add(mid)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        key = self._key(topic)
        if key is not None:
            expiry_s = getattr(message.properties, "MessageExpiryInterval", None)
            self._listener.heard(Heard(key, bytes(message.payload), message.retain, expiry_s))

    def _key(self, topic: str) -> TopicKey | None:
        matching = (key for each, key in self._topics.items() if topic_matches_sub(each, topic))
        return next(matching, None)


def _words(error: AgentError | OSError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)
