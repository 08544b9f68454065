"""A sale audit as the store's table needs it, from the messages of the agents."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.errors import InputError, ProtocolError
from agent.outcomes import AuditResult
from agent.publish.events import SaleAuditPayload
from agent.publish.topics import TOPICS, TREE_VERSION, TopicKey

_PATH = TOPICS[TopicKey.SALE_AUDIT].path
#: An honest audit is about 500 bytes.
MAX_AUDIT_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class AuditedSale:
    """One restricted sale that has ended.

    Attributes:
        event_id: The key against duplicates.
        advice: `challenge`, `unsure` or `none`.
    """

    event_id: str
    store_id: str
    register_id: str
    occurred_wall_s: float
    advice: str
    result: AuditResult
    was_checked: bool


def parse_audit(topic: str, content: bytes) -> AuditedSale:
    """Return the audit that came on a topic.

    Raises:
        ProtocolError: The topic or the payload is not that of a sale audit.
    """
    store_id, register_id = _origin(topic)
    if len(content) > MAX_AUDIT_BYTES:
        raise ProtocolError(f"audit of {len(content)} bytes: at most {MAX_AUDIT_BYTES}")
    try:
        payload = SaleAuditPayload.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "payload"
        raise ProtocolError(f"{place[:80]}: {first['msg'][:200]}") from None
    return AuditedSale(
        event_id=payload.event_id,
        store_id=store_id,
        register_id=register_id,
        occurred_wall_s=datetime.datetime.fromisoformat(payload.occurred_at).timestamp(),
        advice=payload.advice,
        result=payload.result,
        was_checked=payload.id_checked_by is not None,
    )


def _origin(topic: str) -> tuple[str, str]:
    parts = topic.split("/", 4)
    if len(parts) != 5 or parts[1] != TREE_VERSION or parts[4] != _PATH:
        raise ProtocolError(f"topic {topic[:100]}: expected <prefix>/v1/<store>/<register>/{_PATH}")
    return parts[2], parts[3]


def read_json_lines(path: Path) -> Iterator[AuditedSale]:
    """Give the audits of a file with one message a line; other messages are passed over.

    `checkout-agent replay --jsonl` writes such lines, and `mosquitto_sub -F %J`.

    Raises:
        InputError: The file cannot be read, or a line is no such message.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                audit = _of_line(line, f"{path}: line {number}")
                if audit is not None:
                    yield audit
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: give another file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: no UTF-8 text: give a file of JSON lines") from error


def _of_line(line: str, place: str) -> AuditedSale | None:
    if not line.strip():
        return None
    expected = 'expected {"topic": …, "payload": …}'
    try:
        message: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: no JSON: {expected}") from error
    if not isinstance(message, dict) or "topic" not in message or "payload" not in message:
        raise InputError(f"{place}: {expected}")
    topic = str(message["topic"])
    if not topic.endswith(f"/{_PATH}"):
        return None
    try:
        return parse_audit(topic, json.dumps(message["payload"]).encode())
    except ProtocolError as error:
        raise InputError(f"{place}: {error}") from error
