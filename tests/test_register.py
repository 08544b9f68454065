"""The right half of the pipeline in video time: visits, sales, restarts."""

from __future__ import annotations

import json
import math
import uuid
from dataclasses import replace

import pytest

from agent import ids
from agent.clock import ReplayClock
from agent.decide.customer_place import MAX_VISITS
from agent.decide.sale_store import MemorySaleStore
from agent.errors import OutboxError
from agent.outcomes import AgeGroupSeen, Alert, Outcome
from agent.records import Hello, VisionProgress, VisitEnded, VisitStarted
from agent.register import Register
from tests.decide.factories import START_WALL_S, CountedIds, Settings, Till, estimate, table


def test_a_visit_that_ends_gives_one_age_group_without_its_id() -> None:
    till = Till()
    till.enter(1.0, "secret-visit")
    till.see(30, 3.0, "secret-visit", crops=6)
    till.leave(5.0, "secret-visit")
    till.leave(5.0, "secret-visit")
    [seen] = till.groups
    assert (seen.group, seen.crops, seen.dwell_s) == ("25-34", 6, 4.0)
    assert math.isclose(sum(p for _, p in seen.group_probabilities), 1.0, abs_tol=1e-9)
    assert seen.occurred_wall_s == START_WALL_S + 5.0
    assert seen.event_id.startswith("analytics-")
    assert "secret-visit" not in repr(seen)


def test_a_visit_without_a_good_crop_is_unknown() -> None:
    till = Till()
    till.enter(1.0)
    till.leave(2.0)
    assert (till.groups[0].group, till.groups[0].group_probabilities) == ("unknown", ())


def test_the_end_of_an_unknown_visit_says_nothing() -> None:
    till = Till()
    till.leave(2.0, "never-seen")
    assert till.sent == []


def test_the_ids_module_makes_the_ids() -> None:
    sent: list[Outcome] = []
    clock = ReplayClock(START_WALL_S)
    register = Register(Settings(), clock, sent.append, table(), ids, MemorySaleStore())
    register.handle(VisitStarted("till", "v", 0.0))
    register.handle(VisitEnded("till", "v", 0.0))
    [seen] = sent
    assert isinstance(seen, AgeGroupSeen)
    assert uuid.UUID(seen.event_id).version == 4


def test_somebody_who_ducks_still_counts() -> None:
    till = Till()
    till.enter(0.0, "teen")
    till.see(16, 1.0, "teen")
    till.enter(0.5, "adult")
    till.see(50, 2.0, "adult")
    till.leave(2.0, "teen")
    till.pos("item_scanned", 5.0)
    assert [alert.reason for alert in till.alerts] == ["several_people"]


def test_somebody_who_left_long_ago_does_not_count() -> None:
    till = Till()
    till.see(16, 1.0, "teen")
    till.leave(1.0, "teen")
    till.see(50, 12.0, "adult")
    till.pos("item_scanned", 12.1)
    till.pass_to(20.0)
    assert till.alerts == []


def test_somebody_who_has_left_alone_still_gives_the_evidence() -> None:
    till = Till()
    till.see(50, 1.0)
    till.leave(1.0)
    till.pos("item_scanned", 8.0)
    till.pass_to(11.5)
    assert till.alerts == []


def test_a_late_estimate_of_an_ended_visit_counts_and_opens_nothing() -> None:
    till = Till()
    till.see(50, 1.0)
    till.leave(1.0)
    till.see(50, 1.5, crops=1)
    till.register.finish()
    assert len(till.groups) == 1


def test_a_lost_vision_process_ends_the_visits_where_they_were_last_seen() -> None:
    till = Till()
    till.enter(1.0, "a")
    till.enter(1.0, "b")
    till.see(30, 4.0, "a")
    till.clock.advance_to(9.0)
    till.register.vision_restarted(9.0)
    till.register.vision_restarted(9.0)
    assert sorted(seen.dwell_s for seen in till.groups) == [0.0, 3.0]
    assert {seen.occurred_wall_s for seen in till.groups} == {START_WALL_S + 1, START_WALL_S + 4}


def test_nan_estimates_are_no_evidence_and_do_not_raise() -> None:
    till = Till()
    till.enter(0.0)
    for number in range(10):
        good = estimate(60, 0.1 * number)
        till.clock.advance_to(0.1 * number)
        till.register.handle(replace(good, quality_ratio=math.nan))
        till.register.handle(replace(good, at_s=math.nan))
    till.pos("item_scanned", 1.0)
    till.pass_to(3.0)
    assert [alert.reason for alert in till.alerts] == ["no_evidence"]


def test_evidence_from_the_future_goes_stale_like_any_other() -> None:
    till = Till()
    till.register.handle(VisitStarted("till", "v1", math.nan))
    for _ in range(5):
        till.register.handle(estimate(60, 1e12))
    till.pos("item_scanned", 60.0)
    till.pass_to(62.0)
    assert [alert.reason for alert in till.alerts] == ["stale_evidence"]


def test_records_may_be_a_little_ahead_of_a_replays_clock() -> None:
    till = Till()
    till.register.handle(VisitStarted("till", "v1", 0.5))
    till.register.handle(estimate(30, 2.0))
    till.leave(3.0)
    assert till.groups[0].dwell_s == 2.5


def test_records_that_are_none_of_its_business_only_pass_the_time() -> None:
    till = Till()
    till.pos("item_scanned", 0.0)
    till.register.handle(Hello("vision", 1))
    assert till.alerts == []
    till.clock.advance_to(2.0)
    till.register.handle(VisionProgress(2.0))
    assert till.advice == ["unsure"]


def test_memory_is_bounded_when_visits_never_end() -> None:
    till = Till()
    for number in range(MAX_VISITS * 3):
        till.enter(float(number), f"v{number}")
    assert len(till.register._place.open_visits()) == MAX_VISITS


def test_two_runs_of_the_same_records_give_the_same_outcomes() -> None:
    def run() -> list[Outcome]:
        till = Till()
        till.pos("item_scanned", 0.3)
        for number in range(40):
            till.see(30 - number / 4, 1.0 + number, f"v{number % 3}")
        till.pos("closed", 60.0)
        till.pass_to(70.0)
        till.register.finish()
        return till.sent

    assert run() == run()
    assert len(run()) > 4


def test_a_due_challenge_survives_kill_9_with_its_event_id() -> None:
    store = MemorySaleStore()
    before = Till(store=store, now_s=5000.0)
    before.see(20, 5001.0)
    before.pos("item_scanned", 5001.1)
    after = Till(store=store, now_s=5004.0, prefix="second-")
    after.register.reissue()
    assert [alert.event_id for alert in after.alerts] == [before.alerts[0].event_id]
    after.pos("closed", 5010.0)
    after.pass_to(5012.0)
    [audit] = after.audits
    assert (audit.result, audit.shown_wall_s) == ("missed_challenge", START_WALL_S + 5001.1)


def test_a_restart_of_the_machine_starts_the_monotonic_clock_anew() -> None:
    store = MemorySaleStore()
    before = Till(store=store, now_s=90000.0)
    before.pos("item_scanned", 90000.0)
    clock = ReplayClock(START_WALL_S + 90060.0, 0.0)  # up again after a minute
    sent: list[Outcome] = []
    register = Register(Settings(), clock, sent.append, table(), CountedIds("x"), store)
    register.tick(0.0)
    alerts = [outcome for outcome in sent if isinstance(outcome, Alert)]
    assert {alert.event_id for alert in alerts} == {alerts[-1].event_id}  # and issued again
    assert alerts[-1].expires_wall_s == START_WALL_S + 90060.0 + 60.0
    clock.advance_to(1740.5)
    register.tick(1740.5)
    assert type(sent[-1]).__name__ == "SaleAudit"


def test_a_message_delivered_again_after_the_restart_counts_once() -> None:
    store = MemorySaleStore()
    before = Till(store=store)
    before.see(20, 1.0)
    message = before.pos("item_scanned", 1.1)
    after = Till(store=store, now_s=2.0, prefix="second-")
    after.register.handle_sale(message)
    after.pos("item_removed", 2.1)
    after.register.reissue()
    assert after.alerts == []


def test_an_alert_is_saved_before_it_is_shown_and_an_audit_published_before_forgotten() -> None:
    order: list[str] = []

    class Watched(MemorySaleStore):
        def save(self, text: str) -> None:
            state = json.loads(text)["state"]["sales"]
            duty = bool(state) and state["s1"]["duty"] is not None
            order.append("saved with duty" if duty else f"saved {len(state)} sales")
            super().save(text)

    till = Till(store=Watched())
    till.register._publish = lambda outcome: order.append(type(outcome).__name__)
    till.pos("opened", 0.5)
    till.see(20, 1.0)
    till.pos("item_scanned", 1.1)
    till.pos("closed", 2.0)
    till.pass_to(4.0)
    assert order == [
        "saved 1 sales", "saved with duty", "Alert", "saved 1 sales", "SaleAudit", "saved 0 sales",
    ]  # fmt: skip


def test_a_store_that_fails_stops_no_alert(caplog: pytest.LogCaptureFixture) -> None:
    class Full(MemorySaleStore):
        def save(self, text: str) -> None:
            raise OutboxError("disk full")

    till = Till(store=Full())
    till.see(20, 1.0)
    till.pos("item_scanned", 1.1)
    assert till.advice == ["challenge"]
    for _ in range(20):
        till.register.tick()
    assert caplog.text.count("sales_not_saved") == 1, "it is tried again many times a second"
    assert till.register.not_saved == "disk full"


def test_a_store_that_works_again_is_no_fault_any_more() -> None:
    class Mended(MemorySaleStore):
        is_full = True

        def save(self, text: str) -> None:
            if self.is_full:
                raise OutboxError("disk full")
            super().save(text)

    store = Mended()
    till = Till(store=store)
    till.pos("item_scanned", 1.1)
    store.is_full = False
    till.register.tick()
    assert till.register.not_saved == ""
    assert store.load() is not None


@pytest.mark.parametrize("text", ["", "{}", "null", '{"schema_version": 9}', "[" * 1000])
def test_an_unreadable_store_starts_empty_and_says_so(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    till = Till(store=MemorySaleStore(text))
    assert "sales_unreadable" in caplog.text
    till.see(20, 1.0)
    till.pos("item_scanned", 1.1)
    assert till.advice == ["challenge"]


def test_finish_audits_closed_sales_ends_visits_and_leaves_open_sales() -> None:
    till = Till()
    till.see(50, 1.0)
    till.pos("item_scanned", 1.1, sale_id="closed")
    till.pos("item_scanned", 1.1, sale_id="open")
    till.pos("closed", 1.2, sale_id="closed")
    till.register.finish()
    assert [audit.sale_id for audit in till.audits] == ["closed"]
    assert len(till.groups) == 1
    stored = json.loads(till.store.load() or "")
    assert list(stored["state"]["sales"]) == ["open"]


def test_continuous_mode_advises_once_a_visit_and_ignores_sales() -> None:
    till = Till(mode="continuous")
    till.enter(0.0)
    till.see(20, 1.0)
    till.see(20, 2.0)
    till.pos("item_scanned", 2.1)
    till.pass_to(8.0)
    assert [(alert.advice, alert.sale_id) for alert in till.alerts] == [("challenge", "")]
    till.enter(9.0, "v2")
    till.see(50, 9.5, "v2")
    till.pass_to(15.0)
    assert len(till.alerts) == 1


def test_continuous_mode_is_unsure_after_the_wait_and_may_raise_it() -> None:
    till = Till(mode="continuous")
    till.enter(0.0)
    till.pass_to(1.9)
    assert till.alerts == []
    till.pass_to(2.0)
    till.see(16, 3.0)
    assert till.advice == ["unsure", "challenge"]


def test_continuous_mode_leaves_out_the_child_beside_a_parent() -> None:
    till = Till(mode="continuous")
    till.enter(0.0, "parent")
    till.see(45, 1.0, "parent")
    till.enter(1.0, "child")
    till.see(5, 1.8, "child")
    till.pass_to(20.0)
    assert till.alerts == []
