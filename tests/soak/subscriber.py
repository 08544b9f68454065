"""A subscriber that only counts: one that kept what it hears would grow itself."""

from __future__ import annotations

from collections import Counter

from paho.mqtt.client import Client, MQTTMessage

from tests.brokers import Consumer


class CountingConsumer(Consumer):
    """Counts messages by the last level of their topic."""

    counts: Counter[str]

    def _take(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        counts = self.__dict__.setdefault("counts", Counter())
        counts[message.topic.rpartition("/")[2]] += 1

    def count(self, topic_end: str) -> int:
        """Return how many came on topics whose last level is that."""
        return int(self.__dict__.get("counts", Counter())[topic_end])

    @property
    def events(self) -> int:
        """How many messages have come at all."""
        return sum(dict(self.__dict__.get("counts", {})).values())
