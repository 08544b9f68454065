"""The sales that are going on: messages and evidence in, alerts and audits out.

Pure but for the state it holds: time comes in as a `Moment`, judgements as a function.

- A message counts once, by its id, in whatever order it comes.
- A category's advice is found once a sale: at the scan, or when evidence comes, or as `unsure`
  after `unsure_after_s`. From then on only a challenge can be added: none < unsure < challenge.
  Nothing is ever withdrawn; only an ID check, taking the goods off, or the end of the sale ends
  a duty.
- One duty stands at a time, the most cautious one over the goods on the belt.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from agent.config.decision import ChallengeSection
from agent.decide.challenge import CAUTION, Judgement, Rule, strictest
from agent.decide.moment import Moment
from agent.decide.sale import Decided, Duty, Sale
from agent.decide.sale_audit import audit_of
from agent.decide.sale_state import EndedSale, SaleState
from agent.outcomes import Alert, SaleAudit, SaleMessage

_log = logging.getLogger(__name__)

#: Returns the policy's answer for a rule at a monotonic time.
Judge = Callable[[Rule, float], Judgement]

#: The audit waits so long after the close for messages that were overtaken by it.
CLOSE_GRACE_S = 1.0
#: Late messages of an ended sale are known as such for so long.
ENDED_MEMORY_S = 300.0
MAX_SALES = 64
MAX_ENDED = 256
MAX_SEEN = 512


class SaleBook:
    """All sales of one register.

    Attributes:
        state: What must survive a crash.
        revision: Rises whenever `state` has changed.
    """

    def __init__(
        self,
        section: ChallengeSection,
        rules: Mapping[str, Rule],
        judge: Judge,
        new_event_id: Callable[[], str],
        state: SaleState | None = None,
    ) -> None:
        self._section = section
        self._rules = rules
        self._strictest = strictest(list(rules.values()))
        self._judge = judge
        self._new_event_id = new_event_id
        self.state = state if state is not None else SaleState()
        self.revision = 0

    def handle(
        self, message: SaleMessage, now: Moment, told_late: bool = False
    ) -> list[Alert | SaleAudit]:
        """Work one message through; call `run_due` with the same moment first."""
        if not self._is_new(message, now):
            return []
        late = self.state.lateness.is_late(message.occurred_wall_s, now, told_late)
        outcomes: list[Alert | SaleAudit] = []
        sale = self._sale_of(message, now, outcomes)
        if sale is not None:
            self._apply(sale, message, now, late)
            outcomes += self._settle(sale, now)
        return outcomes

    def evidence_changed(self, now: Moment) -> list[Alert | SaleAudit]:
        """Look at every open sale again: an estimate has come."""
        outcomes: list[Alert | SaleAudit] = []
        for sale in self.state.sales.values():
            if self._consider(sale, now):
                outcomes += self._settle(sale, now)
        return outcomes

    def run_due(self, now: Moment) -> list[Alert | SaleAudit]:
        """Do what waited for its time, each at its own time, up to now."""
        outcomes: list[Alert | SaleAudit] = []
        while due := self._next_due(now):
            at_s, sale = due
            then = now.at(at_s)
            if at_s >= self._ends_at_s(sale):
                outcomes += self._end(sale, then)
            elif self._consider(sale, then):
                outcomes += self._settle(sale, then)
        return outcomes + self._reissue(now, only_when_due=True)

    def reissue(self, now: Moment) -> list[Alert | SaleAudit]:
        """Return every standing duty again: same event id, new expiry."""
        return self._reissue(now, only_when_due=False)

    def finish(self, now: Moment) -> list[Alert | SaleAudit]:
        """Audit the sales that are closed already; open ones stay for the next start."""
        closed = [sale for sale in self.state.sales.values() if not sale.is_open]
        return [outcome for sale in closed for outcome in self._end(sale, now)]

    # Messages

    def _is_new(self, message: SaleMessage, now: Moment) -> bool:
        if message.message_id in self.state.seen:
            return False
        self.revision += 1
        self.state.seen[message.message_id] = now.at_s
        if len(self.state.seen) > MAX_SEEN:
            del self.state.seen[next(iter(self.state.seen))]
        confirms = message.step in ("id_checked", "id_refused")
        if message.source == "display" and not confirms:
            _log.warning("sale_step_refused source=display step=%s", message.step)
            return False
        return True

    def _sale_of(
        self, message: SaleMessage, now: Moment, outcomes: list[Alert | SaleAudit]
    ) -> Sale | None:
        """Return the sale the message belongs to, a new one if need be, None if it is over."""
        sale = self.state.sales.get(message.sale_id)
        if sale is not None and not (not sale.is_open and _begins_after(message, sale)):
            return sale
        if sale is not None:  # the till uses the number of a sale just closed for the next one
            outcomes += self._end(sale, now)
        ended = self.state.ended.get(message.sale_id)
        is_over = ended is not None and not _begins_after(message, ended)
        if is_over or message.source == "display":
            _log.info("sale_message_ignored step=%s reason=no_such_open_sale", message.step)
            return None
        if len(self.state.sales) >= MAX_SALES:
            outcomes += self._end(min(self.state.sales.values(), key=_least_missed), now)
        sale = Sale(message.sale_id, self._new_event_id(), opened_at_s=now.at_s)
        self.state.sales[sale.sale_id] = sale
        return sale

    def _apply(self, sale: Sale, message: SaleMessage, now: Moment, late: bool) -> None:
        if message.source == "point_of_sale":
            sale.sender_last_wall_s = max(sale.sender_last_wall_s, message.occurred_wall_s)
        if message.step in ("item_scanned", "item_removed"):
            self._move_item(sale, message, now, late)
        elif message.step == "id_checked":
            sale.id_checked_by = sale.id_checked_by or message.source
        elif message.step == "id_refused":
            sale.id_refused = True
        elif message.step == "closed" and sale.is_open:
            sale.closed_at_s, sale.closed_wall_s = now.at_s, now.wall_s

    def _move_item(self, sale: Sale, message: SaleMessage, now: Moment, late: bool) -> None:
        if not (message.restricted or message.category in self._rules):
            return
        was_left = message.category in sale.categories_left()
        sale.add_item_step(message)
        is_left = message.category in sale.categories_left()
        if not is_left or was_left or not sale.is_open:
            return
        # First goods of this category, or again some after all were taken off.
        decided = sale.decided.setdefault(message.category, Decided())
        decided.decide_at_s = now.at_s + self._section.unsure_after_s
        decided.held_since_s = now.at_s if late else None
        self._consider_category(message.category, decided, now)

    # Decisions

    def _consider(self, sale: Sale, now: Moment) -> bool:
        """Look at every category of an open sale again; return whether anything changed."""
        if not sale.is_open:
            return False
        changes = [
            self._consider_category(category, decided, now)
            for category, decided in sale.decided.items()
        ]
        return any(changes)

    def _consider_category(self, category: str, decided: Decided, now: Moment) -> bool:
        held_since_s = decided.held_since_s
        if held_since_s is not None:
            if now.at_s < self.state.lateness.held_until_s(held_since_s):
                return False
            decided.held_since_s = None
        judgement = self._judge(self._rule(category), now.at_s)
        if decided.decide_at_s is None:
            return judgement.advice == "challenge" and decided.raise_to(judgement)
        if judgement.waitable and now.at_s < decided.decide_at_s:
            return False
        decided.decide_at_s = None
        decided.raise_to(judgement)
        return True

    def _rule(self, category: str) -> Rule:
        """Return the category's rule; restricted goods nobody configured get the strictest."""
        return self._rules.get(category, self._strictest)

    def _settle(self, sale: Sale, now: Moment) -> list[Alert | SaleAudit]:
        """Bring the duty in line with the belt; return an alert when there is more to ask."""
        self.revision += 1
        left = sale.categories_left()
        asking = [c for c in left if c in sale.decided and sale.decided[c].advice != "none"]
        worst = max(asking, key=lambda c: CAUTION[sale.decided[c].advice], default=None)
        advice = sale.decided[worst].advice if worst is not None else "none"
        if CAUTION[advice] > CAUTION[sale.asked]:
            sale.asked = advice
        if worst is None or advice == "none" or not sale.wants_advice:
            sale.duty = None
            return []
        duty = sale.duty
        if duty and duty.category in left and CAUTION[duty.advice] >= CAUTION[advice]:
            return []
        sale.duty = self._new_duty(worst, sale.decided[worst], now)
        sale.shown_wall_s = now.wall_s if sale.shown_wall_s is None else sale.shown_wall_s
        return [sale.alert(now.wall_s + self._section.alert_expires_s)]

    def _new_duty(self, category: str, decided: Decided, now: Moment) -> Duty:
        return Duty(
            event_id=self._new_event_id(),
            advice="challenge" if decided.advice == "challenge" else "unsure",
            reason=decided.reason or "no_evidence",
            category=category,
            challenge_age_years=self._rule(category).policy.challenge_age_years,
            people=decided.people,
            decided_wall_s=now.wall_s,
            reissue_at_s=now.at_s + self._reissue_after_s,
        )

    # Time

    @property
    def _reissue_after_s(self) -> float:
        """Well before the alert expires: a display that was started since must see the duty."""
        return self._section.alert_expires_s / 2

    def _reissue(self, now: Moment, only_when_due: bool) -> list[Alert | SaleAudit]:
        alerts: list[Alert | SaleAudit] = []
        for sale in self.state.sales.values():
            if sale.duty is None or (only_when_due and sale.duty.reissue_at_s > now.at_s):
                continue
            sale.duty.reissue_at_s = now.at_s + self._reissue_after_s
            alerts.append(sale.alert(now.wall_s + self._section.alert_expires_s))
        return alerts

    def _next_due(self, now: Moment) -> tuple[float, Sale] | None:
        """Return the earliest time that has come, with its sale."""
        due = [(self._due_at_s(sale), sale) for sale in self.state.sales.values()]
        at_s, sale = min(due, key=lambda pair: pair[0], default=(now.at_s + 1, None))
        return (at_s, sale) if sale is not None and at_s <= now.at_s else None

    def _due_at_s(self, sale: Sale) -> float:
        waits = [self._ends_at_s(sale)]
        if sale.is_open:
            for decided in sale.decided.values():
                if decided.held_since_s is not None:
                    waits.append(self.state.lateness.held_until_s(decided.held_since_s))
                elif decided.decide_at_s is not None:
                    waits.append(decided.decide_at_s)
        return min(waits)

    def _ends_at_s(self, sale: Sale) -> float:
        if sale.closed_at_s is not None:
            return sale.closed_at_s + CLOSE_GRACE_S
        return sale.opened_at_s + self._section.sale_max_s

    def _end(self, sale: Sale, now: Moment) -> list[Alert | SaleAudit]:
        self.revision += 1
        del self.state.sales[sale.sale_id]
        ended = self.state.ended
        ended.pop(sale.sale_id, None)
        ended[sale.sale_id] = EndedSale(now.at_s, sale.sender_last_wall_s)
        for sale_id in list(ended):
            if len(ended) > MAX_ENDED or now.at_s - ended[sale_id].ended_at_s > ENDED_MEMORY_S:
                del ended[sale_id]
        if not sale.categories_scanned():
            return []
        ended_wall_s = sale.closed_wall_s if sale.closed_wall_s is not None else now.wall_s
        return [audit_of(sale, ended_wall_s)]


def _least_missed(sale: Sale) -> tuple[bool, bool, float]:
    """Sort key: first sales without restricted goods, last those with a duty; then the oldest."""
    return sale.duty is not None, bool(sale.items), sale.opened_at_s


def _begins_after(message: SaleMessage, sale: Sale | EndedSale) -> bool:
    """Return whether the message starts a new sale under a number that was used before."""
    starts = message.source == "point_of_sale" and message.step in ("opened", "item_scanned")
    return starts and message.occurred_wall_s > sale.sender_last_wall_s
