"""What comes over the network: payloads and topics of till and display."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import ReplayClock
from agent.errors import ProtocolError
from agent.outcomes import SaleMessage
from agent.publish.inbox import MAX_WAITING, Inbox
from agent.publish.sales import parse_confirm, parse_sale
from agent.publish.topics import TopicTree
from tests.fuzz.inputs import FAST_CASES, bounded, changed_json, count_taken, is_taken, mutants
from tests.publish.test_sales import CONFIRM, OPENED, SALE

SALES = [SALE, OPENED]
GOOD = [json.dumps(each).encode() for each in (*SALES, CONFIRM)]
TREE = TopicTree("checkout", "store", "till")


@pytest.mark.parametrize("parse", [parse_sale, parse_confirm])
def test_a_changed_payload_is_taken_or_refused(parse: Callable[[bytes], SaleMessage]) -> None:
    taken = count_taken(parse, mutants(GOOD, FAST_CASES), ProtocolError)
    assert 0 < taken < FAST_CASES


@bounded
@given(changed_json([*SALES, CONFIRM]) | st.binary(max_size=5000))
def test_json_of_any_kind_is_taken_or_refused(content: bytes) -> None:
    for parse in (parse_sale, parse_confirm):
        if is_taken(partial(parse, content), ProtocolError):
            message = parse(content)
            assert len(message.sale_id) <= 64
            assert message.sale_id.isprintable()


@bounded
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(TREE.inbound())) | st.text(max_size=200),
            changed_json(SALES) | st.binary(max_size=200) | st.sampled_from(GOOD),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_the_inbox_never_raises_and_counts_everything(
    messages: list[tuple[str, bytes, bool]],
) -> None:
    logging.disable(logging.CRITICAL)
    inbox = Inbox(TREE.inbound(), ReplayClock(0.0))
    for topic, payload, retained in messages:
        inbox.receive(topic, payload, retained)
    logging.disable(logging.NOTSET)
    counts = inbox.counts()
    assert sum(counts.values()) == len(messages)
    assert len(inbox.drain()) == counts.get("received", 0) <= MAX_WAITING
