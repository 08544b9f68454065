"""What the collectors receive from other machines: audits and baskets, topic, blank, payload."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from agent.audit.sales import parse_audit, read_json_lines
from agent.errors import InputError, ProtocolError
from agent.insights.collector import read_basket
from agent.outcomes import Basket, Goods, SaleAudit
from agent.publish.publisher import outcome_message
from tests.fuzz.targets.target import Target, of_bytes, of_file

EVENT_ID = "01234567-89ab-4cde-8f01-23456789abcd"
BASE = "checkout/v1/store/till-1/event"
AUDIT = SaleAudit(
    EVENT_ID, "s1", ("alcohol",), True, "challenge", 1.0, "display", False, "conscientious", 2.0
)
BASKET = Basket(EVENT_ID, ((Goods("alcohol", "beer"), 2),), (("18-24", 0.5), ("25-34", 0.5)), 0.0)


def _audits() -> Sequence[bytes]:
    return [f"{BASE}/sale-audit ".encode() + _payload(AUDIT)]


def _baskets() -> Sequence[bytes]:
    return [f"{BASE}/basket ".encode() + _payload(BASKET)]


def _lines() -> Sequence[bytes]:
    message = {"topic": f"{BASE}/sale-audit", "payload": json.loads(_payload(AUDIT))}
    return [json.dumps(message).encode() + b"\n"]


def _payload(outcome: SaleAudit | Basket) -> bytes:
    return outcome_message(outcome).payload.model_dump_json().encode()


def _read_audit(content: bytes) -> None:
    topic, _, payload = content.partition(b" ")
    parse_audit(topic.decode(errors="replace"), payload)


def _read_basket(content: bytes) -> None:
    topic, _, payload = content.partition(b" ")
    read_basket(topic.decode(errors="replace"), payload)


def _read_lines(path: Path) -> None:
    list(read_json_lines(path))


AUDITS = Target(
    name="audits",
    cases=3000,
    modules=("agent.audit.sales",),
    seeds=_audits,
    opened=of_bytes(_read_audit, ProtocolError),
)
AUDIT_LINES = Target(
    name="audit_lines",
    cases=2000,
    modules=("agent.audit.sales",),
    seeds=_lines,
    opened=of_file("audits.jsonl", _read_lines, InputError),
)
BASKETS = Target(
    name="baskets",
    cases=3000,
    modules=("agent.publish.basket",),
    seeds=_baskets,
    opened=of_bytes(_read_basket, ProtocolError),
)
