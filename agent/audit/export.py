"""The store's table for a terminal and for a spreadsheet."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Sequence
from typing import TextIO

from rich.table import Table

from agent.audit.share import Share
from agent.audit.summary import Line

CAPTION = (
    "ID recorded: of the sales in which a challenge was due and the goods were sold, those with "
    "an ID check recorded by till or display, with the range in which the true share lies 19 times "
    "in 20. A check that nobody recorded counts as missing. By register and shift, never by person."
)
_COLUMNS = (
    "grouping", "name", "restricted_sales", "challenge_due", "id_recorded", "id_recorded_ratio",
    "low_ratio", "high_ratio", "unsure_asked", "unsure_id_recorded", "not_due", "unheard", "note",
)  # fmt: skip


def terminal_table(lines: Sequence[Line], title: str) -> Table:
    """Return the table; lines that are too few to tell are dim."""
    table = Table(title=title, caption=CAPTION, caption_justify="left")
    for name in ("", "restricted sales", "challenge due", "ID recorded", "95 % range"):
        table.add_column(name, justify="right" if name else "left", no_wrap=not name)
    table.add_column("unsure: ID recorded", justify="right")
    table.add_column("", no_wrap=True)
    for grouping, group in itertools.groupby(lines, key=lambda line: line.grouping):
        if grouping != "store":
            table.add_row(f"[bold]by {grouping}[/bold]")
        for line in group:
            table.add_row(*_cells(line), style=_STYLE.get(line.note))
        table.add_section()
    return table


_STYLE = {"too few to tell": "dim", "lower than the rest": "bold"}


def _cells(line: Line) -> tuple[str, ...]:
    return (
        "whole store" if line.grouping == "store" else line.name,
        str(line.sales),
        str(line.challenged.total),
        percent(line.challenged),
        interval(line.challenged),
        f"{line.unsure.count} of {line.unsure.total}" if line.unsure.total else "-",
        line.note,
    )


def percent(share: Share) -> str:
    """Return `80 %`, or a dash of nothing."""
    return "-" if share.ratio is None else f"{share.ratio:.0%}"


def interval(share: Share) -> str:
    """Return `61 to 91 %`, or a dash of nothing."""
    low, high = share.interval
    return f"{low * 100:.0f} to {high * 100:.0f} %" if share.total else "-"


def write_csv(lines: Sequence[Line], stream: TextIO) -> None:
    """Write one row a line; ratios 0..1, empty where there is nothing to tell."""
    writer = csv.writer(stream)
    writer.writerow(_COLUMNS)
    for line in lines:
        low, high = line.challenged.interval
        ratio = line.challenged.ratio
        known = ratio is not None
        writer.writerow(
            [
                line.grouping, line.name, line.sales, line.challenged.total,
                line.challenged.count, f"{ratio:.4f}" if ratio is not None else "",
                f"{low:.4f}" if known else "", f"{high:.4f}" if known else "",
                line.unsure.total, line.unsure.count, line.not_due, line.unheard, line.note,
            ]
        )  # fmt: skip
