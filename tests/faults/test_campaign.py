"""The short form of the fault campaign; `make faults` runs the long one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import wait_until
from tests.faults.campaign import memory_since
from tests.faults.plans import PLANS
from tests.faults.report import MAX_NOTICED_S, MAX_RECOVERY_S, Memory, Row, table
from tests.faults.scene import Scene, battlefield
from tests.faults.till import Sale
from tests.faults.trial import Plan, inflict
from tests.faults.witness import Count, Diary, Heard

pytestmark = [pytest.mark.mosquitto, pytest.mark.slow, pytest.mark.timeout(300)]
#: The agent's start on a machine that has nothing else to do; where it takes longer, so may the
#: recovery, of which a start is a part.
QUIET_START_S = 4.0
KILLS = 2


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, carphone_clip: Path) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("campaign")
    with battlefield(folder, carphone_clip, seed=3, freeze_s=4.0) as started:
        yield started


@pytest.fixture(scope="module")
def before_bytes(scene: Scene) -> dict[str, int]:
    audits = "event/sale-audit"
    assert wait_until(lambda: len(scene.witness.diary.on(audits)) >= 10, 30.0)
    return scene.resident_bytes()


@pytest.mark.parametrize(
    "plan", [plan for plan in PLANS if plan.in_tests], ids=lambda plan: plan.name
)
def test_nothing_is_lost_and_nothing_doubled(
    scene: Scene, before_bytes: dict[str, int], plan: Plan
) -> None:
    if lack := plan.need():
        pytest.skip(f"needs {lack}")
    row = inflict(scene, plan, plan.times(KILLS))
    if is_slow(row, scene):  # the machine is, perhaps; then not twice
        row = inflict(scene, plan, 1)
    shown = "\n" + table(scene.rows)
    assert row.wrongs == (), shown
    assert row.count.due > 0, shown
    assert not is_slow(row, scene), shown


def is_slow(row: Row, scene: Scene) -> bool:
    busy_s = max(0.0, scene.start_s - QUIET_START_S)
    recovers_late = row.recovery_s > MAX_RECOVERY_S + busy_s
    return recovers_late or (row.noticed_s or 0.0) > MAX_NOTICED_S


def test_no_process_has_grown(scene: Scene, before_bytes: dict[str, int]) -> None:
    assert [wrong for each in memory_since(scene, before_bytes) for wrong in each.wrongs] == []


def audit(sale_id: str, event_id: str) -> Heard:
    return Heard(0.0, "checkout/event/sale-audit", {"sale_id": sale_id, "event_id": event_id})


def alert(sale_id: str, event_id: str) -> Heard:
    payload = {"sale_id": sale_id, "event_id": event_id, "advice": "unsure"}
    return Heard(0.0, "checkout/alert", payload)


def test_the_judge_sees_what_is_lost_duplicated_and_doubled() -> None:
    sales = [Sale(f"s{number}", closed_at_s=1.0) for number in range(5)] + [Sale("still-open")]
    heard = [audit("s0", "a"), audit("s1", "b"), audit("s1", "b"), audit("s2", "c")]
    heard += [audit("s2", "d"), alert("s0", "x"), alert("s0", "x"), alert("s1", "y")]
    heard += [alert("s1", "z")]
    count = Diary(heard).count(sales, {"s0": {"a"}, "s3": {"e"}, "of another fault": {"f"}})
    assert count == Count(due=5, committed=4, delivered=3, duplicated=1, doubled=2)
    assert (count.lost, count.uncommitted, count.undelivered) == (2, 1, 1)


def test_another_id_in_the_outbox_than_on_the_wire_is_doubled() -> None:
    sales = [Sale("s0", closed_at_s=1.0)]
    assert Diary([audit("s0", "a")]).count(sales, {"s0": {"b"}}).doubled == 1


GOOD = Count(due=9, committed=9, delivered=9, duplicated=4, doubled=0)


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        (Row("x", 2, GOOD, 0.0, shown_again=2), ""),
        (Row("x", 2, GOOD, 0.0, shown_again=1), "1 challenges not shown again"),
        (Row("x", 2, Count(9, 9, 8, 0, 0), 0.0, kills=5), "1 committed and never delivered"),
        (Row("x", 2, Count(9, 9, 9, 0, 1), 0.0, kills=5), "1 doubled"),
        (Row("x", 2, Count(9, 7, 7, 0, 0), 0.0, kills=2), ""),
        (Row("x", 2, Count(9, 6, 6, 0, 0), 0.0, kills=2), "3 never committed in 2 kills"),
    ],
)
def test_every_missed_aim_is_named(row: Row, wrong: str) -> None:
    assert row.wrongs == ((f"x: {wrong}",) if wrong else ())


def test_what_takes_too_long_is_named() -> None:
    slow = Row("x", 1, GOOD, MAX_RECOVERY_S + 0.1, noticed_s=MAX_NOTICED_S + 0.1)
    assert slow.delays == ("x: normal after 10.1 s", "x: noticed after 5.1 s")
    assert Row("x", 1, GOOD, MAX_RECOVERY_S, noticed_s=MAX_NOTICED_S).delays == ()


def test_growth_of_more_than_a_tenth_is_named() -> None:
    assert Memory("agent", 100 << 20, 110 << 20).wrongs == ()
    assert Memory("agent", 100 << 20, 111 << 20).wrongs == ("memory: agent 100 MiB, then 111 MiB",)


def test_no_two_plans_have_one_name() -> None:
    assert len({plan.name for plan in PLANS}) == len(PLANS)
