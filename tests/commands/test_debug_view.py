"""How the technician learns the token, and nobody else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.commands.debug_view import announcement, token_for
from agent.config.load import LoadedConfig, load_config
from agent.errors import ConfigError


def loaded(folder: Path, keys: str = "") -> LoadedConfig:
    file = folder / "config.yaml"
    file.write_text(f"debug_view: {{port: 8123, duration_s: 90{keys}}}\n")
    return load_config(file, {"TOKEN": "configured token"})


class Terminal:
    """Stands in for a terminal."""

    def __init__(self) -> None:
        self.shown = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> None:
        self.shown += text

    def flush(self) -> None:
        pass


def test_each_start_has_a_token_of_its_own_shown_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    settings = loaded(tmp_path)
    tokens = {token_for(settings) for _ in range(20)}
    assert len(tokens) == 20
    assert min(map(len, tokens)) >= 32
    assert terminal.shown == ""

    token = tokens.pop()
    announcement(settings, token)
    assert re.fullmatch(
        rf"Debug view: http://127\.0\.0\.1:8123/\?token={re.escape(token)} "
        r"\(ends by itself after 1:30 min\)\n",
        terminal.shown,
    )


def test_without_a_terminal_a_token_must_be_configured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match=r"debug_view\.token_file"):
        token_for(loaded(tmp_path))
    settings = loaded(tmp_path, ", token_env: TOKEN")
    assert token_for(settings) == "configured token"
    announcement(settings, "configured token")
    shown = capsys.readouterr().out
    assert "http://127.0.0.1:8123/" in shown
    assert "configured token" not in shown
