from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.vision import EstimateSection
from agent.errors import EstimateError
from agent.estimate import batcher as batcher_module
from agent.estimate.batcher import CropBatcher, is_distribution
from agent.records import AGE_CLASSES, AgeDistribution, AgeEstimate, FaceCrop, UInt8Array


def certain(year: int) -> AgeDistribution:
    return AgeDistribution(tuple(float(each == year) for each in range(AGE_CLASSES)))


NO_NUMBERS = AgeDistribution((math.nan,) * AGE_CLASSES)


@dataclass
class FakeEstimator:
    """Says the number that is in the crop's first pixel; 255 gives NaN, 254 an error."""

    batches: list[list[int]] = field(default_factory=list)

    def estimate(self, crops: UInt8Array) -> list[AgeDistribution]:
        numbers = [int(crop[0, 0, 0]) for crop in crops]
        if 254 in numbers:
            raise EstimateError("the runtime is ill")
        self.batches.append(numbers)
        return [NO_NUMBERS if number == 255 else certain(number % 101) for number in numbers]


def crop(visit_id: str, at_s: float = 0.0, number: int = 30, camera_id: str = "till") -> FaceCrop:
    pixels = np.full((4, 4, 3), number, np.uint8)
    return FaceCrop(pixels, camera_id, visit_id, at_s, quality_ratio=0.8, eye_distance_px=30)


def make(**settings: float) -> tuple[CropBatcher, FakeEstimator]:
    estimator = FakeEstimator()
    return CropBatcher(EstimateSection.model_validate(settings), estimator), estimator


def years(estimates: Sequence[AgeEstimate]) -> list[int]:
    return [round(estimate.distribution.mean_years) for estimate in estimates]


def test_a_crop_waits_for_company_until_the_deadline() -> None:
    batcher, estimator = make(max_wait_ms=40)
    batcher.add(crop("a", 1.00, 20))
    batcher.add(crop("b", 1.03, 50, camera_id="other"))
    assert batcher.collect(1.03) == []
    estimates = batcher.collect(1.04)
    assert estimator.batches == [[20, 50]]
    assert [(e.visit_id, e.camera_id, e.at_s) for e in estimates] == [
        ("a", "till", 1.00),
        ("b", "other", 1.03),
    ]
    assert years(estimates) == [20, 50]
    assert {e.quality_ratio for e in estimates} == {0.8}


def test_a_full_batch_does_not_wait() -> None:
    batcher, estimator = make(max_batch=3, max_wait_ms=1000)
    for name in "abc":
        batcher.add(crop(name))
    assert len(batcher.collect(0.0)) == 3
    assert estimator.batches == [[30, 30, 30]]


def test_flush_runs_everything_in_batches_of_the_allowed_size() -> None:
    batcher, estimator = make(max_batch=4, max_wait_ms=1000)
    for number in range(10):
        batcher.add(crop(f"visit-{number}", number=number))
    assert years(batcher.collect(0.0, flush=True)) == list(range(10))
    assert [len(batch) for batch in estimator.batches] == [4, 4, 2]
    assert batcher.batch_sizes == (0, 0, 1, 0, 2)


def test_nothing_waiting_runs_nothing() -> None:
    batcher, estimator = make()
    assert batcher.collect(5.0, flush=True) == []
    assert estimator.batches == []
    assert batcher.batch_sizes == ()


def test_the_newest_crop_of_a_visit_replaces_the_one_that_waits_and_keeps_its_deadline() -> None:
    batcher, _ = make(max_wait_ms=40)
    batcher.add(crop("a", 0.00, 10))
    batcher.add(crop("a", 0.03, 20))
    assert batcher.crops_replaced == 1
    assert years(batcher.collect(0.04)) == [20]


def test_a_late_older_crop_does_not_replace_the_newest() -> None:
    batcher, _ = make()
    batcher.add(crop("a", 2.0, 20))
    batcher.add(crop("a", 1.0, 10))
    assert years(batcher.collect(2.0, flush=True)) == [20]
    assert batcher.crops_dropped == 1


def test_beyond_max_pending_the_longest_waiting_visit_is_dropped_and_counted() -> None:
    batcher, _ = make(max_pending=2, max_batch=16)
    for number, name in enumerate("abc"):
        batcher.add(crop(name, float(number), number))
    estimates = batcher.collect(2.0, flush=True)
    assert [each.visit_id for each in estimates] == ["b", "c"]
    assert (batcher.crops_pushed_out, batcher.crops_dropped) == (1, 1)


def test_a_new_visit_is_wanted_at_once_and_then_at_the_rate() -> None:
    batcher, _ = make(rate_hz=8)
    assert batcher.wants("a", 10.0)
    batcher.add(crop("a", 10.0))
    assert not batcher.wants("a", 10.1)
    assert batcher.wants("a", 10.125)
    assert batcher.wants("b", 10.0)


def test_frames_on_a_grid_that_matches_the_rate_are_not_missed_by_rounding() -> None:
    batcher, _ = make(rate_hz=10, settled_crops=1000)
    taken = 0
    for index in range(100):
        if batcher.wants("a", index * 0.1):
            batcher.add(crop("a", index * 0.1))
            taken += 1
    assert taken == 100


def test_a_settled_visit_costs_little() -> None:
    batcher, _ = make(rate_hz=8, settled_crops=2, settled_rate_hz=1)
    for at_s in (0.0, 0.2):
        batcher.add(crop("a", at_s))
        batcher.collect(at_s, flush=True)
    assert not batcher.wants("a", 1.1)
    assert batcher.wants("a", 1.2)


def test_crops_without_an_estimate_do_not_settle_a_visit() -> None:
    batcher, _ = make(rate_hz=8, settled_crops=1, settled_rate_hz=1)
    batcher.add(crop("a", 0.0, number=254))
    batcher.collect(0.0, flush=True)
    assert batcher.wants("a", 0.2)


def test_a_failed_batch_is_counted_logged_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    batcher, _ = make()
    batcher.add(crop("a", number=254))
    batcher.add(crop("b", number=30))
    with caplog.at_level(logging.ERROR):
        assert batcher.collect(1.0) == []
    assert "batch_failed crops=2 in_row=1 error=the runtime is ill" in caplog.text
    assert batcher.crops_failed == 2
    assert batcher.batch_sizes == ()
    batcher.add(crop("b", 2.0, 40))
    assert years(batcher.collect(3.0)) == [40]


def test_the_third_failure_in_a_row_goes_up() -> None:
    batcher, _ = make()
    for attempt in range(2):
        batcher.add(crop("a", float(attempt), 254))
        assert batcher.collect(attempt + 0.5) == []
    batcher.add(crop("a", 2.0, 254))
    with pytest.raises(EstimateError, match="the runtime is ill"):
        batcher.collect(2.5)


def test_a_good_batch_between_failures_forgives_them() -> None:
    batcher, _ = make()
    for attempt, number in enumerate([254, 254, 30, 254, 254, 30]):
        batcher.add(crop("a", float(attempt), number))
        batcher.collect(attempt + 0.5)
    assert batcher.crops_failed == 4


def test_nan_is_never_passed_on_and_spoils_no_neighbour() -> None:
    batcher, _ = make()
    for name, number in (("a", 30), ("b", 255), ("c", 40)):
        batcher.add(crop(name, number=number))
    estimates = batcher.collect(1.0)
    assert [(e.visit_id, round(e.distribution.mean_years)) for e in estimates] == [
        ("a", 30),
        ("c", 40),
    ]
    assert batcher.crops_failed == 1


def test_nothing_but_nan_is_a_failed_batch() -> None:
    batcher, _ = make()
    for attempt in range(3):
        batcher.add(crop("a", float(attempt), 255))
        if attempt < 2:
            assert batcher.collect(attempt + 0.5) == []
    with pytest.raises(EstimateError, match="is the model broken"):
        batcher.collect(2.5)


def test_too_few_answers_are_a_failed_batch() -> None:
    class Forgetful(FakeEstimator):
        def estimate(self, crops: UInt8Array) -> list[AgeDistribution]:
            return super().estimate(crops)[1:]

    batcher = CropBatcher(EstimateSection(), Forgetful())
    batcher.add(crop("a"))
    batcher.add(crop("b"))
    assert batcher.collect(1.0) == []
    assert batcher.crops_failed == 2


def test_visits_long_gone_are_forgotten() -> None:
    batcher, _ = make(rate_hz=8, settled_crops=1, settled_rate_hz=0.001)
    batcher.add(crop("a", 0.0))
    batcher.collect(0.0, flush=True)
    assert not batcher.wants("a", 130.0)
    batcher.collect(130.0)
    assert batcher.wants("a", 130.0)


def test_a_flood_of_visits_does_not_fill_the_memory() -> None:
    batcher, _ = make(max_pending=8)
    for number in range(batcher_module.MAX_KNOWN_VISITS + 500):
        batcher.add(crop(f"visit-{number}", number * 1e-6))
        batcher.collect(number * 1e-6)
    assert len(batcher._known) == batcher_module.MAX_KNOWN_VISITS
    assert len(batcher._waiting) <= 8


@pytest.mark.parametrize(
    "probabilities",
    [
        (math.nan,) + (0.0,) * 99 + (1.0,),
        (math.inf,) + (0.0,) * 100,
        (math.inf, -math.inf) + (0.0,) * 99,
        (-0.5, 1.5) + (0.0,) * 99,
        (0.5,) + (0.0,) * 100,
    ],
)
def test_what_is_no_distribution_is_known(probabilities: tuple[float, ...]) -> None:
    assert not is_distribution(AgeDistribution(probabilities))


@dataclass(frozen=True)
class Arrival:
    """One step of a random run: a crop and whether to collect after it."""

    visit: int
    step_s: float
    collect: bool


arrivals = st.lists(
    st.builds(Arrival, st.integers(0, 12), st.floats(0, 0.1), st.booleans()), max_size=80
)
sizes = st.integers(1, 8)


def play(
    steps: Sequence[Arrival], max_batch: int, max_pending: int
) -> tuple[list[tuple[str, float]], list[AgeEstimate], list[list[int]]]:
    """Run the steps; return the crops added, the estimates, and the batches."""
    batcher, estimator = make(max_batch=max_batch, max_pending=max_pending, max_wait_ms=30)
    added: list[tuple[str, float]] = []
    estimates: list[AgeEstimate] = []
    now_s = 0.0
    for step in steps:
        now_s += step.step_s
        added.append((f"visit-{step.visit}", now_s))
        batcher.add(crop(f"visit-{step.visit}", now_s))
        if step.collect:
            estimates += batcher.collect(now_s)
    estimates += batcher.collect(now_s, flush=True)
    assert len(estimates) + batcher.crops_dropped == len(added)
    return added, estimates, estimator.batches


@given(steps=arrivals, max_batch=sizes)
def test_the_newest_crop_of_every_visit_is_estimated(steps: list[Arrival], max_batch: int) -> None:
    added, estimates, _ = play(steps, max_batch, max_pending=64)
    assert {e.visit_id: e.at_s for e in estimates} == dict(added)


@given(steps=arrivals, max_batch=sizes, max_pending=sizes)
def test_no_batch_is_larger_than_allowed(
    steps: list[Arrival], max_batch: int, max_pending: int
) -> None:
    _, _, batches = play(steps, max_batch, max_pending)
    assert all(1 <= len(batch) <= max_batch for batch in batches)


@given(steps=arrivals, max_batch=sizes, max_pending=sizes)
def test_the_same_steps_give_the_same_estimates(
    steps: list[Arrival], max_batch: int, max_pending: int
) -> None:
    assert play(steps, max_batch, max_pending) == play(steps, max_batch, max_pending)


@given(steps=arrivals, max_batch=sizes)
def test_the_estimates_of_a_visit_come_in_the_order_of_their_crops(
    steps: list[Arrival], max_batch: int
) -> None:
    _, estimates, _ = play(steps, max_batch, max_pending=64)
    for visit in {e.visit_id for e in estimates}:
        times = [e.at_s for e in estimates if e.visit_id == visit]
        assert times == sorted(times)


@given(steps=arrivals, max_batch=sizes, max_wait_ms=st.floats(0, 200))
def test_no_crop_waits_beyond_the_deadline(
    steps: list[Arrival], max_batch: int, max_wait_ms: float
) -> None:
    batcher, _ = make(max_batch=max_batch, max_wait_ms=max_wait_ms)
    now_s = 0.0
    for step in steps:
        now_s += step.step_s
        batcher.add(crop(f"visit-{step.visit}", now_s))
    batcher.collect(now_s + max_wait_ms / 1000)
    assert not batcher._waiting
