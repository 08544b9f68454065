from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.audit.sales import parse_audit, read_json_lines
from agent.errors import InputError, ProtocolError
from agent.outcomes import SaleAudit
from agent.publish.events import sale_audit_payload
from tests.audit.audited import NOON_WALL_S

TOPIC = "checkout/v1/north/till-2/event/sale-audit"


def payload(**changes: object) -> dict[str, object]:
    audit = SaleAudit(
        event_id="01890000-0000-7000-8000-000000000001",
        sale_id="s1",
        categories=("alcohol",),
        challenge_due=True,
        advice="challenge",
        shown_wall_s=NOON_WALL_S - 5,
        id_checked_by="display",
        id_refused=False,
        result="conscientious",
        occurred_wall_s=NOON_WALL_S,
    )
    return {**sale_audit_payload(audit).model_dump(mode="json"), **changes}


def test_an_audit_is_read_with_the_register_of_its_topic() -> None:
    sale = parse_audit(TOPIC, json.dumps(payload()).encode())
    assert (sale.store_id, sale.register_id) == ("north", "till-2")
    assert (sale.occurred_wall_s, sale.result, sale.was_checked) == (
        NOON_WALL_S,
        "conscientious",
        True,
    )


@pytest.mark.parametrize(
    ("topic", "content"),
    [
        ("checkout/v1/north/till-2/alert", b"{}"),
        ("checkout/v2/north/till-2/event/sale-audit", b"{}"),
        ("", b"{}"),
        (TOPIC, b"no json"),
        (TOPIC, b"[]"),
        (TOPIC, b'{"event_id": 1}'),
        (TOPIC, b"{" + b" " * 20_000 + b"}"),
    ],
)
def test_what_is_no_audit_is_refused(topic: str, content: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_audit(topic, content)


def test_a_file_of_all_messages_gives_its_audits(tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    lines = [
        {"topic": "checkout/v1/north/till-2/alert", "payload": {}},
        {"topic": TOPIC, "payload": payload(), "qos": 1, "tst": "added by mosquitto_sub"},
    ]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    assert [sale.register_id for sale in read_json_lines(file)] == ["till-2"]


@pytest.mark.parametrize("line", ["{", '{"topic": "x"}', "[1]", "\udcff"])
def test_a_broken_line_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    file.write_bytes(line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(InputError, match="messages"):
        list(read_json_lines(file))


def test_an_audit_that_breaks_the_schema_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "messages.jsonl"
    file.write_text(json.dumps({"topic": TOPIC, "payload": payload(result="fine")}))
    with pytest.raises(InputError, match="line 1: result"):
        list(read_json_lines(file))


@pytest.mark.parametrize(
    "instant",
    [
        "2026-13-45T99:00:00.000Z",
        "0000-01-01T00:00:00.000Z",
        "\u0662\u0660\u0662\u0666-01-01T00:00:00.000Z",
    ],
)
def test_an_audit_of_no_date_is_refused(instant: str) -> None:
    with pytest.raises(ProtocolError, match="occurred_at"):
        parse_audit(TOPIC, json.dumps(payload(occurred_at=instant)).encode())


def test_a_line_nested_without_end_is_named(tmp_path: Path) -> None:
    path = tmp_path / "audits.jsonl"
    path.write_text('{"a":' * 100_000)
    with pytest.raises(InputError, match="line 1: no JSON"):
        list(read_json_lines(path))
