"""Who is at the customer's place, and what is known about each of them.

A visit that has ended still counts as a person for `evidence_max_age_s`: somebody who ducks,
turns away or is lost by the tracker has not proved to be gone, and the alternative would let
the person beside them decide. The price is that a young customer who has just left may cause a
question to the next one: doubt asks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from agent.decide.evidence import Evidence, VisitEvidence
from agent.records import AgeEstimate, VisitEnded, VisitStarted

#: Bound on the visits in memory; beyond it the one unseen for longest is forgotten.
MAX_VISITS = 64


@dataclass(slots=True)
class Visit:
    """One person's stay; `ended` is set when the tracker has given them up."""

    camera_id: str
    visit_id: str
    started_at_s: float
    last_seen_at_s: float
    collected: VisitEvidence = field(default_factory=VisitEvidence)
    ended: bool = False

    @property
    def evidence(self) -> Evidence:
        """What is known about the person's age."""
        return self.collected.evidence()

    @property
    def dwell_s(self) -> float:
        """Time between the first and the last sight."""
        return max(0.0, self.last_seen_at_s - self.started_at_s)


class CustomerPlace:
    """The open visits and those that have only just ended, over all cameras."""

    def __init__(self, evidence_max_age_s: float) -> None:
        self._evidence_max_age_s = evidence_max_age_s
        self._visits: dict[tuple[str, str], Visit] = {}

    def start(self, record: VisitStarted) -> Visit:
        """Open a visit; one that is known already is returned as it is."""
        return self._get_or_open(record.camera_id, record.visit_id, record.at_s)

    def add(self, estimate: AgeEstimate) -> Visit:
        """Add an estimate to its visit.

        One for an unknown visit opens it: fail safe, a person nobody announced is a person.
        """
        visit = self._get_or_open(estimate.camera_id, estimate.visit_id, estimate.at_s)
        if visit.collected.add(estimate):
            visit.last_seen_at_s = max(visit.last_seen_at_s, estimate.at_s)
        return visit

    def end(self, record: VisitEnded) -> Visit | None:
        """End a visit; None when it is unknown or has ended before."""
        visit = self._visits.get((record.camera_id, record.visit_id))
        if visit is None or visit.ended:
            return None
        visit.ended = True
        if math.isfinite(record.at_s):
            visit.last_seen_at_s = max(visit.started_at_s, record.at_s)
        return visit

    def end_all(self) -> list[Visit]:
        """End every open visit at its last sight: nobody watches any more."""
        visits = self.open_visits()
        for visit in visits:
            visit.ended = True
        return visits

    def open_visits(self) -> list[Visit]:
        """Return the visits that have not ended, in order of arrival."""
        return [visit for visit in self._visits.values() if not visit.ended]

    def people(self, now_s: float) -> list[Evidence]:
        """Return the evidence of every person who counts as being there."""
        self._forget(now_s)
        return [visit.evidence for visit in self._visits.values()]

    def _get_or_open(self, camera_id: str, visit_id: str, at_s: float) -> Visit:
        key = (camera_id, visit_id)
        if key not in self._visits:
            if len(self._visits) >= MAX_VISITS:
                del self._visits[min(self._visits, key=self._last_seen_at_s)]
            self._visits[key] = Visit(camera_id, visit_id, at_s, at_s)
        return self._visits[key]

    def _last_seen_at_s(self, key: tuple[str, str]) -> tuple[bool, float]:
        visit = self._visits[key]
        return not visit.ended, visit.last_seen_at_s

    def _forget(self, now_s: float) -> None:
        gone = [
            key
            for key, visit in self._visits.items()
            if visit.ended and now_s - visit.last_seen_at_s > self._evidence_max_age_s
        ]
        for key in gone:
            del self._visits[key]
