"""Outbound payloads: instants, bounds, and nothing that may not be there."""

from __future__ import annotations

import datetime
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.ids import new_analytics_id, new_event_id
from agent.outcomes import AgeGroupSeen
from agent.publish.events import GroupProbability, age_group_payload, rfc3339


@pytest.mark.parametrize(
    ("wall_s", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_767_268_800.5, "2026-01-01T12:00:00.500Z"),
        (1_767_268_799.9996, "2026-01-01T12:00:00.000Z"),
        (1_767_268_800.1234, "2026-01-01T12:00:00.123Z"),
    ],
)
def test_an_instant_is_rfc_3339_in_utc_with_milliseconds(wall_s: float, text: str) -> None:
    assert rfc3339(wall_s) == text


@given(st.floats(0, 4e9))
def test_an_instant_reads_back_within_a_millisecond(wall_s: float) -> None:
    assert abs(datetime.datetime.fromisoformat(rfc3339(wall_s)).timestamp() - wall_s) < 0.001


def test_operational_ids_sort_by_time_and_analytics_ids_are_random() -> None:
    operational = [new_event_id() for _ in range(100)]
    assert operational == sorted(set(operational))
    assert {uuid.UUID(each).version for each in operational} == {7}
    assert {uuid.UUID(new_analytics_id()).version for _ in range(10)} == {4}


def test_group_probabilities_stay_in_order_and_within_bounds() -> None:
    seen = AgeGroupSeen(
        new_analytics_id(), "till", "b", (("a", -1e-12), ("b", 1.0000001)), 2.0, 3, 0.0
    )
    payload = age_group_payload(seen)
    assert [(each.group, each.probability_ratio) for each in payload.group_probabilities] == [
        ("a", 0.0),
        ("b", 1.0),
    ]


def test_a_probability_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValidationError):
        GroupProbability(group="a", probability_ratio=float("nan"))
