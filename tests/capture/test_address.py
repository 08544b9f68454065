import pytest

from agent.capture.address import SourceKind, device_of, kind_of


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
