"""Adds up the audits of a store by register, shift and hour. Pure.

The share is taken over the sales in which the agent said `challenge` and the goods were sold: of
these, in how many an ID check was recorded. `unsure` has a share of its own: the display asks
then too, but for want of evidence, and a cashier who knows the customer is often right not to.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.audit.sales import AuditedSale
from agent.audit.share import Share

#: A wider interval tells nothing: 20 of 25 is 80 % and may be 61 % to 91 %.
MAX_TELLING_WIDTH = 0.30

Grouping = Literal["store", "register", "shift", "hour", "register and shift"]
GROUPINGS: tuple[Grouping, ...] = ("store", "register", "shift", "register and shift", "hour")
Note = Literal["", "too few to tell", "lower than the rest", "higher than the rest"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the store's table.

    Attributes:
        sales: Age-restricted sales.
        challenged: Of those with a due challenge and goods sold: ID check recorded.
        unsure: The same for advice given without enough evidence.
        not_due: Nothing was asked for, or nothing restricted was sold in the end.
        unheard: Sold before any advice was possible, and no check recorded.
        note: What may be concluded beside the other sales of the store.
    """

    grouping: Grouping
    name: str
    sales: int
    challenged: Share
    unsure: Share
    not_due: int
    unheard: int
    note: Note


@dataclass(frozen=True, slots=True)
class Shifts:
    """The store's shifts and its clock.

    Attributes:
        start_hours: Ascending, local time.
        zone: None: this machine's.
    """

    start_hours: tuple[int, ...]
    zone: datetime.tzinfo | None = None

    def local(self, wall_s: float) -> datetime.datetime:
        """Return the store's local time."""
        moment = datetime.datetime.fromtimestamp(wall_s, datetime.UTC)
        return moment.astimezone(self.zone)

    def name(self, wall_s: float) -> str:
        """Return the shift, such as `06-14`; the last one may pass midnight."""
        hour, starts = self.local(wall_s).hour, self.start_hours
        number = sum(start <= hour for start in starts) - 1  # -1: since yesterday's last start
        start, end = starts[number], starts[(number + 1) % len(starts)]
        return f"{start:02d}-{end:02d}"

    def hour(self, wall_s: float) -> str:
        """Return the hour of the day, such as `17:00`."""
        return f"{self.local(wall_s).hour:02d}:00"


def summarise(sales: Sequence[AuditedSale], shifts: Shifts) -> list[Line]:
    """Return the store's lines, first the whole store, then by every grouping in order."""
    names: dict[Grouping, Callable[[AuditedSale], str]] = {
        "store": lambda _: "all",
        "register": lambda sale: sale.register_id,
        "shift": lambda sale: shifts.name(sale.occurred_wall_s),
        "hour": lambda sale: shifts.hour(sale.occurred_wall_s),
        "register and shift": lambda s: f"{s.register_id} {shifts.name(s.occurred_wall_s)}",
    }
    return [line for grouping in GROUPINGS for line in _lines_of(grouping, names[grouping], sales)]


def _lines_of(
    grouping: Grouping, name_of: Callable[[AuditedSale], str], sales: Sequence[AuditedSale]
) -> list[Line]:
    groups: dict[str, list[AuditedSale]] = {}
    for sale in sales:
        groups.setdefault(name_of(sale), []).append(sale)
    whole = _challenged(sales)
    return [_line(grouping, name, group, whole) for name, group in sorted(groups.items())]


def _line(grouping: Grouping, name: str, sales: Sequence[AuditedSale], whole: Share) -> Line:
    challenged = _challenged(sales)
    unsure = [s for s in sales if s.advice == "unsure" and s.result != "not_due"]
    asked = challenged.total + len(unsure)
    unheard = sum(sale.result == "no_evidence" and sale.advice == "none" for sale in sales)
    return Line(
        grouping=grouping,
        name=name,
        sales=len(sales),
        challenged=challenged,
        unsure=_recorded(unsure),
        not_due=len(sales) - asked - unheard,
        unheard=unheard,
        note=_note(challenged, whole),
    )


def _challenged(sales: Sequence[AuditedSale]) -> Share:
    due = [s for s in sales if s.advice == "challenge" and s.result != "not_due"]
    return _recorded(due)


def _recorded(sales: Sequence[AuditedSale]) -> Share:
    return Share(sum(sale.result == "conscientious" for sale in sales), len(sales))


def _note(share: Share, whole: Share) -> Note:
    """Return what may be said: only intervals that do not touch tell a difference.

    That is stricter than a test at 5 %, because a table has many lines to look at.
    """
    if not share.total or share.width > MAX_TELLING_WIDTH:
        return "too few to tell"
    rest = Share(whole.count - share.count, whole.total - share.total)
    if not rest.total:
        return ""
    low, high = share.interval
    rest_low, rest_high = rest.interval
    if high < rest_low:
        return "lower than the rest"
    return "higher than the rest" if low > rest_high else ""
