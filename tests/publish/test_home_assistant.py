"""The discovery message: as Home Assistant demands it, and with templates that really render."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.config.decision import AgeGroupSection
from agent.decide.age_group import UNKNOWN_GROUP as UNKNOWN_OF_A_VISIT
from agent.decide.age_group import group_names
from agent.publish.home_assistant import (
    UNKNOWN_GROUP,
    components,
    discovery_payload,
    discovery_topic,
)
from agent.publish.topics import TopicTree
from tests.end_to_end.command_line import checkout_agent, json_lines
from tests.publish.home_assistant_rules import HomeAssistant, check_discovery, check_topic

TREE = TopicTree("checkout", "demo-store", "till-1")
GROUPS = group_names(AgeGroupSection())
SALES = Path(__file__).parents[1] / "end_to_end" / "golden" / "sales.yaml"


def home_assistant(*cameras: str) -> HomeAssistant:
    present = components(TREE, cameras, GROUPS)
    return HomeAssistant(json.loads(discovery_payload(TREE, "1.2", present, {})))


@pytest.mark.parametrize("cameras", [["till"], ["till", "side-2"], []])
def test_the_announcement_is_one_that_home_assistant_takes(cameras: list[str]) -> None:
    check_topic(discovery_topic("homeassistant", TREE), "homeassistant")
    check_discovery(home_assistant(*cameras).payload)


def test_an_entity_that_is_no_more_is_taken_away() -> None:
    payload = discovery_payload(
        TREE, "1.2", components(TREE, ["till"], GROUPS), {"camera_side": "binary_sensor"}
    )

    check_discovery(json.loads(payload))
    assert json.loads(payload)["components"]["camera_side"] == {"platform": "binary_sensor"}


def test_what_an_agent_says_shows_in_every_entity(carphone_clip: Path) -> None:
    finished = checkout_agent("replay", carphone_clip, "--jsonl", "-", "--sales", SALES)
    assert finished.returncode == 0, finished.stderr
    shown = home_assistant("till")
    states = []

    for line in json_lines(finished.stdout):
        shown.hear(line["topic"], json.dumps(line["payload"]).encode())
        states.append(dict(shown.states))

    assert {"camera_till": "on", "problem": "off"} in states
    assert shown.states == {"camera_till": "off", "problem": "on"}  # the recording is over
    names = [(name, kind) for name, kind, _ in shown.events]
    assert names[0] == ("ask_for_id", "unsure")
    assert names[-1][0] == "age_group"
    assert names[-1][1] in GROUPS
    assert shown.events[0][2].keys() == {"reason", "event_id"}
    assert shown.events[-1][2].keys() == {"event_id"}


def test_availability_is_the_agents_own() -> None:
    shown = home_assistant("till")

    shown.hear("checkout/v1/demo-store/till-1/availability", b"online")
    assert shown.available
    shown.hear("checkout/v1/demo-store/till-1/availability", b"offline")
    assert not shown.available


def test_a_visit_without_evidence_is_an_event_too() -> None:
    assert UNKNOWN_GROUP == UNKNOWN_OF_A_VISIT


def test_no_picture_and_no_age_finer_than_the_groups_is_announced() -> None:
    text = json.dumps(home_assistant("till").payload)

    assert not [word for word in ("image", "mean", "sd_years", "crop", "probab") if word in text]
    ages = [each for each in components(TREE, [], GROUPS).values() if "event_types" in each]
    assert [each["event_types"] for each in ages] == [
        ["challenge", "unsure"],
        [*GROUPS, UNKNOWN_GROUP],
    ]
