"""Where passwords may stand, and how addresses are put together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.credentials import (
    Credentials,
    account_fault,
    host_fault,
    login_spellings,
    source_fault,
    with_login,
)
from agent.errors import ConfigError


@dataclass(frozen=True)
class Login:
    username: str | None = None
    password_env: str | None = None
    password_file: Path | None = None


def password_from(path: Path) -> str | None:
    return Credentials("config.yaml", {}).password(Login(password_file=path), "mqtt")


def written(folder: Path, content: bytes, mode: int = 0o640) -> Path:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_password_file_gives_its_line_without_the_line_break(tmp_path: Path) -> None:
    assert password_from(written(tmp_path, b" s3cret \r\n")) == " s3cret "


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (b"x", 0o644, "everybody may read it: chmod o-rwx"),
        (b"", 0o600, "expected the password on one line"),
        (b"one\ntwo", 0o600, "expected the password on one line"),
        (b"\xff", 0o600, "is not UTF-8"),
        (b"x" * 5000, 0o600, "longer than 4096 bytes"),
    ],
)
def test_a_bad_password_file_is_refused(
    tmp_path: Path, content: bytes, mode: int, reason: str
) -> None:
    with pytest.raises(ConfigError, match=f"^config.yaml: mqtt.password_file: .*{reason}"):
        password_from(written(tmp_path, content, mode))


def test_a_missing_password_file_and_a_pipe_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        password_from(tmp_path / "none")
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match="regular file"):
        password_from(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("login", "fault"),
    [
        (Login(), None),
        (Login("u", "A_B1"), None),
        (Login("u"), None),
        (Login("u", "A", Path("x")), "password_file: give either"),
        (Login(None, "A"), "username: is missing"),
        (Login("u", "not a name"), "password_env: must be a variable's name"),
    ],
)
def test_login_keys_must_fit_together(login: Login, fault: str | None) -> None:
    found = account_fault(login)
    assert found is None if fault is None else (found or "").startswith(fault)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("0", None),
        ("/dev/video0", None),
        ("clips/me@home.mp4", None),
        ("rtsp://cam:554/a?b=c@d", None),
        ("https://cam/x?user={username}&pwd={password}", None),
        ("rtsp://u@cam/", "source: holds a login"),
        ("rtsp://u:p/w@cam/", "source: holds a login"),
        ("http://cam/?password=x", "source: holds a login"),
        ("ftp://cam/", "source: got ftp://: must be one of rtsp"),
        ("rtsp:///live", "source: must be an address"),
        ("rtsp://cam:99999/", "source: must be an address"),
        ("http://[::1/", "source: must be an address"),
    ],
)
def test_a_camera_source_holds_no_login(source: str, fault: str | None) -> None:
    found = source_fault(source, Login())
    assert found is None if fault is None else (found or "").startswith(fault)


def test_only_an_address_can_have_a_user() -> None:
    assert source_fault("0", Login("admin")) == "username: only an address can have one"


def test_marks_in_an_address_are_filled_and_nothing_is_put_before_the_host() -> None:
    address = with_login("http://cam/x?user={username}&pwd={password}", "a b", "p&q")
    assert address == "http://cam/x?user=a%20b&pwd=p%26q"


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_any_login_is_read_back_from_the_address(username: str, password: str) -> None:
    parts = urlsplit(with_login("rtsp://cam:554/live", username, password))
    assert (parts.hostname, parts.port, parts.path) == ("cam", 554, "/live")
    assert (unquote(parts.username or ""), unquote(parts.password or "")) == (username, password)


def test_a_login_is_recognised_however_a_decoder_spells_it() -> None:
    spellings = login_spellings("viewer", "p@ss/w")
    assert set(spellings) == {"p@ss/w", "p%40ss%2Fw", "p%40ss/w", "dmlld2VyOnBAc3Mvdw=="}
    assert login_spellings("viewer", "abc") == ()


@pytest.mark.parametrize("host", ["mqtt://broker", "user:secret@broker", "broker?x", "a\nb"])
def test_a_brokers_host_is_a_host_alone(host: str) -> None:
    assert "secret" not in str(host_fault(host))
    assert str(host_fault(host)).startswith("host: must be")


def test_names_and_addresses_are_hosts() -> None:
    assert [host_fault(host) for host in ("localhost", "10.0.0.1", "::1")] == [None] * 3
