"""Stored sales that pass the schema and would still end the agent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agent.decide.moment import Moment
from agent.decide.sale_state import SaleState
from agent.decide.sale_store import MemorySaleStore, from_json
from tests.decide.factories import Till

Change = Callable[[dict[str, Any]], None]


def saved() -> dict[str, Any]:
    """A sale with a standing duty, as the agent stores it."""
    store = MemorySaleStore()
    till = Till(store=store)
    till.see(20, 1.0)
    till.pos("item_scanned", 1.1)
    document: dict[str, Any] = json.loads(store.load() or "")
    return document


def loaded(document: dict[str, Any]) -> SaleState:
    return from_json(json.dumps(document), Moment(5.0, document["saved_wall_s"] + 4.0))


def the_sale(document: dict[str, Any]) -> dict[str, Any]:
    sale: dict[str, Any] = next(iter(document["state"]["sales"].values()))
    return sale


def test_what_the_agent_saves_is_usable() -> None:
    assert len(loaded(saved()).sales) == 1


CHANGES: dict[str, Change] = {
    "opened at no time": lambda d: the_sale(d).update(opened_at_s=float("nan")),
    "closed before time began": lambda d: the_sale(d).update(closed_at_s=float("-inf")),
    "shown in another age": lambda d: the_sale(d).update(shown_wall_s=1e300),
    "an id of nobody's": lambda d: the_sale(d).update(audit_id="x"),
    "under another name": lambda d: the_sale(d).update(sale_id="another"),
    "an alert's id of nobody's": lambda d: the_sale(d)["duty"].update(event_id=""),
    "a challenge age of nobody": lambda d: the_sale(d)["duty"].update(challenge_age_years=0),
    "less than nobody there": lambda d: the_sale(d)["duty"].update(people=-1),
    "shown again never": lambda d: the_sale(d)["duty"].update(reissue_at_s=float("inf")),
    "seen at no time": lambda d: d["state"]["seen"].update(m=float("nan")),
    "a lag without end": lambda d: d["state"]["lateness"].update(lags_s=[float("inf")]),
    "ended at no time": lambda d: d["state"]["ended"].update(
        s={"ended_at_s": float("nan"), "sender_last_wall_s": 1.0}
    ),
    "saved at no time": lambda d: d.update(saved_at_s=float("inf")),
    "more messages than are kept": lambda d: d["state"].update(
        seen={str(number): 1.0 for number in range(5000)}
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_cannot_be_gone_on_with_is_left_out_and_said(
    what: str, caplog: pytest.LogCaptureFixture
) -> None:
    document = saved()
    CHANGES[what](document)
    assert loaded(document) == SaleState()
    assert "sales_unusable" in caplog.text


def test_a_saving_at_no_date_is_left_out() -> None:
    document = saved()
    text = json.dumps(document | {"saved_wall_s": -1.0})
    assert from_json(text, Moment(5.0, 1_800_000_000.0)) == SaleState()
