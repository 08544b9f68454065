"""The offer table's file: every fault is named before the agent starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.decide.offer_table import load_offer_table
from agent.errors import ConfigError
from agent.outcomes import Goods

PRODUCT = {"category": "dairy", "product_id": "milk", "lift": 2.0, "baskets": 30.0}
GOOD = {
    "schema_version": 1,
    "groups": [{"group": "0-49", "products": [PRODUCT]}, {"group": "50+", "products": []}],
}


def test_a_table_is_read_and_its_products_ranked(tmp_path: Path) -> None:
    file = tmp_path / "offers.json"
    file.write_text(json.dumps(GOOD))
    table = load_offer_table(file, ("0-49", "50+"))
    assert table.best({"0-49": 0.3, "50+": 0.7}, 3) == (Goods("dairy", "milk"),)
    assert table.best({"0-49": 0.3}, 3, without={"dairy"}) == ()
    assert table.best({}, 3) == ()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "JSON"),
        ("{}", "groups"),
        (json.dumps({**GOOD, "extra": 1}), "extra"),
        (json.dumps({**GOOD, "groups": [{"group": "0+", "products": []}]}), "age_groups has"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path: Path, content: str, fault: str) -> None:
    file = tmp_path / "offers.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=fault):
        load_offer_table(file, ("0-49", "50+"))


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"offers\.table: .*nowhere"):
        load_offer_table(tmp_path / "nowhere.json", ())


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"groups": [], "k" * 10_000: 1}),
        json.dumps({"groups": [{"group": "g" * 10_000, "products": []}]}),
    ],
)
def test_a_refusal_is_no_copy_of_the_table(tmp_path: Path, content: str) -> None:
    path = tmp_path / "offers.json"
    path.write_text(content)
    with pytest.raises(ConfigError) as raised:
        load_offer_table(path, ("18-24",))
    assert len(str(raised.value)) < 700
