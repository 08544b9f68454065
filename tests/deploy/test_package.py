"""What is inside the wheel."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def packed(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_model_file_is_in_the_package(packed: set[str], source: Path) -> None:
    models = source / "models"
    expected = {
        f"agent/models/{path.relative_to(models)}"
        for path in models.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "agent/models/__init__.py" in expected
    assert expected <= packed


def test_every_module_and_page_is_in_the_package(packed: set[str], source: Path) -> None:
    kinds = {".py", ".html", ".css", ".js", ".json", ".yaml", ".typed"}
    expected = {
        str(path.relative_to(source))
        for path in (source / "agent").rglob("*")
        if path.suffix in kinds
    }
    assert expected <= packed


def test_tests_and_training_are_not_in_the_package(packed: set[str]) -> None:
    assert {name.split("/", maxsplit=1)[0] for name in packed} == {
        "agent",
        "checkout_agent-0.1.0.dist-info",
    }


def test_the_command_is_installed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        entry = archive.read("checkout_agent-0.1.0.dist-info/entry_points.txt").decode()
    assert "checkout-agent = agent.cli:main" in entry
