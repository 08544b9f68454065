"""The soaks' judgement: a leak is caught, a warm-up and noise are not."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.soak.judgement import JUDGED, judge
from tests.soak.run import table_of, write
from tests.soak.samples import Sample

FLAT = Sample(
    at_s=0.0, done=0, agent_mb=100.0, vision_mb=300.0, capture_mb=60.0, threads=40, open_files=80,
    memfds=4, named_segments=2, outbox_rows=5, outbox_kb=20.0, events=0,
)  # fmt: skip
COUNT = 100


def samples(name: str = "", value: Callable[[int], float] | None = None) -> list[Sample]:
    """Flat ones with a little noise, and one series as it is given."""
    chance = random.Random(1)
    made = []
    for number in range(COUNT):
        noise = replace(FLAT, agent_mb=FLAT.agent_mb + chance.uniform(-2, 2))
        sample = replace(noise, at_s=number * 36.0, done=number)
        changes: dict[str, Any] = {} if value is None else {name: value(number)}
        made.append(replace(sample, **changes))
    return made


def grown(taken: Sequence[Sample]) -> list[str]:
    return [verdict.name for verdict in judge(taken) if verdict.has_grown]


def test_what_is_flat_has_not_grown() -> None:
    assert grown(samples()) == []


@pytest.mark.parametrize("name", JUDGED)
def test_a_leak_is_caught_in_every_series(name: str) -> None:
    first = max(float(getattr(FLAT, name)), 1.0)
    step = max(first * 0.3, JUDGED[name] * 3) / COUNT
    assert grown(samples(name, lambda number: first + number * step)) == [name]


def test_a_warm_up_is_no_leak() -> None:
    assert grown(samples("vision_mb", lambda number: min(300.0, 100.0 + 20.0 * number))) == []


def test_a_spike_is_no_leak() -> None:
    assert grown(samples("outbox_rows", lambda number: 5000 if number == 90 else 3)) == []


def test_what_shrinks_has_not_grown() -> None:
    assert grown(samples("open_files", lambda number: 200 - number)) == []


def test_a_leak_of_a_tenth_is_the_limit() -> None:
    assert grown(samples("vision_mb", lambda number: 300.0 if number < 60 else 328.0)) == []
    assert grown(samples("vision_mb", lambda number: 300.0 if number < 60 else 332.0)) == [
        "vision_mb"
    ]


def test_the_slope_is_of_an_hour() -> None:
    (verdict,) = [
        each for each in judge(samples("threads", lambda number: number)) if each.name == "threads"
    ]
    assert verdict.slope_per_hour == pytest.approx(100.0)


def test_too_few_samples_tell_nothing() -> None:
    with pytest.raises(ValueError, match="at least 12"):
        judge(samples()[:14])


def test_samples_and_curves_are_written(tmp_path: Path) -> None:
    taken = samples()
    assert write(taken, "frames", tmp_path) == "99 frames in 59.4 minutes"
    with (tmp_path / "frames.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == COUNT
    assert float(rows[0]["vision_mb"]) == 300.0
    assert b"<svg" in (tmp_path / "frames.svg").read_bytes()[:2000]
    assert (tmp_path / "frames.png").is_file()
    assert write([], "visits", tmp_path) == "visits"
    assert table_of(judge(taken), "t").row_count == len(JUDGED)
