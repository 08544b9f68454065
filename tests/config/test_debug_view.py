"""The debug view's section: bounds that nobody can widen."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config.load import LoadedConfig, load_config
from agent.config.schema import Config
from agent.errors import ConfigError


def load(folder: Path, text: str, **environment: str) -> LoadedConfig:
    file = folder / "config.yaml"
    file.write_text(text)
    return load_config(file, environment)


def test_a_quarter_of_an_hour_is_the_most(tmp_path: Path) -> None:
    assert load(tmp_path, "debug_view: {duration_s: 900}").config.debug_view.duration_s == 900
    for duration in ("900.1", "86400", "0", "-1"):
        with pytest.raises(ConfigError, match=r"debug_view\.duration_s"):
            load(tmp_path, f"debug_view: {{duration_s: {duration}}}")


@pytest.mark.parametrize("key", ["enabled: true", "host: 0.0.0.0"])
def test_no_key_switches_it_on_or_opens_it_to_others(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match="debug_view"):
        load(tmp_path, f"debug_view: {{{key}}}")
    assert set(type(Config().debug_view).model_fields) == {
        "port",
        "duration_s",
        "token_env",
        "token_file",
    }


def test_a_token_is_long_and_comes_from_one_place(tmp_path: Path) -> None:
    loaded = load(tmp_path, "debug_view: {token_env: TOKEN}", TOKEN="x" * 16)
    assert loaded.debug_view_token() == "x" * 16
    with pytest.raises(ConfigError, match="openssl rand"):
        load(tmp_path, "debug_view: {token_env: TOKEN}", TOKEN="short").debug_view_token()
    with pytest.raises(ConfigError, match="either token_env or token_file"):
        load(tmp_path, "debug_view: {token_env: TOKEN, token_file: token}")
