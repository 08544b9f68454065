"""Basket payloads: nothing that leads back to the sale, and nothing that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agent.ids import new_analytics_id
from agent.outcomes import Basket, Goods
from agent.publish.basket import BasketPayload, basket_payload

MILK = Goods("dairy", "milk")


def content(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    basket = Basket(new_analytics_id(), ((MILK, 2),), (("0-49", 0.25), ("50+", 0.75)), 7200.0)
    return {**basket_payload(basket).model_dump(mode="json"), **changes}


def test_a_basket_has_no_field_for_sale_visit_camera_or_moment() -> None:
    assert set(content()) == {
        "schema_version", "event_id", "occurred_at", "lines", "group_probabilities",
    }  # fmt: skip
    assert content()["occurred_at"] == "1970-01-01T02:00:00.000Z"


def test_probabilities_are_rounded_so_that_they_do_not_name_the_visit() -> None:
    basket = Basket(new_analytics_id(), ((MILK, 1),), (("a", 0.123456), ("b", 0.876544)), 0.0)
    shares = [each.probability_ratio for each in basket_payload(basket).group_probabilities]
    assert shares == [0.123, 0.877]


@pytest.mark.parametrize(
    "changes",
    [
        {"occurred_at": "2026-01-01T12:00:01.000Z"},
        {"lines": []},
        {"lines": [{"category": "dairy", "product_id": "milk", "quantity": 1}] * 2},
        {"lines": [{"category": "dairy", "product_id": "milk", "quantity": 0}]},
        {"group_probabilities": [{"group": "0-49", "probability_ratio": 0.5}]},
        {"group_probabilities": [{"group": "0-49", "probability_ratio": 0.5}] * 2},
        {"sale_id": "s1"},
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    BasketPayload.model_validate(content())
    with pytest.raises(ValidationError):
        BasketPayload.model_validate(content(**changes))
