"""config.yaml, the one settings file, against the schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from agent.config.load import load_config
from agent.config.messaging import TlsSection
from agent.config.schema import Config
from agent.config.strict_yaml import parse


def key_lines(section: BaseModel, indent: int = 0) -> Iterator[tuple[str, int]]:
    """Give every key of a section with the column it is expected in."""
    for key in type(section).model_fields:
        yield key, indent
        value = getattr(section, key)
        if isinstance(value, BaseModel):
            yield from key_lines(value, indent + 2)
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            yield from key_lines(value[0], indent + 4)
        elif isinstance(value, dict):
            for inner in value.values():
                yield from key_lines(inner, indent + 4)


@pytest.fixture(scope="module")
def text(repository: Path) -> str:
    return (repository / "config.yaml").read_text(encoding="utf-8")


def test_the_shipped_file_says_exactly_the_defaults(repository: Path) -> None:
    loaded = load_config(repository / "config.yaml")
    assert loaded.digest == load_config(None).digest


def test_the_shipped_file_holds_every_key_of_the_schema(text: str) -> None:
    missing = [
        key
        for key, indent in key_lines(Config())
        if not re.search(rf"^(?: {{{indent}}}| {{{indent - 2}}}- ){key}:", text, re.MULTILINE)
    ]
    assert missing == []


def test_the_shipped_file_shows_every_key_of_tls(text: str) -> None:
    shown = re.findall(r"^ {2}# {3}(\w+):", text, re.MULTILINE)
    assert shown == list(TlsSection.model_fields)


def test_the_tls_example_is_valid_when_uncommented(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    start, end = text.index("mqtt:"), text.index("outbox:")
    section = re.sub(r"^  tls: null.*\n", "", text[start:end], flags=re.MULTILINE)
    file.write_text(text[:start] + re.sub(r"^  # ", "  ", section, flags=re.MULTILINE) + text[end:])
    tls = load_config(file).config.mqtt.tls
    assert tls is not None
    assert tls.key_file == Path("/etc/checkout-agent/till.key")


def test_no_line_of_the_shipped_file_is_too_long(text: str) -> None:
    assert [line for line in text.splitlines() if len(line) > 100] == []


def test_the_shipped_file_is_far_below_the_size_limit(text: str) -> None:
    assert parse(text.encode()).keys() == Config.model_fields.keys()
