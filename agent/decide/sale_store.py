"""Where the open sales are kept, so that a duty survives `kill -9`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import TypeAdapter, ValidationError

from agent.decide.moment import Moment
from agent.decide.sale import Sale
from agent.decide.sale_check import is_usable
from agent.decide.sale_state import EndedSale, SaleState

_log = logging.getLogger(__name__)


class SaleStore(Protocol):
    """Keeps one text, durably: when `save` returns, a `load` after a crash gives it back."""

    def load(self) -> str | None:
        """Return what was saved last, or None."""
        ...

    def save(self, text: str) -> None:
        """Replace what was saved."""
        ...


class MemorySaleStore:
    """Forgets with the process: for replays and tests."""

    def __init__(self, text: str | None = None) -> None:
        self._text = text

    def load(self) -> str | None:
        """Return what was saved last, or None."""
        return self._text

    def save(self, text: str) -> None:
        """Replace what was saved."""
        self._text = text


@dataclass(frozen=True, slots=True)
class _Snapshot:
    saved_at_s: float
    saved_wall_s: float
    state: SaleState
    schema_version: Literal[1] = 1


_SNAPSHOT = TypeAdapter(_Snapshot)


def to_json(state: SaleState, now: Moment) -> str:
    """Return the state as JSON."""
    return _SNAPSHOT.dump_json(_Snapshot(now.at_s, now.wall_s, state)).decode()


def from_json(text: str, now: Moment) -> SaleState:
    """Return the stored state with its times on this process's monotonic clock.

    Unreadable text gives an empty state and an error in the log: sales that come are more
    important than sales that were.
    """
    try:
        snapshot = _SNAPSHOT.validate_json(text)
    except ValidationError as error:
        _log.error("sales_unreadable errors=%d remedy=started_without_them", error.error_count())
        return SaleState()
    if not is_usable(snapshot.state, snapshot.saved_at_s, snapshot.saved_wall_s):
        _log.error("sales_unusable remedy=started_without_them")
        return SaleState()
    passed_s = max(0.0, now.wall_s - snapshot.saved_wall_s)
    _shift(snapshot.state, now.at_s - passed_s - snapshot.saved_at_s)
    return snapshot.state


def _shift(state: SaleState, by_s: float) -> None:
    """Move every monotonic time: a restart of the machine starts that clock anew."""
    for sale in state.sales.values():
        _shift_sale(sale, by_s)
    state.ended = {
        sale_id: EndedSale(ended.ended_at_s + by_s, ended.sender_last_wall_s)
        for sale_id, ended in state.ended.items()
    }
    state.seen = {message_id: at_s + by_s for message_id, at_s in state.seen.items()}
    state.lateness.burst_until_at_s += by_s
    state.lateness.offset_s = None  # of the old monotonic clock


def _shift_sale(sale: Sale, by_s: float) -> None:
    sale.opened_at_s += by_s
    if sale.closed_at_s is not None:
        sale.closed_at_s += by_s
    if sale.duty is not None:
        sale.duty.reissue_at_s += by_s
    for decided in sale.decided.values():
        if decided.decide_at_s is not None:
            decided.decide_at_s += by_s
        if decided.held_since_s is not None:
            decided.held_since_s += by_s
