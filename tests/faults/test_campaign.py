"""The short form of the fault campaign; `make faults` runs the long one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.campaign import PLANS, Field, Plan, battlefield, inflict, resident_bytes
from tests.faults.report import MAX_RECOVERY_S, Row, table
from tests.faults.till import Sale
from tests.faults.witness import Count, Heard, Witness

pytestmark = [pytest.mark.mosquitto, pytest.mark.slow, pytest.mark.timeout(300)]
#: A loaded build server is slower than a till; the long campaign reports the true figure.
SLACK_S = 20.0


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, carphone_clip: Path) -> Iterator[Field]:
    folder = tmp_path_factory.mktemp("campaign")
    with battlefield(folder, carphone_clip, seed=3, freeze_s=3.0) as started:
        yield started


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_nothing_is_lost_and_nothing_doubled(scene: Field, plan: Plan) -> None:
    times = 2 if plan.share == 1.0 else 1
    row = inflict(scene, plan.name, plan.fault, times, shows_again=plan.shows_again)
    assert row.is_good, "\n" + table(scene.rows)
    assert row.count.due > 0
    assert row.recovery_s < MAX_RECOVERY_S + SLACK_S, "\n" + table(scene.rows)


def test_the_agent_does_not_grow(scene: Field) -> None:
    before_bytes = resident_bytes(scene.agent)
    plan = next(plan for plan in PLANS if plan.name == "capture killed")
    inflict(scene, plan.name, plan.fault, 2, shows_again=False)
    assert resident_bytes(scene.agent) < 1.1 * before_bytes + 2**20


class Told(Witness):
    """A witness that was told everything, for the judge's own test."""

    def __init__(self, heard: list[Heard]) -> None:
        self.heard = heard


def audit(sale_id: str, event_id: str) -> Heard:
    return Heard(0.0, "checkout/event/sale-audit", {"sale_id": sale_id, "event_id": event_id})


def test_the_judge_sees_what_is_lost_duplicated_and_doubled() -> None:
    sales = [Sale(f"s{number}", closed_at_s=1.0) for number in range(4)] + [Sale("still-open")]
    told = Told([audit("s0", "a"), audit("s1", "b"), audit("s1", "b"), audit("s2", "c")])
    told.heard.append(audit("s2", "d"))
    count = told.count(sales)
    assert count == Count(due=4, delivered=3, duplicated=1, doubled=1)
    assert count.lost == 1
    assert not Row("x", 1, count, 0.0, 0, had_to_be_shown=False).is_good


def test_a_due_challenge_that_does_not_come_again_is_no_success() -> None:
    good = Count(due=2, delivered=2, duplicated=9, doubled=0)
    assert Row("x", 2, good, 0.0, 2, had_to_be_shown=True).is_good
    assert not Row("x", 2, good, 0.0, 1, had_to_be_shown=True).is_good
