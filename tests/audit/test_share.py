from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.audit.share import Share


def test_the_interval_is_wilsons() -> None:
    low, high = Share(8, 10).interval
    assert low == pytest.approx(0.4902, abs=1e-4)
    assert high == pytest.approx(0.9433, abs=1e-4)


def test_nothing_could_be_anything() -> None:
    assert Share(0, 0).ratio is None
    assert Share(0, 0).interval == (0.0, 1.0)


@given(st.integers(1, 5000), st.data())
def test_the_interval_holds_the_share_and_stays_within_0_and_1(
    total: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, total))
    low, high = Share(count, total).interval
    assert 0.0 <= low <= count / total + 1e-9
    assert count / total - 1e-9 <= high <= 1.0


@given(st.integers(1, 500), st.data())
def test_more_sales_of_the_same_share_tell_more(total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, total))
    assert Share(10 * count, 10 * total).width < Share(count, total).width
