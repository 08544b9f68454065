"""Runs for long and says what has grown: `make soak`.

    python -m tests.soak.run frames --count 40000
    python -m tests.soak.run visits --count 20000

Writes samples (CSV) and curves (SVG, PNG) into .cache/soak, and ends with 1 when something has
grown by more than a tenth.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.soak import frames, plots, visits
from tests.soak.judgement import Verdict, judge
from tests.soak.samples import Sample, write_csv

HOME = Path(__file__).resolve().parents[2] / ".cache/soak"
Soak = Callable[[Path, int, float, Callable[[Sample], None]], list[Sample]]
SOAKS: dict[str, Soak] = {"frames": frames.soak, "visits": visits.soak}
#: Without --count.
COUNTS = {"frames": 40_000, "visits": 20_000}


class Teller:
    """Keeps the samples and shows how far it is: a bar, or without a terminal a line a tenth."""

    def __init__(self, bars: Progress, name: str, count: int) -> None:
        self._bars = bars
        self._task = bars.add_task(name, total=count)
        self._name = name
        self._count = count
        self._tenths = 0
        self.samples: list[Sample] = []

    def tell(self, sample: Sample) -> None:
        """Take a sample."""
        self.samples.append(sample)
        done = sample.done
        self._bars.update(self._task, completed=done)
        tenths = 10 * done // self._count
        if tenths > self._tenths and not self._bars.console.is_terminal:
            self._tenths = tenths
            self._bars.console.print(f"{self._name}: {done} of {self._count}", markup=False)


def table_of(verdicts: Sequence[Verdict], title: str) -> Table:
    """Return the verdicts for the terminal."""
    table = Table(title=title)
    for heading in ("", "first quarter", "last quarter", "an hour", "grown"):
        table.add_column(heading, justify="right" if heading else "left")
    for verdict in verdicts:
        table.add_row(
            verdict.name,
            f"{verdict.first:.1f}",
            f"{verdict.last:.1f}",
            f"{verdict.slope_per_hour:+.1f}",
            "YES" if verdict.has_grown else "no",
        )
    return table


def write(samples: Sequence[Sample], name: str, home: Path) -> str:
    """Write samples and curves; return their title."""
    if not samples:
        return name
    title = f"{samples[-1].done} {name} in {samples[-1].at_s / 60:.1f} minutes"
    write_csv(samples, home / f"{name}.csv")
    for kind in ("svg", "png"):
        plots.draw(samples, title, home / f"{name}.{kind}")
    return title


def main() -> int:
    """Run one soak; return 1 when something has grown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("soak", choices=sorted(SOAKS))
    parser.add_argument("--count", type=int, help="frames or visits")
    parser.add_argument("--every-s", type=float, default=3.0, help="time between samples")
    parser.add_argument("--home", type=Path, default=HOME, help="where CSV and curves go")
    options = parser.parse_args()
    name, count = options.soak, options.count or COUNTS[options.soak]
    options.home.mkdir(parents=True, exist_ok=True)
    console = Console()
    # Ended as by Ctrl-C: broker and agent are ended with it, and what was seen is written.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Progress(console=console) as bars, TemporaryDirectory(prefix="soak-") as folder:
        teller = Teller(bars, name, count)
        try:
            SOAKS[name](Path(folder), count, options.every_s, teller.tell)
        finally:
            title = write(teller.samples, name, options.home)
    verdicts = judge(teller.samples)
    console.print(table_of(verdicts, title))
    console.print(f"samples and curves: {options.home}/{name}.*", markup=False)
    return 1 if any(verdict.has_grown for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
