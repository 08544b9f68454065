"""Records on the pipe: what passes the schema can be counted, dated and kept."""

from __future__ import annotations

import json

import pytest

from agent import wire
from agent.errors import ProtocolError
from agent.records import AGE_CLASSES, AgeDistribution, AgeEstimate, VisionProgress, VisitStarted


def test_a_record_comes_back_as_it_was() -> None:
    ages = AgeDistribution((1.0,) + (0.0,) * (AGE_CLASSES - 1))
    for record in (VisitStarted("till", "v", 1.5), AgeEstimate("till", "v", 1.5, 0.5, ages)):
        assert wire.decode(wire.encode(record)) == record


@pytest.mark.parametrize("at_s", ["-1e300", "1e300", "1e999", "NaN", "-Infinity"])
def test_a_time_that_is_no_date_is_refused(at_s: str) -> None:
    line = f'{{"kind": "visit_started", "camera_id": "c", "visit_id": "v", "at_s": {at_s}}}'
    with pytest.raises(ProtocolError, match="at_s"):
        wire.decode(line.encode())


@pytest.mark.parametrize(
    "made_up",
    [
        {"frames": -1},
        {"frames": 10**400},
        {"batch_sizes": [0, 10**20]},
        {"batch_sizes": [0] * 1026},
        {"rejected": {str(number): 1 for number in range(65)}},
    ],
)
def test_a_count_that_nobody_can_have_counted_is_refused(made_up: dict[str, object]) -> None:
    line = json.dumps({"kind": "vision_progress", "at_s": 1.0, **made_up})
    with pytest.raises(ProtocolError, match=next(iter(made_up))):
        wire.decode(line.encode())


def test_the_largest_counts_are_taken() -> None:
    record = VisionProgress(1e9, frames=2**53, batch_sizes=(0,) * 1025)
    assert wire.decode(wire.encode(record)) == record
