"""A report as one HTML file: tables and plots drawn as SVG, nothing loaded from anywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from agent.insights.report import GroupRow, LiftRow, Report
from agent.insights.tables import footing, group_cells, heading, lift_cells

_WIDTH_PX = 720
_LABEL_PX = 190
_ROW_PX = 24
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 46rem;
       padding: 0 1rem; color: #1b1f24; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #d8dee4; }
svg { width: 100%; height: auto; } svg text { font: 13px system-ui, sans-serif; fill: #1b1f24; }
.bar { fill: #0072b2; } .line { stroke: #1b1f24; stroke-width: 1.5; }
.axis { stroke: #8c959f; stroke-dasharray: 3 3; } .dot { fill: #d55e00; }
p.note { color: #57606a; }
"""


def make_page(report: Report, top: int) -> str:
    """Return the page, with the `top` best products of each group."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">",
        f"<title>What age groups buy</title><style>{_STYLE}</style></head><body>",
        f"<h1>What age groups buy</h1><p>{escape(heading(report))}</p>",
        "<h2>Share of baskets</h2>",
        share_plot(report.groups),
        _table(
            ("Age group", "Baskets", "Share (95 % interval)"),
            [group_cells(row, report.min_baskets) for row in report.groups],
        ),
    ]
    parts.append('<p class="note">Below: lift is how many times as often as all customers a group')
    parts.append("buys a product; the dashed line is 1, the bars are 95 % intervals.</p>")
    for group in report.groups:
        rows = report.of_group(group.group, top)
        if rows:
            parts += [f"<h2>{escape(group.group)}</h2>", lift_plot(rows)]
            header = ("Product", "Category", "Baskets", "Rate", "Lift (95 % interval)")
            parts.append(_table(header, [lift_cells(row) for row in rows]))
    parts.append(f'<p class="note">{escape(footing(report))}</p></body></html>')
    return "\n".join(parts) + "\n"


def share_plot(groups: Sequence[GroupRow]) -> str:
    """Return bars of the groups' shares with their intervals."""
    highest = max((row.high_ratio or 0.0 for row in groups), default=0.0) or 1.0
    scale = (_WIDTH_PX - _LABEL_PX - 60) / highest
    marks = []
    for number, row in enumerate(groups):
        top = number * _ROW_PX
        marks.append(_text(row.group, top))
        if row.share_ratio is None or row.low_ratio is None or row.high_ratio is None:
            continue
        marks.append(
            f'<rect class="bar" x="{_LABEL_PX}" y="{top + 4}" height="{_ROW_PX - 8}" '
            f'width="{row.share_ratio * scale:.1f}"/>'
        )
        low, high = (_LABEL_PX + ratio * scale for ratio in (row.low_ratio, row.high_ratio))
        marks.append(_line(low, high, top))
        marks.append(_text(f"{row.share_ratio:.1%}", top, high + 6))
    return _svg(marks, len(groups), "Share of baskets by age group")


def lift_plot(rows: Sequence[LiftRow]) -> str:
    """Return the products' lifts as dots with intervals, on a logarithmic scale."""
    lowest = min(0.8, *(row.low for row in rows))
    highest = max(1.25, *(row.high for row in rows))
    width = _WIDTH_PX - _LABEL_PX - 60

    def place(lift: float) -> float:
        share = math.log(max(lift, lowest) / lowest) / math.log(highest / lowest)
        return _LABEL_PX + share * width

    height = len(rows) * _ROW_PX
    one = f'x1="{place(1.0):.1f}" x2="{place(1.0):.1f}" y1="0" y2="{height}"'
    marks = [f'<line class="axis" {one}/>']
    for number, row in enumerate(rows):
        top = number * _ROW_PX
        marks.append(_text(row.product_id, top))
        marks.append(_line(place(row.low), place(row.high), top))
        middle = top + _ROW_PX / 2
        marks.append(f'<circle class="dot" cx="{place(row.lift):.1f}" cy="{middle}" r="5"/>')
        marks.append(_text(f"{row.lift:.2f}", top, place(row.high) + 6))
    return _svg(marks, len(rows), "Lift of products; the dashed line is 1: as often as all")


def _svg(marks: Sequence[str], rows: int, title: str) -> str:
    head = f'<svg viewBox="0 0 {_WIDTH_PX} {rows * _ROW_PX + 4}" role="img">'
    return "\n".join([head, f"<title>{escape(title)}</title>", *marks, "</svg>"])


def _text(text: str, top: float, left: float = 0.0) -> str:
    shown = text if len(text) <= 26 else text[:25] + "…"
    return f'<text x="{left:.1f}" y="{top + _ROW_PX / 2 + 4:.1f}">{escape(shown)}</text>'


def _line(low: float, high: float, top: float) -> str:
    middle = top + _ROW_PX / 2
    return f'<line class="line" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
