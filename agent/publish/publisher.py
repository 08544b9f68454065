"""Outbound messages, and the small interface that everything which sends them has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TextIO

from agent.outcomes import AgeGroupSeen, Alert, Basket, Offer, Outcome
from agent.publish.basket import basket_payload, offer_payload
from agent.publish.events import (
    CameraStatusPayload,
    Payload,
    StatePayload,
    age_group_payload,
    alert_payload,
    camera_status_payload,
    sale_audit_payload,
)
from agent.publish.outbox_table import Parcel
from agent.publish.topics import TOPICS, TopicKey, TopicTree
from agent.records import CameraStatus


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """A payload and where it goes; how it goes stands in the table of topics.

    Attributes:
        camera_id: Fills the topic's level of that name; else empty.
        expires_wall_s: Not delivered later; None: it is worth something for days.
    """

    key: TopicKey
    payload: Payload
    camera_id: str = ""
    expires_wall_s: float | None = None


def parcel_of(message: OutboundMessage, tree: TopicTree) -> Parcel:
    """Return a message as it goes over the wire."""
    topic = TOPICS[message.key]
    return Parcel(
        event_id=message.payload.event_id,
        topic=tree.path(message.key, message.camera_id),
        payload=message.payload.model_dump_json().encode(),
        qos=topic.qos,
        retain=topic.retain,
        priority=topic.priority,
        expires_wall_s=message.expires_wall_s,
    )


class Publisher(Protocol):
    """Takes messages and sees to it that they arrive."""

    def publish(self, *messages: OutboundMessage) -> None:
        """Take over the messages, together: all of one step in one commit."""
        ...


class FanOut:
    """Gives every message to several publishers, in order."""

    def __init__(self, publishers: Sequence[Publisher]) -> None:
        self._publishers = tuple(publishers)

    def publish(self, *messages: OutboundMessage) -> None:
        """Hand the messages to each publisher."""
        for publisher in self._publishers:
            publisher.publish(*messages)


class JsonLinesPublisher:
    """Writes each message as one line of JSON: topic, qos, retain, payload."""

    def __init__(self, stream: TextIO, tree: TopicTree) -> None:
        self._stream = stream
        self._tree = tree

    def publish(self, *messages: OutboundMessage) -> None:
        """Write a line for each message; a reader behind a pipe sees it at once."""
        for message in messages:
            topic = TOPICS[message.key]
            line = {
                "topic": self._tree.path(message.key, message.camera_id),
                "qos": topic.qos,
                "retain": topic.retain,
                "payload": message.payload.model_dump(mode="json"),
            }
            self._stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._stream.flush()


def outcome_message(outcome: Outcome) -> OutboundMessage:
    """Return the message of what has been decided."""
    if isinstance(outcome, Alert):
        payload = alert_payload(outcome)
        return OutboundMessage(TopicKey.ALERT, payload, expires_wall_s=outcome.expires_wall_s)
    if isinstance(outcome, AgeGroupSeen):
        return OutboundMessage(TopicKey.AGE_GROUP, age_group_payload(outcome))
    if isinstance(outcome, Basket):
        return OutboundMessage(TopicKey.BASKET, basket_payload(outcome))
    if isinstance(outcome, Offer):
        offer = offer_payload(outcome)
        return OutboundMessage(TopicKey.OFFER, offer, expires_wall_s=outcome.expires_wall_s)
    return OutboundMessage(TopicKey.SALE_AUDIT, sale_audit_payload(outcome))


def camera_message(status: CameraStatus, event_id: str, occurred_wall_s: float) -> OutboundMessage:
    """Return the message of a camera's new state."""
    payload: CameraStatusPayload = camera_status_payload(status, event_id, occurred_wall_s)
    return OutboundMessage(TopicKey.CAMERA_STATUS, payload, camera_id=status.camera_id)


def state_message(payload: StatePayload) -> OutboundMessage:
    """Return the message of the agent's state."""
    return OutboundMessage(TopicKey.STATE, payload)
