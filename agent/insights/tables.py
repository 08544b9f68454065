"""A report on the terminal and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.insights.report import GroupRow, LiftRow, Report

_COLUMNS = (
    "group", "category", "product_id", "baskets", "share_or_rate_ratio", "low_ratio",
    "high_ratio", "lift", "lift_low", "lift_high",
)  # fmt: skip
#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def heading(report: Report) -> str:
    """Return one line about what the report rests on."""
    text = f"{report.baskets} baskets, {report.first_hour} to {report.last_hour}"
    if report.unknown:
        text += f"; {report.unknown} more of unknown buyers"
    if report.other_groups:
        text += f"; {report.other_groups} more with other age groups are left out"
    return text


def footing(report: Report) -> str:
    """Return what a reader must know."""
    how = (
        "corrected for the model's confusion of ages"
        if report.corrected
        else "not corrected for the model's confusion of ages: differences look too small"
    )
    return (
        f"Weighted by the probability of every group, {how}. 95 % intervals, of "
        "chance alone: the model may be wrong about your customers in its own way. "
        f"Nothing is said about fewer than {report.min_baskets} baskets."
    )


def group_cells(row: GroupRow, min_baskets: int) -> tuple[str, str, str]:
    """Return a group, its baskets and its share with interval as text."""
    if row.baskets is None or row.share_ratio is None:
        return row.group, f"< {min_baskets}", ""
    share = f"{row.share_ratio:.1%} ({row.low_ratio:.1%} to {row.high_ratio:.1%})"
    return row.group, f"{row.baskets:.0f}", share


def lift_cells(row: LiftRow) -> tuple[str, str, str, str, str]:
    """Return a product, its category, baskets, rate and lift with interval as text."""
    lift = f"{row.lift:.2f} ({row.low:.2f} to {row.high:.2f})"
    return row.product_id, row.category, f"{row.baskets:.0f}", f"{row.rate_ratio:.1%}", lift


def print_report(report: Report, top: int, console: Console) -> None:
    """Print the tables: the groups, then the best products of each."""
    console.print(heading(report), highlight=False)
    groups = Table(title="baskets by age group")
    for name in ("age group", "baskets", "share (95 % interval)"):
        groups.add_column(name, justify="left" if name == "age group" else "right")
    for row in report.groups:
        groups.add_row(*group_cells(row, report.min_baskets))
    console.print(groups)
    lifts = Table(title="bought more often than by all customers")
    for name in ("age group", "product", "category", "baskets", "rate", "lift (95 % interval)"):
        lifts.add_column(name, justify="right" if name in ("baskets", "rate") else "left")
    for row in report.groups:
        for number, lift in enumerate(report.of_group(row.group, top)):
            cells = [escape(cell) for cell in lift_cells(lift)]
            lifts.add_row("" if number else row.group, *cells)
        lifts.add_section()
    console.print(lifts)
    console.print(footing(report), highlight=False, style="dim")


def csv_text(report: Report) -> str:
    """Return everything as CSV: a row for each group (without product), then for each lift."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(_csv_rows(report))
    return text.getvalue()


def _csv_rows(report: Report) -> Iterator[tuple[str, ...]]:
    for row in report.groups:
        shares = (row.baskets, row.share_ratio, row.low_ratio, row.high_ratio)
        yield row.group, "", "", *map(_number, shares), "", "", ""
    for lift in report.lifts:
        yield (
            lift.group, _cell(lift.category), _cell(lift.product_id), _number(lift.baskets),
            _number(lift.rate_ratio), "", "", *map(_number, (lift.lift, lift.low, lift.high)),
        )  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
