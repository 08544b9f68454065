"""`make fuzz`: every target gets its share, goes on where it was, and a finding is told."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.fuzz.campaign import MAX_GROWN_BYTES, Row, Worker, cases_of, progress_file, report
from tests.fuzz.progress import Progress
from tests.fuzz.targets.catalogue import TARGETS, find

TARGET = find("sale_messages")


@pytest.mark.parametrize("cases", [1, 20_000, 1_000_000])
def test_the_shares_are_together_enough(cases: int) -> None:
    assert cases <= sum(cases_of(target, cases) for target in TARGETS) < cases + len(TARGETS)


@pytest.mark.slow
def test_a_guided_run_goes_on_and_measures_its_branches(tmp_path: Path) -> None:
    Progress(cases=200, seconds=1.0).save(progress_file(TARGET, tmp_path))
    row = Worker(tmp_path).fuzz(TARGET, 500)
    assert row.deaths == ()
    assert row.progress.cases == 500
    assert row.progress.seconds > 1.0
    assert row.branches_ratio > 0.5
    assert len(list((tmp_path / "corpus" / TARGET.name).iterdir())) >= 4
    assert row.is_good


def test_a_worker_that_is_stopped_runs_nothing_more(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    worker.stop()
    row = worker.fuzz(TARGET, 500)
    assert (row.progress.cases, row.branches_ratio) == (0, 0.0)


def test_what_came_out_is_told_with_a_file_to_try_again(tmp_path: Path) -> None:
    row = Row(TARGET, Progress(7, 1.0, 0, {"KeyError in x.py:y": b"{}".hex()}), 0.5)
    written = io.StringIO()
    report([row], tmp_path, Console(file=written, width=200))
    assert not row.is_good
    assert "KeyError in x.py:y" in written.getvalue()
    assert (tmp_path / "findings/sale_messages-0").read_bytes() == b"{}"


def test_a_death_and_a_growth_are_no_success() -> None:
    assert not Row(TARGET, Progress(), 1.0, ("exit code 77: …",)).is_good
    assert not Row(TARGET, Progress(grown_bytes=MAX_GROWN_BYTES + 1), 1.0).is_good
