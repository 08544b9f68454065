"""Scripted sales of a replay: YAML of our own users."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agent.errors import ConfigError
from agent.sales_script import SalesScript, load_sales_script
from tests.fuzz.targets.target import Target, of_file

SEEDS = (
    b"- {at_s: 1.0, sale_id: s1, type: opened}\n- {at_s: 2.0, sale_id: s1, type: closed}\n",
    b"- at_s: -0.5\n  sale_id: s1\n  type: item_scanned\n  held_back_s: 3\n"
    b"  item: {product_id: beer, category: alcohol, restricted: true, quantity: 2}\n"
    b"- {at_s: 3, sale_id: s1, type: id_checked, source: display, message_id: m1}\n",
    b"- &a [x, x]\n- &b [*a, *a]\n- [*b, *b]\n",
    b"- {at_s: 2026-11-24, sale_id: 2026-11-24T10:00:00Z, type: ~}\n",
)


def _seeds() -> Sequence[bytes]:
    return SEEDS


def _read(path: Path) -> None:
    steps = load_sales_script(path)
    script = SalesScript(steps, start_wall_s=0.0)
    assert len(script.take_until(1e9)) == len(steps)


TARGET = Target(
    name="sales_script",
    cases=900,
    modules=("agent.sales_script",),
    seeds=_seeds,
    opened=of_file("sales.yaml", _read, ConfigError),
)
