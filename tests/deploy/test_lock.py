"""requirements.lock: all that the agent runs on, pinned and hashed, from nowhere in particular."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PYTHONS = ("3.11.9", "3.12.9", "3.13.1")


@pytest.fixture(scope="module")
def lock(repository: Path) -> str:
    return (repository / "requirements.lock").read_text()


def pins(lock: str) -> list[Requirement]:
    return [Requirement(line.removesuffix(" \\")) for line in lock.splitlines() if "==" in line]


def wanted(repository: Path) -> list[Requirement]:
    """Return what setup.py says the agent runs on."""
    for node in ast.parse((repository / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RUN":
            return [Requirement(text) for text in ast.literal_eval(node.value)]
    raise AssertionError("setup.py has no list RUN")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_is_pinned_to_a_version_that_fits(
    repository: Path, lock: str, python: str
) -> None:
    environment = {"python_full_version": python, "python_version": python.rpartition(".")[0]}
    pinned: dict[str, str] = {}
    for pin in pins(lock):
        if pin.marker is None or pin.marker.evaluate(environment):
            assert canonical(pin.name) not in pinned, f"{pin.name} twice on Python {python}"
            [version] = [each.version for each in pin.specifier]
            pinned[canonical(pin.name)] = version
    lagging = [
        str(requirement)
        for requirement in wanted(repository)
        if not requirement.specifier.contains(pinned.get(canonical(requirement.name), "0"))
    ]
    assert lagging == [], "run: make lock"


def test_every_pin_has_hashes(lock: str) -> None:
    blocks = re.split(r"\n(?=[a-z])", lock.partition("\n\n")[0])[1:]
    assert len(blocks) == len(pins(lock))
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_it_names_no_index_no_path_and_no_gpu(lock: str) -> None:
    content = "".join(line for line in lock.splitlines() if not line.startswith("#"))
    for word in ("://", "file:", "--index", "--find-links", " @ ", "nvidia", "cuda"):
        assert word not in content
