"""A few composed visits through the real pipeline; the figures are `training.composed_visits`'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from training.composed_visits import Amount, compose, tables

AMOUNT = Amount(visits=8, minors=3, young_adults=0, long_visits=1, clips=1)


@pytest.fixture(scope="module")
def figures(shared_dir: Path) -> dict[str, Any]:
    return compose(shared_dir / "data", "val", AMOUNT, seed=5)


@pytest.mark.slow
def test_composed_customers_are_seen_and_their_ages_are_near(figures: dict[str, Any]) -> None:
    errors = figures["errors"]
    assert errors["without_evidence"] <= 2
    assert errors["crops_per_visit"] >= 8
    assert errors["fused_mae_years"]["value"] < 10
    assert errors["fused_mae_years"]["value"] < errors["single_mae_years"]["value"] + 0.5


@pytest.mark.slow
def test_most_minors_are_asked(figures: dict[str, Any]) -> None:
    assert figures["decision"]["14-17"]["passed"]["count"] <= 1


@pytest.mark.slow
def test_subsets_of_one_visit_agree(figures: dict[str, Any]) -> None:
    assert figures["spread"]["visits"] == 1
    assert figures["spread"]["largest_years"] < 2.0


@pytest.mark.slow
def test_visits_are_counted_right(figures: dict[str, Any]) -> None:
    every = figures["visits"]["all"]
    assert every["n"] >= 7
    assert every["count"] >= every["n"] - 2


@pytest.mark.slow
def test_the_tables_show_every_figure(figures: dict[str, Any]) -> None:
    assert [table.row_count > 0 for table in tables(figures)] == [True, True, True]
