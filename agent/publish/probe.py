"""Asks a broker whether it would let the agent in, without taking the agent's place."""

from __future__ import annotations

import threading

from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.config.messaging import MqttSection
from agent.errors import BrokerError
from agent.publish.client import Session, connect, make_client


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

    session = Session(client_id, (section.username, password))
    client = make_client(section, session)
    client.on_connect = on_connect
    try:
        connect(client, section, session)
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
