"""No login in a text that is shown, however odd its address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.masking import mask_camera_addresses, mask_credentials


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("open rtsp://u:p@cam:554/x?y=1 now", "open rtsp://***@cam:554/x?y=1 now"),
        ("mqtt://u:p/w@1@host", "mqtt://***@host"),
        ("mqtt://u:<p>w@host", "mqtt://***@host"),
        ("http://cam/a?user=u&pwd=hunter2&z=1", "http://cam/a?user=u&pwd=***&z=1"),
        ("http://cam/a?Token=hunter2", "http://cam/a?Token=***"),
        ("nothing of the kind: a@b", "nothing of the kind: a@b"),
    ],
)
def test_credentials_are_masked_and_the_rest_is_kept(text: str, masked: str) -> None:
    assert mask_credentials(text) == masked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://host:554/till", "rtsp://host:554/till"),
        ("rtsp://joe:s3cret@host/till", "rtsp://***@host/till"),
        ("rtsp://joe:s3/cr@et@host/till", "rtsp://***@host/till"),
        ("open http://host/a?user=joe&pwd=s3cret failed", "open http://host/a?*** failed"),
        ("refused pwd=s3cret", "refused pwd=***"),
        ("no address at all, user@example", "no address at all, user@example"),
    ],
)
def test_what_is_shown_of_a_camera_holds_no_login(text: str, shown: str) -> None:
    assert mask_camera_addresses(text) == shown


@given(st.text("abc:/@?&=%<>", min_size=1), st.sampled_from(["rtsp", "http", "https"]))
def test_no_password_gets_through_however_odd(noise: str, scheme: str) -> None:
    shown = mask_camera_addresses(f"failed: {scheme}://joe:{noise}PLANTED{noise}@host/till")
    assert "PLANTED" not in shown
