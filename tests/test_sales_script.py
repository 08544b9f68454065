from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import ConfigError
from agent.sales_script import SalesScript, load_sales_script

GOOD = """
- {at_s: 4, sale_id: s1, type: closed}
- {at_s: -1.0, sale_id: s1, type: opened}
- at_s: -0.5
  sale_id: s1
  type: item_scanned
  item: {product_id: beer, category: alcohol, restricted: true, quantity: 2}
- {at_s: 3, sale_id: s1, type: id_checked, source: display}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "sales.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_steps_come_in_order_of_time_each_once(tmp_path: Path) -> None:
    script = SalesScript(load_sales_script(write(tmp_path, GOOD)), start_wall_s=1000.0)
    assert script.next_at_s == -1.0
    before = script.take_until(0.0)
    assert [(at_s, message.step) for at_s, message in before] == [
        (-1.0, "opened"),
        (-0.5, "item_scanned"),
    ]
    assert before[1][1].occurred_wall_s == 999.5
    assert (before[1][1].quantity, before[1][1].restricted) == (2, True)
    assert script.take_until(2.9) == []
    rest = script.take_until(100.0)
    assert [message.source for _, message in rest] == ["display", "point_of_sale"]
    assert [script.next_at_s] == [None]
    assert len({message.message_id for _, message in before + rest}) == 4


def test_a_till_with_a_wrong_clock_can_be_scripted(tmp_path: Path) -> None:
    text = "- {at_s: 1, sale_id: s, type: opened, sender_clock_off_s: -600, message_id: m}"
    script = SalesScript(load_sales_script(write(tmp_path, text)), 1000.0)
    [(at_s, message)] = script.take_until(1.0)
    assert (at_s, message.occurred_wall_s, message.message_id) == (1.0, 401.0, "m")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- {at_s: soon, sale_id: s, type: opened}", ["0.at_s", "'soon'"]),
        ("- {at_s: .nan, sale_id: s, type: opened}", [".nan: must be a finite number"]),
        ("- {at_s: 1, type: opened}", ["0.sale_id", "required"]),
        ("- {at_s: 1, sale_id: s, type: sold}", ["0.type", "'sold'", "item_scanned"]),
        ("- {at_s: 1, sale_id: s, type: opened, colour: red}", ["0.colour", "'red'"]),
        ("- {at_s: 1, sale_id: s, type: item_scanned}", ["item: expected"]),
        ("- {at_s: 1, sale_id: s, type: closed, source: display}", ["a display can only"]),
        ("sales: 3", ["the file", "tuple"]),
        ("", ["the file"]),
        ("- [1, 2", ["is no YAML"]),
        ("- \x01", ["is no YAML"]),
        ("- {at_s: 1, sale_id: 2026-99-99T1, type: closed, source: 2026-99-99}", ["0.source"]),
        ("- &a [x]\n- [*a, *a]", ["is no YAML", "anchors"]),
        ("- " + "[" * 5000, ["is no YAML", "deeper"]),
        ("- {" + "k" * 900 + ": 1}", ["0."]),
    ],
)
def test_a_wrong_script_is_refused_with_file_key_value_and_reason(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        load_sales_script(path)
    for word in [str(path), *words]:
        assert word in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 700


def test_a_missing_or_huge_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_sales_script(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="at most"):
        load_sales_script(write(tmp_path, "#" * 1_000_001))


def test_a_step_that_is_held_back_arrives_later_than_it_happened(tmp_path: Path) -> None:
    file = tmp_path / "sales.yaml"
    file.write_text(
        "- {at_s: 0, sale_id: s1, type: opened, held_back_s: 300}\n"
        "- {at_s: 1, sale_id: s2, type: opened}\n"
    )
    script = SalesScript(load_sales_script(file), start_wall_s=1000.0)
    taken = script.take_until(300)
    assert [(at_s, m.sale_id, m.occurred_wall_s) for at_s, m in taken] == [
        (1, "s2", 1001.0),
        (300, "s1", 1000.0),
    ]
