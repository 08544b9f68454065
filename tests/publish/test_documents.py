"""The checked-in schemas are those of the classes, and real payloads satisfy them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from agent.commands.schema import schema
from agent.outcomes import AgeGroupSeen, Alert, Basket, Goods, Offer, SaleAudit
from agent.publish.documents import drifted, make_documents, make_schema
from agent.publish.events import StatePayload
from agent.publish.publisher import (
    OutboundMessage,
    camera_message,
    outcome_message,
    state_message,
)
from agent.publish.topics import TOPICS, TopicKey
from agent.records import CameraStatus

SCHEMAS = Path(__file__).parents[2] / "agent" / "publish" / "schemas"
V4 = "11111111-2222-4333-8444-555555555555"
V7 = "01936f0e-2222-7333-8444-555555555555"


def messages() -> list[OutboundMessage]:
    return [
        outcome_message(
            Alert(V7, "s", "unsure", "no_evidence", "alcohol", 25, 0, 1_800_000_000.0,
                  1_800_000_060.0)
        ),
        outcome_message(AgeGroupSeen(V4, "till", "unknown", (), 1.5, 0, 1_800_000_000.1239)),
        outcome_message(
            SaleAudit(V7, "s", ("alcohol",), True, "challenge", 1.0, "display", False,
                      "conscientious", 2.0)
        ),
        outcome_message(
            SaleAudit(V7, "s", (), False, "none", None, None, False, "not_due", 2.0)
        ),
        outcome_message(
            Basket(V4, ((Goods("dairy", "milk"), 2),), (("0-49", 0.25), ("50+", 0.75)), 7200.0)
        ),
        outcome_message(Offer(V4, (Goods("dairy", "milk"),), 5.0, 35.0)),
        camera_message(CameraStatus("till", "stalled", 5.0, "no frame for 3 s"), V7, 6.0),
        state_message(
            StatePayload(event_id=V7, occurred_at="2026-11-24T10:00:00.000Z", agent_version="1",
                         model=None, config_digest="0")
        ),
    ]  # fmt: skip


def test_the_checked_in_documents_are_those_of_the_classes() -> None:
    written = {
        file.name: file.read_text(encoding="utf-8") for file in SCHEMAS.iterdir() if file.is_file()
    }
    assert list(drifted(written)) == [], "checkout-agent schema agent/publish/schemas"


def test_drift_is_noticed() -> None:
    made = make_documents()
    changed = {**made, "alert.json": made["alert.json"].replace("sale_id", "sale"), "old.json": ""}
    del changed["state.json"]
    assert list(drifted(changed)) == ["alert.json", "old.json", "state.json"]


def test_the_command_writes_and_compares(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert schema(folder) == 0
    assert schema(folder, check=True) == 0
    (folder / "alert.json").write_text("{}")
    assert schema(folder, check=True) == 1


@pytest.mark.parametrize("message", messages(), ids=lambda message: message.key)
def test_what_is_sent_satisfies_its_schema(message: OutboundMessage) -> None:
    content = json.loads(message.payload.model_dump_json())
    checker = jsonschema.Draft202012Validator(make_schema(message.key))
    checker.validate(content)
    assert not checker.is_valid({**content, "face": "base64"})
    assert not checker.is_valid({k: v for k, v in content.items() if k != "event_id"})


def test_every_outbound_payload_was_tried() -> None:
    tried = {message.key for message in messages()}
    due = {key for key, row in TOPICS.items() if row.direction == "out" and row.payload}
    assert tried == due


@pytest.mark.parametrize("name", ["image", "crop", "gender", "embedding", "visit_id", "age_years"])
def test_no_schema_has_a_field_for_what_may_never_leave(name: str) -> None:
    for key, topic in TOPICS.items():
        if topic.payload is None:
            continue
        for fields in all_properties(make_schema(key)):
            # `crops` is how many there were, `challenge_age_years` the policy.
            suspicious = fields - {"crops", "challenge_age_years"}
            assert not [each for each in suspicious if name in each]


def all_properties(schema_part: object) -> list[set[str]]:
    if isinstance(schema_part, list):
        return [found for each in schema_part for found in all_properties(each)]
    if not isinstance(schema_part, dict):
        return []
    own = (
        [set(schema_part["properties"])] if isinstance(schema_part.get("properties"), dict) else []
    )
    return own + [found for each in schema_part.values() for found in all_properties(each)]


def test_the_asyncapi_document_names_every_topic_and_all_its_references_exist() -> None:
    document = yaml.safe_load(make_documents()["asyncapi.yaml"])
    assert set(document["channels"]) == {key.value for key in TOPICS}
    assert document["operations"]["receive-pos-sale"]["action"] == "receive"
    assert document["operations"]["send-alert"]["bindings"]["mqtt"]["retain"] is False
    for reference in references(document):
        target = document
        if reference.startswith("./"):
            assert reference.removeprefix("./") in make_documents()
            continue
        for level in reference.removeprefix("#/").split("/"):
            target = target[level]


def references(part: object) -> list[str]:
    if isinstance(part, list):
        return [found for each in part for found in references(each)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return own + [found for each in part.values() for found in references(each)]


def test_a_bare_word_has_no_schema() -> None:
    with pytest.raises(ValueError, match="no JSON payload"):
        make_schema(TopicKey.AVAILABILITY)
