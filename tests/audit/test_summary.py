from __future__ import annotations

import datetime
import zoneinfo

import pytest

from agent.audit.summary import Line, Shifts, summarise
from tests.audit.audited import NOON_WALL_S, audited, sales

UTC = Shifts((6, 14, 22), datetime.UTC)


def line(lines: list[Line], name: str) -> Line:
    (found,) = [each for each in lines if each.name == name]
    return found


def test_only_due_challenges_with_goods_sold_are_counted() -> None:
    given = [
        audited(),
        audited(result="missed_challenge", was_checked=False),
        audited(result="not_due", was_checked=False),  # put back
        audited(advice="none", result="not_due", was_checked=False),
        audited(advice="none", result="no_evidence", was_checked=False),
    ]
    store = line(summarise(given, UTC), "all")
    assert (store.challenged.count, store.challenged.total) == (1, 2)
    assert (store.sales, store.not_due, store.unheard) == (5, 2, 1)


def test_unsure_advice_has_a_share_of_its_own() -> None:
    given = [
        audited(advice="unsure"),
        audited(advice="unsure", result="no_evidence", was_checked=False),
    ]
    store = line(summarise(given, UTC), "all")
    assert (store.unsure.count, store.unsure.total, store.challenged.total) == (1, 2, 0)


def test_every_sale_is_counted_once_in_every_grouping() -> None:
    given = sales(3, 2) + sales(1, 4, register_id="till-2") + [audited(advice="unsure")]
    totals: dict[str, int] = {}
    for each in summarise(given, UTC):
        totals[each.grouping] = totals.get(each.grouping, 0) + each.sales
    assert set(totals.values()) == {len(given)}


def test_few_sales_are_too_few_to_tell_even_when_all_are_bad() -> None:
    given = sales(300, 10) + sales(0, 4, register_id="till-2")
    assert line(summarise(given, UTC), "till-2").note == "too few to tell"


def test_a_register_that_differs_beyond_chance_is_named() -> None:
    given = sales(190, 10) + sales(30, 30, register_id="till-2")
    lines = summarise(given, UTC)
    assert line(lines, "till-2").note == "lower than the rest"
    assert line(lines, "till-1").note == "higher than the rest"


def test_a_register_within_chance_is_not_named() -> None:
    given = sales(90, 10) + sales(50, 10, register_id="till-2")
    assert line(summarise(given, UTC), "till-2").note == ""


@pytest.mark.parametrize(
    ("hour", "shift"),
    [(5, "22-06"), (6, "06-14"), (13, "06-14"), (14, "14-22"), (22, "22-06"), (0, "22-06")],
)
def test_a_shift_begins_at_its_hour_and_the_last_passes_midnight(hour: int, shift: str) -> None:
    assert UTC.name(NOON_WALL_S + (hour - 12) * 3600) == shift


def test_hours_and_shifts_are_the_stores_own() -> None:
    tokyo = Shifts((6, 14, 22), zoneinfo.ZoneInfo("Asia/Tokyo"))
    assert (tokyo.hour(NOON_WALL_S), tokyo.name(NOON_WALL_S)) == ("21:00", "14-22")
