from hypothesis import given
from hypothesis import strategies as st

from agent.capture.reconnect import Backoff


def test_delays_double_up_to_the_longest_and_begin_again_after_a_reset() -> None:
    backoff = Backoff(0.5, 3.0, jitter_ratio=0.0, random_ratio=lambda: 0.5)
    assert [backoff.next_delay_s() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    backoff.reset()
    assert backoff.next_delay_s() == 0.5


def test_jitter_shortens_by_its_share_of_chance() -> None:
    backoff = Backoff(1.0, 8.0, jitter_ratio=0.4, random_ratio=lambda: 0.5)
    assert backoff.next_delay_s() == 0.8


@given(
    st.integers(0, 2000),
    st.floats(0.01, 60),
    st.floats(60, 600),
    st.floats(0, 1),
    st.floats(0, 1, exclude_max=True),
)
def test_no_delay_is_negative_or_longer_than_promised(
    failures: int, initial_s: float, max_s: float, jitter_ratio: float, chance: float
) -> None:
    backoff = Backoff(initial_s, max_s, jitter_ratio, lambda: chance)
    backoff.failures = failures
    assert 0 <= backoff.next_delay_s() <= max_s
