import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.capture.address import SourceKind, device_of, kind_of, without_credentials


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("0", "device"),
        ("/dev/video2", "device"),
        ("rtsp://camera/till", "stream"),
        ("https://camera/till.mjpg", "stream"),
        ("/srv/film.mp4", "file"),
        ("film.mp4", "file"),
    ],
)
def test_an_address_tells_what_it_is(address: str, kind: SourceKind) -> None:
    assert kind_of(address) == kind


def test_a_device_is_a_number_or_a_path() -> None:
    assert device_of("1") == 1
    assert device_of("/dev/video1") == "/dev/video1"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://host:554/till", "rtsp://host:554/till"),
        ("rtsp://joe:s3cret@host/till", "rtsp://***@host/till"),
        ("rtsp://joe:s3/cr@et@host/till", "rtsp://***@host/till"),
        ("open http://host/a?user=joe&pwd=s3cret failed", "open http://host/a?*** failed"),
        ("no address at all, user@example", "no address at all, user@example"),
    ],
)
def test_what_is_shown_holds_no_login(text: str, shown: str) -> None:
    assert without_credentials(text) == shown


@given(st.text("abc:/@?&=%", min_size=1), st.sampled_from(["rtsp", "http", "https"]))
def test_no_password_gets_through_however_odd(noise: str, scheme: str) -> None:
    shown = without_credentials(f"failed: {scheme}://joe:{noise}PLANTED{noise}@host/till")
    assert "PLANTED" not in shown
