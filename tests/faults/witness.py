"""What a consumer has received, and what that says about the agent: nothing else is asked."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage

from tests.brokers import Consumer
from tests.faults.till import Sale


@dataclass(frozen=True)
class Heard:
    """A message and when it came."""

    at_s: float
    topic: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Count:
    """How the events that were due have fared; see `tests.faults.report`."""

    due: int
    delivered: int
    duplicated: int
    doubled: int

    @property
    def lost(self) -> int:
        return self.due - self.delivered


class Witness(Consumer):
    """A consumer with a session that outlives the broker, and a clock."""

    heard: list[Heard]

    def _take(self, client: Client, data: object, message: MQTTMessage) -> None:
        super()._take(client, data, message)
        last = self.messages[-1]
        if last.payload.startswith(b"{"):
            self.__dict__.setdefault("heard", []).append(
                Heard(time.monotonic(), last.topic, last.json)
            )

    def on(self, topic_end: str) -> list[Heard]:
        """Return what came on topics that end so."""
        every = list(self.__dict__.get("heard", []))
        return [each for each in every if each.topic.endswith(topic_end)]

    def audit_of(self, sale: Sale) -> Heard | None:
        """Return the first audit of a sale."""
        audits = (a for a in self.on("event/sale-audit") if a.payload["sale_id"] == sale.sale_id)
        return next(audits, None)

    def alerts_of(self, sale: Sale) -> list[Heard]:
        """Return the alerts of a sale."""
        return [a for a in self.on("/alert") if a.payload["sale_id"] == sale.sale_id]

    def count(self, sales: list[Sale]) -> Count:
        """Judge the audits that these sales were due."""
        names = {sale.sale_id for sale in sales if sale.closed_at_s is not None}
        audits = [a for a in self.on("event/sale-audit") if a.payload["sale_id"] in names]
        ids: dict[str, set[str]] = {}
        for audit in audits:
            ids.setdefault(audit.payload["sale_id"], set()).add(audit.payload["event_id"])
        times = Counter(audit.payload["event_id"] for audit in audits)
        alerts: dict[tuple[str, str], set[str]] = {}
        for alert in self.on("/alert"):
            if alert.payload["sale_id"] in names:
                key = (alert.payload["sale_id"], alert.payload["advice"])
                alerts.setdefault(key, set()).add(alert.payload["event_id"])
        return Count(
            due=len(names),
            delivered=len(ids),
            duplicated=sum(count - 1 for count in times.values()),
            doubled=sum(len(each) - 1 for each in (*ids.values(), *alerts.values())),
        )
