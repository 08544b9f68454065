"""Advice once a visit, for a register without a point of sale (`mode: continuous`).

The visit is judged like goods of the strictest category. As in a sale, an advice only rises,
and missing evidence is waited for before it becomes `unsure`.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.config.decision import ChallengeSection
from agent.decide.challenge import Rule, judge_visit
from agent.decide.customer_place import CustomerPlace, Visit
from agent.decide.moment import Moment
from agent.decide.sale import Decided
from agent.outcomes import Alert

#: There is no sale; the visit's id must not leave the agent.
NO_SALE_ID = ""


class VisitAdvisor:
    """Judges the open visits of a `CustomerPlace`."""

    def __init__(
        self,
        section: ChallengeSection,
        rule: Rule,
        place: CustomerPlace,
        new_event_id: Callable[[], str],
    ) -> None:
        self._section = section
        self._rule = rule
        self._place = place
        self._new_event_id = new_event_id
        self._decided: dict[tuple[str, str], Decided] = {}

    def advise(self, now: Moment) -> list[Alert]:
        """Look at every open visit; return the alerts about those that are newly asked."""
        visits = self._place.open_visits()
        known = {_key(visit): self._decided_of(visit) for visit in visits}
        self._decided = known  # ended visits are forgotten
        alerts = [self._consider(visit, known[_key(visit)], now) for visit in visits]
        return [alert for alert in alerts if alert is not None]

    def _decided_of(self, visit: Visit) -> Decided:
        fresh = Decided(decide_at_s=visit.started_at_s + self._section.unsure_after_s)
        return self._decided.get(_key(visit), fresh)

    def _consider(self, visit: Visit, decided: Decided, now: Moment) -> Alert | None:
        others = [other.evidence for other in self._place.open_visits() if other is not visit]
        judgement = judge_visit(visit.evidence, others, self._rule, self._section, now.at_s)
        if decided.decide_at_s is not None:
            if judgement.waitable and now.at_s < decided.decide_at_s:
                return None
            decided.decide_at_s = None
        elif judgement.advice != "challenge":
            return None  # decided before: from then on only a challenge is added
        if not decided.raise_to(judgement) or judgement.advice == "none":
            return None
        return Alert(
            event_id=self._new_event_id(),
            sale_id=NO_SALE_ID,
            advice=judgement.advice,
            reason=judgement.reason or "no_evidence",
            category=self._rule.category,
            challenge_age_years=self._rule.policy.challenge_age_years,
            people=judgement.people,
            occurred_wall_s=now.wall_s,
            expires_wall_s=now.wall_s + self._section.alert_expires_s,
        )


def _key(visit: Visit) -> tuple[str, str]:
    return visit.camera_id, visit.visit_id
