"""Whether stored sales can be gone on with: a file may have been written by anybody. Pure.

What passes the schema can still end the agent: a time that is no date, an id that no message
takes, a sale under another's name. Such a file counts as unreadable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from agent.decide.sale import Duty, Sale
from agent.decide.sale_state import SaleState

#: The store's own bounds (`sale_book.py`) are far below.
MAX_ENTRIES = 4096
#: No machine runs for 30 years, so no monotonic time is further from that of the saving.
MAX_AWAY_S = 1e9
#: 2200 in seconds since 1970.
MAX_WALL_S = 7_258_118_400.0
#: A monotonic clock may be any, but has to be one that can be reckoned with.
MAX_CLOCK_S = 1e12
_EVENT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def is_usable(state: SaleState, saved_at_s: float, saved_wall_s: float) -> bool:
    """Return whether every sale can be carried to its audit.

    Args:
        state: What passed the schema.
        saved_at_s: Monotonic time of the saving.
        saved_wall_s: Wall time of the saving.
    """
    if not (abs(saved_at_s) <= MAX_CLOCK_S and _is_date(saved_wall_s)):
        return False
    if max(len(state.sales), len(state.ended), len(state.seen)) > MAX_ENTRIES:
        return False
    return (
        all(abs(at_s - saved_at_s) <= MAX_AWAY_S for at_s in _monotonic_times(state))
        and all(_is_date(wall_s) for wall_s in _wall_times(state))
        and all(math.isfinite(value) for value in _senders_times(state))
        and all(sale.sale_id == name and _is_sayable(sale) for name, sale in state.sales.items())
    )


def _is_date(wall_s: float) -> bool:
    return 0.0 <= wall_s <= MAX_WALL_S


def _is_sayable(sale: Sale) -> bool:
    """Return whether its messages would pass their own schema."""
    duty = sale.duty
    return bool(_EVENT_ID.fullmatch(sale.audit_id)) and (duty is None or _is_due(duty))


def _is_due(duty: Duty) -> bool:
    is_known = bool(_EVENT_ID.fullmatch(duty.event_id))
    return is_known and 1 <= duty.challenge_age_years <= 60 and duty.people >= 0


def _monotonic_times(state: SaleState) -> Iterator[float]:
    for sale in state.sales.values():
        yield sale.opened_at_s
        yield from (at_s for at_s in (sale.closed_at_s,) if at_s is not None)
        if sale.duty is not None:
            yield sale.duty.reissue_at_s
        for decided in sale.decided.values():
            held = (decided.decide_at_s, decided.held_since_s)
            yield from (at_s for at_s in held if at_s is not None)
    yield from (ended.ended_at_s for ended in state.ended.values())
    yield from state.seen.values()
    yield state.lateness.burst_until_at_s


def _wall_times(state: SaleState) -> Iterator[float]:
    for sale in state.sales.values():
        known = (sale.shown_wall_s, sale.closed_wall_s)
        yield from (wall_s for wall_s in known if wall_s is not None)
        if sale.duty is not None:
            yield sale.duty.decided_wall_s


def _senders_times(state: SaleState) -> Iterator[float]:
    for sale in state.sales.values():
        yield sale.sender_last_wall_s
        yield from (item.occurred_wall_s for item in sale.items)
    yield from (ended.sender_last_wall_s for ended in state.ended.values())
    yield from state.lateness.lags_s
