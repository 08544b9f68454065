"""Asks a broker whether it would let the agent in, without taking the agent's place."""

from __future__ import annotations

import threading

from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.config.messaging import MqttSection
from agent.errors import BrokerError
from agent.publish.tls import make_context


def probe_broker(section: MqttSection, client_id: str, password: str | None) -> None:
    """Connect, log in and leave; nothing is published.

    Args:
        section: The broker.
        client_id: Not the agent's own: the broker would end the agent's connection.
        password: Belongs to `section.username`.

    Raises:
        BrokerError: Not reached, not trusted, or refused; in words.
    """
    answered = threading.Event()
    refusals: list[str] = []

    def on_connect(
        _client: Client,
        _data: object,
        _flags: ConnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if code.is_failure:
            refusals.append(str(code))
        answered.set()

    is_v5 = section.protocol == "5"
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTProtocolVersion.MQTTv5 if is_v5 else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
    )
    client.on_connect = on_connect
    client.connect_timeout = section.connect_timeout_s
    if section.username is not None:
        client.username_pw_set(section.username, password)
    if section.tls is not None:
        client.tls_set_context(make_context(section.tls))
    try:
        client.connect(section.host, section.port, section.keepalive_s)
    except OSError as error:
        raise BrokerError(f"cannot be reached: {error.strerror or error}") from error
    client.loop_start()
    try:
        if not answered.wait(section.connect_timeout_s):
            raise BrokerError(f"no answer to the login: does it speak MQTT {section.protocol}?")
    finally:
        client.disconnect()
        client.loop_stop()
    if refusals:
        raise BrokerError(f"refuses us: {refusals[0]}")
