"""The right half of the pipeline: records and sale messages in, outcomes out.

    estimates, visits -> customer place -> evidence -> challenge policy -> sale -> outcomes
    sale messages ------------------------------------------------------^

Knows nothing of MQTT: `publish` takes outcomes. Time is the clock's: the system's when live,
in a replay the video's, moved by the caller before each record.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from agent.clock import Clock
from agent.decide.age_group import group_probabilities, most_probable_group
from agent.decide.challenge import Judgement, Rule, judge, make_rules, strictest
from agent.decide.customer_place import CustomerPlace, Visit
from agent.decide.moment import Moment
from agent.decide.offer_table import OfferTable
from agent.decide.sale_book import SaleBook
from agent.decide.sale_state import SaleState
from agent.decide.sale_store import SaleStore, from_json, to_json
from agent.decide.shopping import Shopping, ShoppingSettings
from agent.decide.thresholds import ThresholdTable
from agent.decide.visit_advice import VisitAdvisor
from agent.errors import AgentError
from agent.outcomes import AgeGroupSeen, Outcome, SaleAudit, SaleMessage
from agent.records import AgeEstimate, PipeRecord, VisitEnded, VisitStarted

_log = logging.getLogger(__name__)

#: A replay moves its clock after the records of a stretch of video, so they may be ahead of it.
FUTURE_TOLERANCE_S = 5.0


class Ids(Protocol):
    """Makes ids; the module `agent.ids` is one."""

    def new_event_id(self) -> str:
        """Return a UUIDv7: sorted by time."""
        ...

    def new_analytics_id(self) -> str:
        """Return a UUIDv4: tells nothing, for what goes to analytics."""
        ...


class Register:
    """Decides for one register; every method belongs to the agent's main loop."""

    def __init__(
        self,
        config: ShoppingSettings,
        clock: Clock,
        publish: Callable[[Outcome], None],
        thresholds: ThresholdTable | None,
        ids: Ids,
        store: SaleStore,
    ) -> None:
        self._section = config.challenge
        self._age_groups = config.age_groups
        self._clock = clock
        self._publish = publish
        self._ids = ids
        self._store = store
        #: Why open sales would not survive a crash; empty: they would.
        self.not_saved = ""
        rules = make_rules(self._section, thresholds)
        self._place = CustomerPlace(self._section.evidence_max_age_s)
        self._book = SaleBook(self._section, rules, self._judge, ids.new_event_id, self._load())
        self._saved_revision = self._book.revision
        self._advisor = VisitAdvisor(
            self._section, strictest(list(rules.values())), self._place, ids.new_event_id
        )
        self._shopping = Shopping(config, self._place, ids)

    def use_offers(self, table: OfferTable) -> None:
        """Make offers to the customers from this table from now on."""
        self._shopping.use_offers(table)

    def handle(self, record: PipeRecord) -> None:
        """Take one record of the vision process; records of other kinds only pass the time."""
        now = self._now()
        self._run_due(now)
        if isinstance(record, VisitStarted):
            self._place.start(replace(record, at_s=_credible(record.at_s, now)))
        elif isinstance(record, AgeEstimate):
            self._place.add(_credible_estimate(record, now))
            self._emit(self._book.evidence_changed(now), now)
        elif isinstance(record, VisitEnded):
            visit = self._place.end(replace(record, at_s=_credible(record.at_s, now)))
            self._end_visits([] if visit is None else [visit], now)
        self._advise_visits(now)

    def handle_sale(self, message: SaleMessage, told_late: bool = False) -> None:
        """Take one message of the point of sale or the display.

        Args:
            message: Validated; its time is the sender's.
            told_late: The receiver knows that it belongs to a back-log.
        """
        if self._section.mode == "continuous":
            _log.warning("sale_message_ignored reason=challenge.mode_is_continuous")
            return
        now = self._now()
        self._run_due(now)
        if not math.isfinite(message.occurred_wall_s):
            message = replace(message, occurred_wall_s=now.wall_s)
        is_new = message.message_id not in self._book.state.seen
        self._emit(self._book.handle(message, now, told_late), now)
        if is_new:
            self._emit(self._shopping.handle_sale(message, now, told_late), now)

    def tick(self, now_s: float | None = None) -> None:
        """Do what is due; call it a few times a second when no records come.

        Args:
            now_s: Up to this monotonic time; None or later than the clock: the clock's.
        """
        now = self._now()
        if now_s is not None and now_s < now.at_s:
            now = now.at(now_s)
        self._run_due(now)
        self._advise_visits(now)

    def reissue(self) -> None:
        """Publish every standing duty again, with the same event id and a new expiry.

        After a reconnect of agent, broker or display.
        """
        now = self._now()
        self._emit(self._book.reissue(now), now)

    def vision_restarted(self, at_s: float) -> None:
        """End every open visit at its last sight: its track is lost.

        Args:
            at_s: When the vision process was found dead.
        """
        now = self._now()
        _log.warning("vision_lost at_s=%.1f open_visits=%d", at_s, len(self._place.open_visits()))
        self._end_visits(self._place.end_all(), now)

    def finish(self) -> None:
        """End the open visits and audit the closed sales; open sales stay in the store."""
        now = self._now()
        self._run_due(now)
        self._end_visits(self._place.end_all(), now)
        self._emit(self._book.finish(now), now)
        self._emit(self._shopping.finish(), now)

    def _now(self) -> Moment:
        return Moment(self._clock.now_s(), self._clock.wall_s())

    def _judge(self, rule: Rule, at_s: float) -> Judgement:
        return judge(self._place.people(at_s), rule, self._section, at_s)

    def _run_due(self, now: Moment) -> None:
        self._emit(self._book.run_due(now), now)
        self._emit(self._shopping.run_due(now), now)

    def _advise_visits(self, now: Moment) -> None:
        if self._section.mode == "continuous":
            self._emit(self._advisor.advise(now), now)

    def _end_visits(self, visits: Sequence[Visit], now: Moment) -> None:
        for visit in visits:
            self._shopping.visit_ended(visit)
        self._emit([self._age_group(visit, now) for visit in visits], now)

    def _age_group(self, visit: Visit, now: Moment) -> AgeGroupSeen:
        evidence = visit.evidence
        probabilities = group_probabilities(evidence.distribution, self._age_groups)
        return AgeGroupSeen(
            event_id=self._ids.new_analytics_id(),
            camera_id=visit.camera_id,
            group=most_probable_group(probabilities),
            group_probabilities=probabilities,
            dwell_s=visit.dwell_s,
            crops=evidence.crops,
            occurred_wall_s=now.at(visit.last_seen_at_s).wall_s,
        )

    def _emit(self, outcomes: Sequence[Outcome], now: Moment) -> None:
        """Publish, with the state saved at the right side of it.

        An alert is saved before it is shown: what was shown survives a crash. An audit is
        published before its sale is forgotten: twice, with the same event id, rather than never.
        """
        for outcome in outcomes:
            if isinstance(outcome, SaleAudit):
                self._publish(outcome)
        self._save(now)
        for outcome in outcomes:
            if not isinstance(outcome, SaleAudit):
                self._publish(outcome)

    def _save(self, now: Moment) -> None:
        if self._saved_revision == self._book.revision:
            return
        try:
            self._store.save(to_json(self._book.state, now))
        except AgentError as error:
            # Fail safe: an alert that would not survive a crash is better than none.
            if str(error) != self.not_saved:  # it is tried again many times a second
                _log.error("sales_not_saved error=%s", error)
            self.not_saved = str(error)
            return
        self.not_saved = ""
        self._saved_revision = self._book.revision

    def _load(self) -> SaleState:
        text = self._store.load()
        return SaleState() if text is None else from_json(text, self._now())


def _credible(at_s: float, now: Moment) -> float:
    """Return a time that is finite and not far in the future: it would never be stale."""
    if not math.isfinite(at_s) or at_s > now.at_s + FUTURE_TOLERANCE_S:
        return now.at_s
    return at_s


def _credible_estimate(estimate: AgeEstimate, now: Moment) -> AgeEstimate:
    """Return the estimate with a credible time; one that is not finite is left to be refused."""
    if not math.isfinite(estimate.at_s):
        return estimate
    return replace(estimate, at_s=_credible(estimate.at_s, now))
