"""Announces the register to Home Assistant, and takes it back when that is switched off.

A retained message outlives the agent, so what was announced is written down beside the outbox:
the next agent knows what to take back, whatever has become of the settings.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from agent import ids
from agent.publish.home_assistant import Component, discovery_payload
from agent.publish.outbox_table import Parcel
from agent.publish.topics import TOPICS, TopicKey, TopicTree

_log = logging.getLogger(__name__)
#: As important as the state, which it lets Home Assistant read.
_PRIORITY = TOPICS[TopicKey.STATE].priority


class _Announced(BaseModel):
    """What brokers may still hold: the platforms of the entities, by topic and id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topics: dict[str, dict[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is to be announced.

    Attributes:
        topic: Where Home Assistant looks.
        components: The entities by id.
    """

    topic: str
    tree: TopicTree
    version: str
    components: Mapping[str, Component]

    def payload(self, before: Mapping[str, str]) -> bytes:
        """Return the message; entities of `before` that are no more are taken away."""
        gone = {name: kind for name, kind in before.items() if name not in self.components}
        return discovery_payload(self.tree, self.version, self.components, gone)

    @property
    def platforms(self) -> dict[str, str]:
        """What kind each entity is."""
        return {name: str(each["platform"]) for name, each in self.components.items()}


class Discovery:
    """Belongs to the main loop.

    Args:
        announcement: None: switched off.
        record: The file that remembers what was announced; absent when nothing was.
        commit: Takes the messages: into the outbox, like all others.
    """

    def __init__(
        self,
        announcement: Announcement | None,
        record: Path,
        commit: Callable[[Parcel], None],
    ) -> None:
        self._announcement = announcement
        self._record = record
        self._commit = commit
        self._is_settled = False

    def begin(self) -> None:
        """Announce, and take back what was announced elsewhere; with neither, do nothing."""
        announced = self._load()
        wanted = self._announcement
        # Written down first: killed after that, the next agent takes back what may be out.
        self._save(announced if wanted is None else _joined(announced, wanted))
        for topic in announced.topics:
            if wanted is None or topic != wanted.topic:
                _log.info("home_assistant_takes_back topic=%s", topic)
                self._commit(_parcel(topic, b""))
        if wanted is not None:
            before = announced.topics.get(wanted.topic, {})
            self._commit(_parcel(wanted.topic, wanted.payload(before)))

    def delivered(self) -> None:
        """Take note that the broker has everything: what was taken back is forgotten."""
        if self._is_settled:
            return
        self._is_settled = True
        wanted = self._announcement
        self._save(_Announced(topics={} if wanted is None else {wanted.topic: wanted.platforms}))

    def _load(self) -> _Announced:
        try:
            return _Announced.model_validate_json(self._record.read_bytes())
        except FileNotFoundError:
            return _Announced()
        except (OSError, ValidationError) as error:
            _log.error("home_assistant_record_unreadable path=%s error=%s", self._record, error)
            return _Announced()

    def _save(self, announced: _Announced) -> None:
        try:
            if not announced.topics:
                self._record.unlink(missing_ok=True)
                return
            self._record.parent.mkdir(parents=True, exist_ok=True)
            beside = self._record.with_name(f"{self._record.name}.new")
            beside.write_text(announced.model_dump_json(), encoding="utf-8")
            beside.replace(self._record)
        except OSError as error:
            # A till without a working disk still has to ask for ID.
            _log.error("home_assistant_record_unsaved path=%s error=%s", self._record, error)


def _joined(announced: _Announced, wanted: Announcement) -> _Announced:
    here = announced.topics.get(wanted.topic, {}) | wanted.platforms
    return _Announced(topics={**announced.topics, wanted.topic: here})


def _parcel(topic: str, payload: bytes) -> Parcel:
    return Parcel(ids.new_event_id(), topic, payload, qos=1, retain=True, priority=_PRIORITY)
