"""Inbound payloads: only what is exactly as described gets in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import ProtocolError
from agent.outcomes import SaleMessage
from agent.publish.sales import MAX_INBOUND_BYTES, parse_confirm, parse_sale

SALE = {
    "schema_version": 1,
    "message_id": "till-1:42",
    "sale_id": "2026.1",
    "type": "item_scanned",
    "occurred_at": "2026-01-01T12:00:00.250+01:00",
    "item": {"product_id": "4006381333931", "category": "alcohol", "restricted": True,
             "quantity": 2},
}  # fmt: skip
OPENED = {key: value for key, value in SALE.items() if key != "item"} | {"type": "opened"}
CONFIRM = {
    "schema_version": 1,
    "message_id": "tap-1",
    "sale_id": "2026.1",
    "action": "id_refused",
    "occurred_at": "2026-01-01T11:00:00Z",
}


def encode(message: object) -> bytes:
    return json.dumps(message).encode()


def test_a_scan_becomes_a_sale_message() -> None:
    assert parse_sale(encode(SALE)) == SaleMessage(
        message_id="till-1:42",
        sale_id="2026.1",
        step="item_scanned",
        occurred_wall_s=1_767_265_200.25,
        product_id="4006381333931",
        category="alcohol",
        restricted=True,
        quantity=2,
    )


def test_a_tap_on_the_display_becomes_a_sale_message() -> None:
    message = parse_confirm(encode(CONFIRM))
    assert (message.step, message.source) == ("id_refused", "display")


@pytest.mark.parametrize("step", ["opened", "id_checked", "id_refused", "closed"])
def test_steps_without_an_item(step: str) -> None:
    assert parse_sale(encode({**OPENED, "type": step})).step == step


@pytest.mark.parametrize(
    "changes",
    [
        {"schema_version": 2},
        {"schema_version": "1"},
        {"schema_version": True},
        {"message_id": ""},
        {"message_id": "x" * 65},
        {"message_id": "a/b"},
        {"message_id": 7},
        {"sale_id": None},
        {"sale_id": "two\nlines"},
        {"type": "approved"},
        {"type": "opened"},
        {"item": None},
        {"occurred_at": 1767268800},
        {"occurred_at": "2026-01-01T12:00:00"},
        {"occurred_at": "0001-01-01T00:00:00+14:00"},
        {"occurred_at": "9999-12-31T23:59:59Z"},
        {"occurred_at": "yesterday"},
        {"extra": 1},
        {"item": {**SALE["item"], "quantity": 0}},  # type: ignore[dict-item]
        {"item": {**SALE["item"], "quantity": 10**30}},  # type: ignore[dict-item]
        {"item": {**SALE["item"], "quantity": 1.5}},  # type: ignore[dict-item]
        {"item": {**SALE["item"], "restricted": "yes"}},  # type: ignore[dict-item]
        {"item": {**SALE["item"], "category": "Alcohol"}},  # type: ignore[dict-item]
        {"item": {**SALE["item"], "price": 1}},  # type: ignore[dict-item]
    ],
)
def test_anything_else_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        parse_sale(encode({**SALE, **changes}))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"{" * 2000,
        b"[" * 4000,
        b'{"schema_version":' + b"9" * 4000 + b"}",
        encode(SALE) + b"x",
        encode({**SALE, "message_id": "\ud800"}),
        encode(SALE).replace(b"2}", b"NaN}"),
        b" " * MAX_INBOUND_BYTES + encode(SALE),
    ],
)
def test_what_is_no_message_is_refused_and_the_error_is_short_and_without_its_content(
    content: bytes,
) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_sale(content)
    assert len(str(caught.value)) < 400
    assert caught.value.__cause__ is None


@given(st.binary(max_size=300))
def test_noise_is_a_protocol_error_and_nothing_else(content: bytes) -> None:
    for parse in (parse_sale, parse_confirm):
        with pytest.raises(ProtocolError):
            parse(content)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*SALE, "action", "x"]), values))
def test_changed_messages_are_taken_or_refused_but_never_raise_otherwise(
    changes: dict[str, object],
) -> None:
    for parse, good in ((parse_sale, SALE), (parse_confirm, CONFIRM)):
        try:
            message = parse(encode({**good, **changes}))
        except ProtocolError:
            continue
        assert len(message.sale_id) <= 64
