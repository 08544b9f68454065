"""Messages on their way: JSON lines and several publishers at once."""

from __future__ import annotations

import io
import json

from agent.outcomes import AgeGroupSeen, Alert
from agent.publish.publisher import (
    FanOut,
    JsonLinesPublisher,
    OutboundMessage,
    camera_message,
    outcome_message,
)
from agent.publish.topics import TOPICS, TopicKey, TopicTree
from agent.records import CameraStatus

TREE = TopicTree("checkout", "shop", "till-1")
V4 = "11111111-2222-4333-8444-555555555555"


def test_a_message_is_one_line_of_json_with_its_topic() -> None:
    stream = io.StringIO()
    publisher = JsonLinesPublisher(stream, TREE)
    seen = AgeGroupSeen(V4, "till", "25-34", (("25-34", 1.0),), 2.0, 3, 0.0)
    publisher.publish(
        outcome_message(seen), camera_message(CameraStatus("till", "online", 0.0), V4, 0.0)
    )
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [set(line) for line in lines] == [{"topic", "qos", "retain", "payload"}] * 2
    assert lines[0]["topic"] == "checkout/v1/shop/till-1/event/age-group"
    assert lines[0]["payload"]["event_id"] == V4
    assert (lines[0]["qos"], lines[0]["retain"]) == (1, False)
    assert lines[1]["topic"] == "checkout/v1/shop/till-1/camera/till/status"
    assert lines[1]["retain"] is True


def test_a_fan_out_gives_each_message_to_all() -> None:
    streams = [io.StringIO(), io.StringIO()]
    fan_out = FanOut([JsonLinesPublisher(stream, TREE) for stream in streams])
    fan_out.publish(outcome_message(AgeGroupSeen(V4, "till", "unknown", (), 0.0, 0, 0.0)))
    assert streams[0].getvalue() == streams[1].getvalue() != ""


def test_only_alerts_expire() -> None:
    alert = Alert(V4, "s", "unsure", "no_evidence", "alcohol", 25, 1, 5.0, 65.0)
    message: OutboundMessage = outcome_message(alert)
    assert message.expires_wall_s == 65.0
    assert message.payload.model_dump()["expires_at"] == "1970-01-01T00:01:05.000Z"
    seen = AgeGroupSeen(V4, "till", "unknown", (), 0.0, 0, 0.0)
    assert outcome_message(seen).expires_wall_s is None


def test_no_alert_is_ever_retained() -> None:
    assert TOPICS[TopicKey.ALERT].retain is False


def test_the_agent_listens_to_till_and_display_only() -> None:
    assert TREE.inbound() == {
        "checkout/v1/shop/till-1/pos/sale": TopicKey.SALE,
        "checkout/v1/shop/till-1/display/confirm": TopicKey.CONFIRM,
        "checkout/v1/shop/till-1/display/hello": TopicKey.HELLO,
    }
