"""Payloads of `pos/sale`, `display/confirm` and `display/hello`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agent.errors import ProtocolError
from agent.publish.sales import parse_confirm, parse_hello, parse_sale
from tests.fuzz.inputs import is_taken
from tests.fuzz.targets.target import Target, of_bytes

BEGIN = {"schema_version": 1, "message_id": "m1", "occurred_at": "2026-11-24T10:00:00Z"}
ITEM = {"product_id": "beer", "category": "alcohol", "restricted": True, "quantity": 2}
SCANNED = {**BEGIN, "sale_id": "s1", "type": "item_scanned", "item": ITEM}
OPENED = {**BEGIN, "message_id": "m0", "sale_id": "s1", "type": "opened"}
CONFIRMED = {**BEGIN, "message_id": "m2", "sale_id": "s1", "action": "id_checked"}


def seeds() -> Sequence[bytes]:
    """Return one of each."""
    return [json.dumps(each).encode() for each in (SCANNED, OPENED, CONFIRMED, BEGIN)]


def parse(content: bytes) -> None:
    """Read it as each of them; what is taken is bounded."""
    is_taken(lambda: parse_hello(content), ProtocolError)
    for parse_step in (parse_confirm, parse_sale):
        if is_taken(lambda: parse_step(content), ProtocolError):  # noqa: B023 (called at once)
            message = parse_step(content)
            assert message.sale_id.isprintable()
            assert len(message.sale_id) <= 64


TARGET = Target(
    name="sale_messages",
    cases=10400,
    modules=("agent.publish.sales",),
    seeds=seeds,
    opened=of_bytes(parse, ProtocolError),
)
