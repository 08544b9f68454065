"""A million inputs for all targets together, led by coverage: `make fuzz`.

    python -m tests.fuzz.campaign --cases 1000000

Every target is a process of its own. Stopped, it goes on where it was; over, the next run begins
anew with the corpus that this one leaves. Ends with 1 when something came out or grew.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from tests.fuzz.progress import Progress
from tests.fuzz.targets.catalogue import TARGETS
from tests.fuzz.targets.target import REPOSITORY, Target

HOME = REPOSITORY / ".cache/fuzz"
#: libFuzzer's corpus and counters, and what C libraries keep; a leak is more in 10,000 cases.
MAX_GROWN_BYTES = 200_000_000
LOOK_EVERY_S = 0.5
#: A process that dies (memory, time) is started again so often.
STARTS = 3


@dataclass(frozen=True)
class Row:
    """What became of one target."""

    target: Target
    progress: Progress
    branches_ratio: float
    deaths: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether nothing came out, nothing died, and nothing grew."""
        grown = self.progress.grown_bytes > MAX_GROWN_BYTES
        return not (self.progress.findings or self.deaths or grown)

    def cells(self) -> tuple[str, ...]:
        """Return the row's texts."""
        seconds = self.progress.seconds
        return (
            self.target.name,
            f"{self.progress.cases:,}",
            f"{seconds:.0f}",
            f"{self.progress.cases / max(seconds, 1e-9):,.0f}",
            f"{100 * self.branches_ratio:.0f} %",
            f"{self.progress.grown_bytes / 1e6:.0f} MB",
            str(len(self.progress.findings) + len(self.deaths)),
        )


def cases_of(target: Target, cases: int) -> int:
    """Return the target's share of all cases; rounded up, so that together they are enough."""
    return -(-target.cases * cases // sum(each.cases for each in TARGETS))


def progress_file(target: Target, home: Path) -> Path:
    """Return where the target's process writes how far it is."""
    return home / "progress" / f"{target.name}.json"


class Worker:
    """Runs targets in processes of their own, from several threads, until it is stopped."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._running: set[subprocess.Popen[str]] = set()
        self._stopping = threading.Event()

    def fuzz(self, target: Target, cases: int) -> Row:
        """Run one target to its end and measure its branches."""
        path = progress_file(target, self._home)
        deaths: list[str] = []
        while (done := Progress.load(path).cases) < cases and len(deaths) < STARTS:
            if self._stopping.is_set():
                break
            said, code = self._python("guided", target, "--cases", str(cases - done))
            if code != 0:
                deaths.append(f"exit code {code}: {said[-2000:]}")
        said, code = self._python("branches", target)
        ratio = float(said.split()[-1]) if code == 0 else 0.0
        return Row(target, Progress.load(path), ratio, tuple(deaths))

    def stop(self) -> None:
        """End what runs; what it has done is kept."""
        self._stopping.set()
        for process in tuple(self._running):
            process.terminate()

    def _python(self, module: str, target: Target, *more: str) -> tuple[str, int]:
        """Return what a module of ours printed, and its exit code."""
        name = ["-m", f"tests.fuzz.{module}", target.name, "--home", str(self._home), *more]
        process = subprocess.Popen(
            [sys.executable, *name],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C is ours to handle
        )
        self._running.add(process)
        if self._stopping.is_set():
            process.terminate()
        said, _ = process.communicate()
        self._running.discard(process)
        return said, process.returncode


@contextlib.contextmanager
def bars_of(wanted: dict[str, int], home: Path, console: Console) -> Iterator[None]:
    """Show how far each target is while the `with` lasts."""
    columns = (TextColumn("{task.description:18}"), BarColumn(), MofNCompleteColumn())
    stopping = threading.Event()
    with Bars(*columns, TimeRemainingColumn(), console=console) as bars:
        tasks = {name: bars.add_task(name, total=cases) for name, cases in wanted.items()}

        def look() -> None:
            while not stopping.wait(LOOK_EVERY_S):
                for name, task in tasks.items():
                    cases = Progress.load(home / "progress" / f"{name}.json").cases
                    bars.update(task, completed=min(cases, wanted[name]))

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()


def table_of(rows: Sequence[Row]) -> Table:
    """Return the closing table."""
    table = Table(title="fuzzing")
    table.add_column("target", no_wrap=True)
    for heading in ("cases", "seconds", "cases/s", "branches", "memory grown", "findings"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*row.cells())
    cases = sum(row.progress.cases for row in rows)
    seconds = sum(row.progress.seconds for row in rows)
    found = sum(len(row.progress.findings) + len(row.deaths) for row in rows)
    table.add_section()
    table.add_row("all", f"{cases:,}", f"{seconds:.0f}", "", "", "", str(found))
    return table


def report(rows: Sequence[Row], home: Path, console: Console) -> None:
    """Print the table, and what came out, with the inputs to try again."""
    console.print(table_of(rows))
    for row in rows:
        for number, (kind, content) in enumerate(row.progress.findings.items()):
            path = home / "findings" / f"{row.target.name}-{number}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes.fromhex(content))
            console.print(f"{row.target.name}: {kind}: {path}", markup=False)
        for death in row.deaths:
            console.print(f"{row.target.name}: {death}", markup=False)


def main() -> int:
    """Fuzz all targets; return 1 when something came out or grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000, help="of all targets together")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="targets at once")
    parser.add_argument("--only", default="", help="targets whose name holds this word")
    parser.add_argument("--home", type=Path, default=HOME, help="corpus, progress and findings")
    options = parser.parse_args()
    console = Console()
    targets = [target for target in TARGETS if options.only in target.name]
    wanted = {target.name: cases_of(target, options.cases) for target in targets}
    # Ended as by Ctrl-C, with its processes.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    worker = Worker(options.home)
    with bars_of(wanted, options.home, console), ThreadPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(worker.fuzz, target, wanted[target.name]) for target in targets]
        try:
            rows = [job.result() for job in jobs]
        except KeyboardInterrupt:
            worker.stop()
            pool.shutdown(cancel_futures=True)
            console.print("stopped: `make fuzz` goes on from here")
            return 130
    report(rows, options.home, console)
    for target in targets:
        progress_file(target, options.home).unlink(missing_ok=True)
    return 0 if all(row.is_good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
