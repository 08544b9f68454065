"""From a clip and scripted sales through Mosquitto to Parquet, and an offer on the way."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from agent.config.decision import AgeGroupSection
from agent.decide.age_group import group_names
from agent.decide.offer_table import GroupOffers, OfferedProduct, OfferTable
from agent.insights.duck import database
from tests.brokers import Consumer, Mosquitto, wait_until
from tests.end_to_end.command_line import AGENT, REPOSITORY, checkout_agent

SALES = """\
- {at_s: 0.2, sale_id: s1, type: opened}
- {at_s: 0.5, sale_id: s1, type: item_scanned, item: {product_id: tea, category: drinks, restricted: false, quantity: 2}}
- {at_s: 2.5, sale_id: s1, type: closed}
"""  # noqa: E501  (one step a line)


@pytest.mark.mosquitto
@pytest.mark.slow
def test_a_sale_before_the_camera_ends_as_a_row_of_parquet(
    carphone_clip: Path, tmp_path: Path
) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    offered = (OfferedProduct(category="bakery", product_id="cake", lift=2.0, baskets=50),)
    names = group_names(AgeGroupSection())
    groups = tuple(GroupOffers(group=name, products=offered) for name in names)
    (tmp_path / "offers.json").write_text(OfferTable(groups=groups).model_dump_json())
    config = tmp_path / "config.yaml"
    config.write_text(
        f"mqtt: {{port: {broker.port}}}\n"
        "baskets: {enabled: true}\noffers: {table: offers.json}\n"
    )
    (tmp_path / "sales.yaml").write_text(SALES)
    consumer = Consumer(broker.port)
    out = tmp_path / "baskets"
    arguments = ("insights", "collect", "--config", str(config), "--out", str(out))
    collector = subprocess.Popen([*AGENT, *arguments], cwd=REPOSITORY)
    try:
        assert wait_until(lambda: "checkout-insights 1 " in broker.log, 40)
        finished = checkout_agent(
            "replay", carphone_clip, "--config", config, "--sales", tmp_path / "sales.yaml"
        )
        assert finished.returncode == 0, finished.stderr
        assert wait_until(lambda: consumer.of("event/basket"), 20)
        assert wait_until(lambda: any((out / "journal").glob("*.ndjson")), 20)
    finally:
        collector.send_signal(signal.SIGTERM)
        assert collector.wait(40) == 0
        consumer.close()
        broker.stop()
    [offer] = consumer.of("event/offer")
    assert offer.json["goods"] == [{"category": "bakery", "product_id": "cake"}]
    file = out / "baskets-2026-01-01T12.parquet"
    with database() as connection:
        [(event_id, lines, found, shares)] = connection.execute(
            "SELECT event_id, lines, groups, probabilities FROM read_parquet(?)", [str(file)]
        ).fetchall()
    assert event_id == consumer.of("event/basket")[0].json["event_id"]
    assert lines == [{"category": "drinks", "product_id": "tea", "quantity": 2}]
    by_group = dict(zip(found, shares, strict=True))
    assert by_group["25-34"] + by_group["35-49"] + by_group["50-64"] > 0.8  # an adult man
    assert "s1" not in json.dumps(consumer.of("event/basket")[0].json)
