"""The one table of all topics: direction, quality of service, payload, importance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel

from agent.publish.basket import BasketPayload, OfferPayload
from agent.publish.events import (
    AgeGroupPayload,
    AlertPayload,
    CameraStatusPayload,
    SaleAuditPayload,
    StatePayload,
)
from agent.publish.sales import ConfirmPayload, HelloPayload, SalePayload

#: Version of the topic tree; it changes only when consumers must.
TREE_VERSION = "v1"
ONLINE = "online"
OFFLINE = "offline"


class TopicKey(StrEnum):
    """Names of the topics in the program."""

    AVAILABILITY = "availability"
    STATE = "state"
    CAMERA_STATUS = "camera-status"
    ALERT = "alert"
    AGE_GROUP = "event-age-group"
    SALE_AUDIT = "event-sale-audit"
    BASKET = "event-basket"
    OFFER = "event-offer"
    SALE = "pos-sale"
    CONFIRM = "display-confirm"
    HELLO = "display-hello"


@dataclass(frozen=True, slots=True)
class Topic:
    """A row of the table.

    Attributes:
        path: Levels below `<prefix>/v1/<store>/<register>`; `{camera_id}` is filled in.
        direction: As the agent sees it.
        payload: None: a bare word.
        priority: 0 is sent first and dropped last.
    """

    path: str
    direction: Literal["out", "in"]
    qos: Literal[0, 1]
    retain: bool
    payload: type[BaseModel] | None
    priority: int
    description: str


TOPICS: dict[TopicKey, Topic] = {
    TopicKey.ALERT: Topic(
        "alert", "out", 1, False, AlertPayload, 0,
        "Ask for ID in one sale. Never retained; with MQTT 5 it carries a message expiry.",
    ),
    TopicKey.AVAILABILITY: Topic(
        "availability", "out", 1, True, None, 1,
        "The word `online` on every connect, `offline` by last will and on a clean exit.",
    ),
    TopicKey.STATE: Topic(
        "state", "out", 1, True, StatePayload, 1,
        "Version, model and its licence, settings, cameras, what is degraded.",
    ),
    TopicKey.CAMERA_STATUS: Topic(
        "camera/{camera_id}/status", "out", 1, True, CameraStatusPayload, 1,
        "Whether a camera gives pictures, and since when.",
    ),
    TopicKey.SALE_AUDIT: Topic(
        "event/sale-audit", "out", 1, False, SaleAuditPayload, 2,
        "After a restricted sale: was a challenge due, was ID checked.",
    ),
    TopicKey.AGE_GROUP: Topic(
        "event/age-group", "out", 1, False, AgeGroupPayload, 3,
        "At the end of a visit: how probable each age group is. Survives outages.",
    ),
    TopicKey.OFFER: Topic(
        "event/offer", "out", 0, False, OfferPayload, 3,
        "Opt-in: what to show the age group that stands at the register now.",
    ),
    TopicKey.BASKET: Topic(
        "event/basket", "out", 1, False, BasketPayload, 4,
        "Opt-in: the goods of a sale with the age group that bought them; no sale id.",
    ),
    TopicKey.SALE: Topic(
        "pos/sale", "in", 1, False, SalePayload, 0,
        "The steps of a sale, from the point of sale.",
    ),
    TopicKey.CONFIRM: Topic(
        "display/confirm", "in", 1, False, ConfirmPayload, 0,
        "The cashier's tap; a topic of its own, so that the ACL tells it tells it from the till.",
    ),
    TopicKey.HELLO: Topic(
        "display/hello", "in", 1, False, HelloPayload, 0,
        "A display has (re)connected: the agent says its state and every standing alert again.",
    ),
}  # fmt: skip

#: Priorities that the outbox knows, in the order of sending.
PRIORITIES = tuple(sorted({topic.priority for topic in TOPICS.values()}))
URGENT_PRIORITY = TOPICS[TopicKey.ALERT].priority


@dataclass(frozen=True, slots=True)
class TopicTree:
    """The topics of one register.

    Attributes:
        prefix: First level, from the config; like the others lower case, no `/`, `+`, `#`.
    """

    prefix: str
    store_id: str
    register_id: str

    @property
    def client_id(self) -> str:
        """The MQTT client id: a second agent of the same register takes its place."""
        return f"{self.prefix}-{self.store_id}-{self.register_id}"

    def path(self, key: TopicKey, camera_id: str = "") -> str:
        """Return the full topic."""
        below = TOPICS[key].path.format(camera_id=camera_id)
        return f"{self.prefix}/{TREE_VERSION}/{self.store_id}/{self.register_id}/{below}"

    def inbound(self) -> dict[str, TopicKey]:
        """Return the full topics the agent subscribes."""
        return {self.path(key): key for key, topic in TOPICS.items() if topic.direction == "in"}
