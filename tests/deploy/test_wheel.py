"""The wheel alone is the product: models and pages are inside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.command_line import json_lines


def test_the_wheel_replays_outside_the_checkout(
    wheel: Path, carphone_clip: Path, tmp_path: Path
) -> None:
    installed = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run(
        [*pip, "install", "--no-deps", "--target", installed, wheel], check=True, timeout=60
    )

    finished = python("-m", "agent.cli", "replay", str(carphone_clip), "--jsonl", "-", at=installed)

    assert finished.returncode == 0, finished.stderr
    assert any(line["topic"].endswith("age-group") for line in json_lines(finished.stdout))
    where = python("-c", "import agent; print(agent.__file__)", at=installed)
    assert where.stdout.startswith(str(installed))


def python(*arguments: str, at: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with the packages of `at` first, outside the checkout."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=at.parent,
        env=os.environ | {"PYTHONPATH": str(at)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
