"""The display's section: loopback or a token, and a login of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config.display import DisplaySection
from agent.config.load import LoadedConfig, load_config
from agent.errors import ConfigError


def load(folder: Path, text: str, **environment: str) -> LoadedConfig:
    file = folder / "config.yaml"
    file.write_text(text)
    return load_config(file, environment)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "till-1.store", "::"])  # noqa: S104 (refused)
def test_beyond_this_machine_a_token_is_needed(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match="give token_env or token_file"):
        load(tmp_path, f"display: {{host: '{host}'}}")
    loaded = load(tmp_path, f"display: {{host: '{host}', token_env: TOKEN}}", TOKEN="x" * 16)
    assert loaded.display_token() == "x" * 16


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.5", "::1", "localhost"])
def test_on_this_machine_none_is(host: str) -> None:
    assert DisplaySection(host=host).is_loopback


def test_a_short_token_is_refused(tmp_path: Path) -> None:
    loaded = load(tmp_path, "display: {token_env: TOKEN}", TOKEN="short")
    with pytest.raises(ConfigError, match="openssl rand"):
        loaded.display_token()


def test_a_token_in_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123456789abcdef\n")
    (tmp_path / "token").chmod(0o600)
    loaded = load(tmp_path, "display: {token_file: token}")
    assert loaded.display_token() == "0123456789abcdef"


def test_a_token_comes_from_one_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="either token_env or token_file"):
        load(tmp_path, "display: {token_env: TOKEN, token_file: token}")


def test_the_display_logs_in_as_itself_else_as_the_agent(tmp_path: Path) -> None:
    agent = "mqtt: {username: agent, password_env: A}\n"
    own = agent + "display: {username: display, password_env: D}\n"
    assert load(tmp_path, agent, A="1", D="2").display_login() == ("agent", "1")
    assert load(tmp_path, own, A="1", D="2").display_login() == ("display", "2")


def test_a_password_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"display\.username"):
        load(tmp_path, "display: {password_env: D}")
