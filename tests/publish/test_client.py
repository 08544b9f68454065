"""What every MQTT client has in common."""

from __future__ import annotations

from typing import Literal

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from agent.config.messaging import MqttSection, TlsSection
from agent.errors import BrokerError
from agent.publish.client import Session, make_client


@pytest.mark.parametrize(
    ("protocol", "spoken"),
    [("5", MQTTProtocolVersion.MQTTv5), ("3.1.1", MQTTProtocolVersion.MQTTv311)],
)
def test_it_is_who_the_session_says_and_speaks_what_is_configured(
    protocol: Literal["5", "3.1.1"], spoken: MQTTProtocolVersion
) -> None:
    section = MqttSection(protocol=protocol, connect_timeout_s=3.0)

    client = make_client(section, Session("till-7", ("joe", "s3cret")))

    assert (client.protocol, client.connect_timeout) == (spoken, 3.0)
    assert (client.username, client.password) == ("joe", "s3cret")


def test_a_session_does_not_show_its_password() -> None:
    assert "s3cret" not in repr(Session("till-7", ("joe", "s3cret"), expiry_s=60))


def test_a_certificate_that_is_not_there_is_said() -> None:
    section = MqttSection.model_validate({"tls": TlsSection().model_dump() | {"ca_file": "/none"}})

    with pytest.raises(BrokerError, match="ca_file"):
        make_client(section, Session("till-7", (None, None)))
