"""`checkout-agent insights report` and `offers` on a folder of Parquet files."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from agent.cli import app
from agent.config.decision import AgeGroupSection
from agent.decide.age_group import group_names
from agent.decide.offer_table import load_offer_table
from agent.errors import ExtraError, InsightsError, ModelError
from agent.insights.confusion import CONFUSION_NAME, Float64Array, GroupConfusion, load_confusion
from agent.insights.counts import count_baskets
from agent.insights.journal import BasketRow
from agent.insights.store import BasketStore
from tests.insights.baskets import GROUPS, event_id
from tests.insights.shop import Sales, Shop

HOUR = "2026-11-24T10"
BASKETS = 3000


def write(folder: Path, sales: Sales, probabilities: Float64Array) -> None:
    """Write simulated baskets the way the collector does."""
    store = BasketStore(folder)
    rows = []
    for number, (goods, shares) in enumerate(zip(sales.goods, probabilities, strict=True)):
        lines = [
            {"category": "alcohol" if product == 0 else "goods", "product_id": f"p{product}",
             "quantity": 1}
            for product in np.flatnonzero(goods)
        ]  # fmt: skip
        hour = f"2026-11-24T{10 + number % 2}"
        row = {
            "event_id": event_id(number), "occurred_at": f"{hour}:00:00.000Z",
            "store_id": "shop", "register_id": "till-1", "lines": lines,
            "groups": list(GROUPS) if number % 10 else [],
            "probabilities": shares.tolist() if number % 10 else [],
        }  # fmt: skip
        rows.append(BasketRow(hour, json.dumps(row)))
    store.journal.append(rows)
    store.merge()
    store.close()


@pytest.fixture(scope="module")
def sales() -> Sales:
    return Shop.of(1, 6.0).sell(1, BASKETS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sales: Sales) -> Path:
    made = tmp_path_factory.mktemp("baskets")
    write(made, sales, sales.seen())
    return made


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["insights", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_the_sums_are_those_of_the_baskets(folder: Path, sales: Sales) -> None:
    counts = count_baskets(folder)
    known = np.arange(BASKETS) % 10 > 0
    probabilities = sales.seen()[known]
    goods = sales.goods[known].astype(np.float64)
    assert (counts.groups, counts.unknown, counts.other_groups) == (GROUPS, BASKETS // 10, 0)
    assert (counts.first_hour, counts.last_hour) == ("2026-11-24T10:00Z", "2026-11-24T11:00Z")
    assert counts.baskets.sum() == known.sum()
    assert counts.people.sum(axis=0) == pytest.approx(probabilities.sum(axis=0))
    order = [int(product_id[1:]) for _, product_id in counts.products]
    assert counts.bought.sum(axis=0) == pytest.approx((probabilities.T @ goods)[:, order])
    assert counts.with_product.sum(axis=0) == pytest.approx(goods.sum(axis=0)[order])


def test_the_terminal_shows_groups_products_and_what_they_rest_on(folder: Path) -> None:
    output = run("report", folder, "--top", "2")
    assert "2700 baskets, 2026-11-24T10:00Z to 2026-11-24T11:00Z; 300 more of unknown" in output
    assert "25-34" in output
    assert "corrected for the model" in " ".join(output.split())
    assert "not corrected" in " ".join(run("report", folder, "--uncorrected").split())


def test_the_csv_has_a_row_for_every_group_and_lift(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("report", folder, "--csv"))))
    assert [row["group"] for row in rows if not row["product_id"]] == list(GROUPS)
    lifts = [row for row in rows if row["product_id"]]
    assert all(
        float(row["lift_low"]) <= float(row["lift"]) <= float(row["lift_high"]) for row in lifts
    )
    assert all(float(row["baskets"]) >= 20 for row in lifts)


def test_few_baskets_are_not_told(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("report", folder, "--csv", "--min-baskets", "300"))))
    by_group = {row["group"]: row for row in rows if not row["product_id"]}
    assert by_group["0-9"]["baskets"] == ""
    assert by_group["35-49"]["baskets"] != ""
    assert all(float(row["baskets"]) >= 300 for row in rows if row["product_id"])


def test_the_page_asks_nothing_of_the_network(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run("report", folder, "--html", page)
    text = page.read_text()
    assert text.count("<svg") >= 4
    assert "default-src 'none'" in text
    for reference in ("http:", "https:", "src=", "href=", "url(", "<script", "@import"):
        assert reference not in text


def test_names_in_a_page_and_a_csv_do_no_harm(tmp_path: Path, sales: Sales) -> None:
    evil = "<script>alert(1)</script>"
    store = BasketStore(tmp_path / "in")
    lines = [{"category": "=cmd()", "product_id": evil, "quantity": 1}]
    row = {"occurred_at": f"{HOUR}:00:00.000Z", "store_id": "s", "register_id": "r",
           "lines": lines, "groups": list(GROUPS), "probabilities": [1 / 7] * 7}  # fmt: skip
    store.journal.append(
        [BasketRow(HOUR, json.dumps({**row, "event_id": event_id(n)})) for n in range(500)]
    )
    store.merge()
    store.close()
    page = tmp_path / "page.html"
    output = run("report", tmp_path / "in", "--csv", "--html", page, "--uncorrected")
    assert "<script>" not in page.read_text()
    assert "&lt;script&gt;" in page.read_text()
    assert ",'=cmd()," in output


def test_the_learned_table_is_one_that_the_agent_takes(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "offers.json"
    output = run("offers", folder, "--out", file, "--products", "5")
    table = load_offer_table(file, group_names(AgeGroupSection()))
    products = [product for group in table.groups for product in group.products]
    assert f"{len(products)} products for 7 age groups" in " ".join(output.split())
    assert len(products) >= 10
    assert all(product.lift > 1.0 and product.baskets >= 20 for product in products)
    assert "alcohol" not in {product.category for product in products}


def test_a_folder_without_baskets_is_named(tmp_path: Path) -> None:
    with pytest.raises(InsightsError, match=r"no baskets-\*\.parquet: collect some"):
        count_baskets(tmp_path)
    (tmp_path / "baskets-2026-11-24T10.parquet").write_bytes(b"garbage")
    with pytest.raises(InsightsError, match="duckdb"):
        count_baskets(tmp_path)


def test_without_duckdb_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    (tmp_path / "baskets-2026-11-24T10.parquet").write_bytes(b"")
    with pytest.raises(ExtraError, match=r"pip install 'checkout-agent\[insights\]'"):
        count_baskets(tmp_path)


def test_the_confusion_is_used_for_its_own_groups_and_weights_only(
    repository: Path, tmp_path: Path
) -> None:
    model = repository / "models" / "age_resnet50"
    shipped = GroupConfusion.model_validate_json((model / CONFUSION_NAME).read_bytes())
    assert shipped.groups == group_names(AgeGroupSection())
    assert load_confusion(model, shipped.groups, shipped.model_sha256) == shipped
    assert load_confusion(model, shipped.groups[1:], shipped.model_sha256) is None
    assert load_confusion(model, shipped.groups, "0" * 64) is None
    assert load_confusion(tmp_path, shipped.groups, shipped.model_sha256) is None
    (tmp_path / CONFUSION_NAME).write_text("{}")
    with pytest.raises(ModelError):
        load_confusion(tmp_path, shipped.groups, shipped.model_sha256)


def test_the_shipped_confusion_belongs_to_the_shipped_weights(repository: Path) -> None:
    model = repository / "models" / "age_resnet50"
    thresholds = json.loads((model / "thresholds.json").read_text())
    confusion = json.loads((model / CONFUSION_NAME).read_text())
    assert confusion["model_sha256"] == thresholds["model_sha256"]
