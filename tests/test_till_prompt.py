from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import InputError
from agent.publish.sales import parse_confirm, parse_sale
from agent.publish.till import till_message
from agent.publish.topics import TopicKey
from agent.till_prompt import TypedTill


@pytest.fixture
def till() -> TypedTill:
    return make_till()


def make_till() -> TypedTill:
    return TypedTill(["alcohol"], lambda: 1_800_000_000.0, "sim")


def test_a_scan_begins_a_sale(till: TypedTill) -> None:
    opened, scanned = till.read("scan alcohol beer-6 x2")
    assert (opened.step, opened.sale_id) == ("opened", "sim-1")
    assert (scanned.step, scanned.sale_id) == ("item_scanned", "sim-1")
    assert (scanned.product_id, scanned.quantity, scanned.restricted) == ("beer-6", 2, True)


def test_what_the_config_does_not_restrict_is_not_restricted(till: TypedTill) -> None:
    assert till.read("scan dairy")[-1].restricted is False


def test_an_id_check_may_be_recorded_at_the_display(till: TypedTill) -> None:
    till.read("open")
    (message,) = till.read("id display")
    assert (message.step, message.source) == ("id_checked", "display")


def test_after_the_close_the_next_scan_is_another_sale(till: TypedTill) -> None:
    till.read("scan alcohol")
    till.read("close")
    assert till.read("scan alcohol")[0].sale_id == "sim-2"


def test_two_sales_can_be_open_at_once(till: TypedTill) -> None:
    till.read("open left")
    till.read("open right")
    till.read("sale left")
    assert till.read("close")[0].sale_id == "left"


@pytest.mark.parametrize(
    "line",
    ["fly", "scan", "scan alcohol beer x2 y", "close", "id", "sale", "open a b", "scan käse",
     "scan alcohol bad/product", "remove alcohol"],
)  # fmt: skip
def test_what_cannot_be_understood_is_explained(line: str, till: TypedTill) -> None:
    with pytest.raises(InputError):
        till.read(line)


def test_every_message_has_an_id_of_its_own(till: TypedTill) -> None:
    lines = ("scan alcohol", "scan alcohol", "id", "close")
    ids = [message.message_id for line in lines for message in till.read(line)]
    assert len(set(ids)) == len(ids) == 5


WORDS = st.sampled_from(
    ["open", "scan", "remove", "id", "refuse", "close", "sale", "alcohol", "x2", "display", "a:b"]
)


@given(st.lists(st.lists(WORDS, max_size=4), max_size=12))
def test_whatever_is_typed_gives_messages_that_the_agent_takes(lines: list[list[str]]) -> None:
    till = make_till()
    for words in lines:
        try:
            messages = till.read(" ".join(words))
        except InputError:
            continue
        for message in messages:
            key, content = till_message(message)
            parse = parse_confirm if key is TopicKey.CONFIRM else parse_sale
            assert parse(content) == message
