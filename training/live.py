"""What a training run shows: a table with a row for each pass, and the bar of the steps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

_RECENT_STEPS = 100


class LiveTable:
    """A table on a terminal; where there is none each pass is a line instead.

    Args:
        console: Where.
        total_steps: Of the run.
        first_step: Steps that were made before.
        batch: Faces in a step.
    """

    def __init__(self, console: Console, total_steps: int, first_step: int, batch: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._console = console
        self._bar = Progress(*columns, TimeRemainingColumn(), console=console)
        self._task = self._bar.add_task("training", total=total_steps, completed=first_step)
        self._passes: list[dict[str, float]] = []
        self._first, self._batch = first_step, batch
        self._begun = time.monotonic()
        self._live = Live(self._rendered(), console=console, refresh_per_second=2)

    def shown(self) -> AbstractContextManager[object]:
        """Return what shows the table while it is entered."""
        return self._live if self._console.is_terminal else nullcontext()

    def step(self, step: int, losses: Sequence[float]) -> None:
        """Show that a step is done.

        Args:
            step: Steps made, of the whole run.
            losses: Of all of them.
        """
        rate = (step - self._first) * self._batch / (time.monotonic() - self._begun)
        text = f"loss {np.mean(losses[-_RECENT_STEPS:]):.3f}  {rate:.0f} faces/s"
        self._bar.update(self._task, completed=step, description=text)

    def end_pass(self, row: dict[str, float]) -> None:
        """Show what a pass came to: a row of metrics.csv."""
        self._passes.append(row)
        self._live.update(self._rendered())
        if not self._console.is_terminal:
            self._console.print("  ".join(f"{name} {value:.3f}" for name, value in row.items()))

    def _rendered(self) -> Group:
        table = Table(title="validation, averaged weights")
        for name in self._passes[0] if self._passes else ("step", "loss"):
            table.add_column(name.replace("_", " "), justify="right")
        for row in self._passes:
            step, *others = row.values()
            table.add_row(f"{step:.0f}", *(f"{value:.3f}" for value in others))
        return Group(table, self._bar)
