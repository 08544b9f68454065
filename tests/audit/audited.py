"""Audited sales as tests need them."""

from __future__ import annotations

import itertools
from typing import Any

from agent.audit.sales import AuditedSale

#: 2026-11-24, 12:00 UTC.
NOON_WALL_S = 1_795_521_600.0
_numbers = itertools.count()


def audited(**changes: Any) -> AuditedSale:  # noqa: ANN401  (fields of a record)
    fields = {
        "event_id": f"event-{next(_numbers)}",
        "store_id": "north",
        "register_id": "till-1",
        "occurred_wall_s": NOON_WALL_S,
        "advice": "challenge",
        "result": "conscientious",
        "was_checked": True,
    }
    return AuditedSale(**{**fields, **changes})


def sales(checked: int, missed: int, **changes: Any) -> list[AuditedSale]:  # noqa: ANN401  (fields)
    good = [audited(**changes) for _ in range(checked)]
    missing = {**changes, "result": "missed_challenge", "was_checked": False}
    return good + [audited(**missing) for _ in range(missed)]
