"""How every MQTT client of ours is made: protocol, login, TLS, and what the broker keeps for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.config.messaging import MqttSection
from agent.publish.tls import make_context


@dataclass(frozen=True, slots=True)
class Session:
    """Who a client is, and what the broker keeps for it.

    Attributes:
        client_id: A second client of the same name takes its place.
        login: Name and password; the name None: none.
        expiry_s: The broker keeps subscriptions and messages so long; 0: no longer than the
            connection. MQTT 3.1.1 knows only 0 and for ever.
        receive_maximum: Told to an MQTT 5 broker: unacknowledged messages at once.
        max_packet_bytes: Told to an MQTT 5 broker.
    """

    client_id: str
    login: tuple[str | None, str | None] = field(repr=False)
    expiry_s: int = 0
    receive_maximum: int | None = None
    max_packet_bytes: int | None = None


def make_client(
    section: MqttSection, session: Session, *, manual_ack: bool = False, reconnects: bool = False
) -> Client:
    """Return a client that is not connected; certificates are read anew.

    Args:
        section: The broker.
        session: Who it is.
        manual_ack: A message is acknowledged by hand, after it was worked through.
        reconnects: paho connects again by itself, which lets it try older protocols too.

    Raises:
        BrokerError: A certificate or key file is missing or unusable.
    """
    is_v5 = section.protocol == "5"
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=session.client_id,
        clean_session=None if is_v5 else not session.expiry_s,
        protocol=MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=reconnects,
        manual_ack=manual_ack,
    )
    username, password = session.login
    if username is not None:
        client.username_pw_set(username, password)
    if section.tls is not None:
        client.tls_set_context(make_context(section.tls))
    client.connect_timeout = section.connect_timeout_s
    return client


def connect(
    client: Client, section: MqttSection, session: Session, keepalive_s: int | None = None
) -> None:
    """Open the connection; the broker's answer comes to `on_connect`.

    Raises:
        OSError: It cannot be reached, or its certificate is refused.
    """
    keepalive_s = section.keepalive_s if keepalive_s is None else keepalive_s
    if section.protocol != "5":
        client.connect(section.host, section.port, keepalive_s)
        return
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = session.expiry_s
    if session.receive_maximum is not None:
        properties.ReceiveMaximum = session.receive_maximum
    if session.max_packet_bytes is not None:
        properties.MaximumPacketSize = session.max_packet_bytes
    client.connect(
        section.host, section.port, keepalive_s,
        clean_start=not session.expiry_s, properties=properties,
    )  # fmt: skip
