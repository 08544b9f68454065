"""Reading what comes over the network: tolerant of what is new, safe when it makes no sense."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import pytest
from hypothesis import given

from agent.display.heard import (
    MAX_HEARD_BYTES,
    read_alert,
    read_audited_sale,
    read_camera,
    read_state,
)
from agent.errors import ProtocolError


def test_an_alert_of_a_newer_agent_is_understood() -> None:
    content = {"event_id": "e", "sale_id": "s", "reason": "new_one", "mood": "good"}
    alert = read_alert(json.dumps(content).encode())
    assert (alert.event_id, alert.sale_id, alert.reason) == ("e", "s", "new_one")


@given(st.binary(max_size=200))
def test_whatever_comes_as_an_alert_asks(content: bytes) -> None:
    alert = read_alert(content)
    assert alert.event_id
    assert alert.reason == "unreadable"


def test_two_unreadable_alerts_are_two() -> None:
    assert read_alert(b"a").event_id != read_alert(b"b").event_id


@pytest.mark.parametrize("read", [read_state, read_camera, read_audited_sale])
@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"cameras": 3, "sale_id": 3}', b" " * (MAX_HEARD_BYTES + 1)]
)
def test_what_makes_no_sense_is_refused(read: object, content: bytes) -> None:
    assert callable(read)
    with pytest.raises(ProtocolError):
        read(content)
