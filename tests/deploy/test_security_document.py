"""SECURITY.md promises tests: each of them exists."""

from __future__ import annotations

import re
from pathlib import Path


def test_every_test_that_the_document_names_is_there(repository: Path) -> None:
    text = (repository / "deploy/SECURITY.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    rows = [line for line in text.partition("## Threats")[2].splitlines() if line.startswith("| ")]
    assert len(named) == len(rows) - 1  # less the heading
    gone = [
        f"{file}::{name}"
        for file, name in named
        if not (repository / file).is_file()
        or f"def {name}(" not in (repository / file).read_text()
    ]
    assert gone == []
