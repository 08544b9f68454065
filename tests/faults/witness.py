"""What a consumer has received, and what that says about the agent: nothing else is asked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
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
    committed: int
    delivered: int
    duplicated: int
    doubled: int

    @property
    def lost(self) -> int:
        """Committed or not: due and not delivered."""
        return self.due - self.delivered

    @property
    def uncommitted(self) -> int:
        return self.due - self.committed

    @property
    def undelivered(self) -> int:
        return self.committed - self.delivered


class Diary:
    """Everything heard, found quickly by topic and by sale."""

    def __init__(self, heard: Iterable[Heard] = ()) -> None:
        self._topics: dict[str, list[Heard]] = {}
        self._audits: dict[str, list[Heard]] = {}
        self._alerts: dict[str, list[Heard]] = {}
        for each in heard:
            self.write(each)

    def write(self, heard: Heard) -> None:
        """Remember a message."""
        self._topics.setdefault(heard.topic, []).append(heard)
        for topic_end, sales in (("/event/sale-audit", self._audits), ("/alert", self._alerts)):
            if heard.topic.endswith(topic_end):
                sales.setdefault(str(heard.payload["sale_id"]), []).append(heard)

    def on(self, topic_end: str) -> list[Heard]:
        """Return what came on topics that end so."""
        topics = list(self._topics.items())
        return [each for topic, heard in topics if topic.endswith(topic_end) for each in heard]

    def audit_of(self, sale: Sale) -> Heard | None:
        """Return the first audit of a sale."""
        return next(iter(self._audits.get(sale.sale_id, ())), None)

    def alerts_of(self, sale: Sale) -> list[Heard]:
        """Return the alerts of a sale."""
        return list(self._alerts.get(sale.sale_id, ()))

    def count(self, sales: list[Sale], committed: Mapping[str, set[str]]) -> Count:
        """Judge the audits that these sales were due.

        Args:
            sales: Of the script; those still open are left out.
            committed: Event ids of audits that were seen in the outbox, by sale.
        """
        names = {sale.sale_id for sale in sales if sale.closed_at_s is not None}
        audits = [audit for name in names for audit in self._audits.get(name, ())]
        ids = {name: set(committed.get(name, ())) for name in names}
        for audit in audits:
            ids[audit.payload["sale_id"]].add(audit.payload["event_id"])
        times = Counter(audit.payload["event_id"] for audit in audits)
        alerts: dict[tuple[str, str], set[str]] = {}
        for alert in (each for name in names for each in self._alerts.get(name, ())):
            key = (alert.payload["sale_id"], alert.payload["advice"])
            alerts.setdefault(key, set()).add(alert.payload["event_id"])
        facts = [each for each in (*ids.values(), *alerts.values()) if each]
        return Count(
            due=len(names),
            committed=sum(bool(each) for each in ids.values()),
            delivered=len({audit.payload["sale_id"] for audit in audits}),
            duplicated=sum(count - 1 for count in times.values()),
            doubled=sum(len(each) - 1 for each in facts),
        )


class Witness(Consumer):
    """A consumer with a session that outlives the broker, a clock and a diary."""

    def __init__(self, port: int) -> None:
        self.diary = Diary()
        super().__init__(port)

    def _take(self, client: Client, data: object, message: MQTTMessage) -> None:
        super()._take(client, data, message)
        last = self.messages[-1]
        if last.payload.startswith(b"{"):
            self.diary.write(Heard(time.monotonic(), last.topic, last.json))
