"""Every boundary takes 50,000 seeded inputs between them: nothing comes out, nothing grows."""

from __future__ import annotations

import gc
import logging
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path

import pytest

from tests.fuzz.findings import Findings
from tests.fuzz.inputs import mutants
from tests.fuzz.targets.catalogue import TARGETS, find
from tests.fuzz.targets.target import Entry, Target

CASES = 50_000
#: A leak of 200 bytes a case is more.
ALLOWED_BYTES = 60_000
ALLOWED_BYTES_A_CASE = 50
STRETCHES = 3


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def traced_bytes() -> int:
    """Return what Python holds, less what is garbage."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def run(target: Target, cases: int, folder: Path) -> tuple[dict[str, bytes], int]:
    """Return what came out, and by how much memory has grown from stretch to stretch.

    The least growth counts: bounded queues fill up in the first stretch, and a cache of some
    library may be filled in another; a leak goes on through all of them.
    """
    held_bytes = []
    tracemalloc.start()
    try:
        with target.opened(folder) as entry:
            findings = Findings(entry)
            for seed in target.seeds():
                findings(seed)
            inputs = mutants(target.seeds(), cases)
            while batch := list(islice(inputs, cases // STRETCHES + 1)):
                for content in batch:
                    findings(content)
                del batch
                held_bytes.append(traced_bytes())
    finally:
        tracemalloc.stop()
    return findings.kinds, min(after - before for before, after in pairwise(held_bytes))


def allowed_bytes(target: Target) -> int:
    """Return how much a stretch may grow."""
    return ALLOWED_BYTES + ALLOWED_BYTES_A_CASE * target.cases // STRETCHES


def test_the_cases_of_all_targets_are_fifty_thousand() -> None:
    assert sum(target.cases for target in TARGETS) == CASES
    assert len({target.name for target in TARGETS}) == len(TARGETS)
    assert find("records").name == "records"
    with pytest.raises(ValueError, match="expected one of"):
        find("none")


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_leaves_its_boundary_and_nothing_grows(target: Target, tmp_path: Path) -> None:
    kinds, grown_bytes = run(target, target.cases, tmp_path)
    assert kinds == {}
    assert grown_bytes < allowed_bytes(target)


def made(entry: Entry, cases: int = 2000) -> Target:
    @contextmanager
    def opened(folder: Path) -> Iterator[Entry]:
        yield entry

    return Target("made", cases, (), lambda: [b'{"a": 1}'], opened)


def test_a_boundary_that_leaks_is_caught(tmp_path: Path) -> None:
    kept: list[bytes] = []
    target = made(lambda content: kept.append(content.ljust(200)))
    _, grown_bytes = run(target, target.cases, tmp_path)
    assert grown_bytes > allowed_bytes(target)


def test_what_comes_out_is_kept_once_with_its_smallest_input(tmp_path: Path) -> None:
    def entry(content: bytes) -> None:
        if b"1" not in content:
            raise KeyError(content)

    kinds, _ = run(made(entry, 200), 200, tmp_path)
    assert len(kinds) == 1
    assert b"1" not in next(iter(kinds.values()))
