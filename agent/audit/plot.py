"""The store's lines as a picture: one bar of uncertainty a line, as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from agent.audit.export import percent
from agent.audit.summary import Line

_ROW_PX, _LABEL_PX, _AXIS_PX, _RIGHT_PX, _TOP_PX = 22, 210, 420, 230, 64
_NAME_LETTERS = 28
#: Blue, orange and grey: told apart by the colour-blind, and by their note.
_COLOURS = {
    "": "#1f5fa8",
    "higher than the rest": "#1f5fa8",
    "lower than the rest": "#c05a00",
    "too few to tell": "#9a9a9a",
}


def svg(lines: Sequence[Line], title: str) -> str:
    """Return the picture: a dot for the share, a bar for its 95 % interval."""
    shown = [line for line in lines if line.challenged.total]
    height = _TOP_PX + _ROW_PX * (len(shown) + len({line.grouping for line in shown})) + 30
    width = _LABEL_PX + _AXIS_PX + _RIGHT_PX
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        _text(10, 22, title, size=15),
        _text(10, 42, "ID check recorded when a challenge was due; bar: 95 % interval"),
        *_grid(height),
        *_rows(shown),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x_px(ratio: float) -> float:
    return _LABEL_PX + ratio * _AXIS_PX


def _grid(height: int) -> Iterator[str]:
    for tenth in range(0, 11, 2):
        x = _x_px(tenth / 10)
        yield f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{_TOP_PX}" y2="{height - 24}" stroke="#ddd"/>'
        yield _text(x - 12, height - 8, f"{tenth * 10} %")


def _rows(lines: Sequence[Line]) -> Iterator[str]:
    y, grouping = float(_TOP_PX), ""
    for line in lines:
        if line.grouping != grouping:
            grouping = line.grouping
            y += _ROW_PX
            yield _text(10, y - 6, "whole store" if grouping == "store" else f"by {grouping}", 13)
        y += _ROW_PX
        yield from _row(line, y - _ROW_PX / 2)


def _row(line: Line, y: float) -> Iterator[str]:
    low, high = line.challenged.interval
    colour = _COLOURS[line.note]
    count = f"{line.challenged.count} of {line.challenged.total}, {percent(line.challenged)}"
    yield _text(24, y + 4, _shortened(line.name))
    yield (
        f'<line x1="{_x_px(low):.1f}" x2="{_x_px(high):.1f}" y1="{y}" y2="{y}" '
        f'stroke="{colour}" stroke-width="6" stroke-opacity="0.45"/>'
    )
    x = _x_px(line.challenged.ratio or 0.0)
    yield f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{colour}"/>'
    note = f"; {line.note}" if line.note else ""
    yield _text(_LABEL_PX + _AXIS_PX + 10, y + 4, f"{count}{note}", 11)


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME_LETTERS else f"{name[: _NAME_LETTERS - 1]}…"


def _text(x: float, y: float, text: str, size: int = 12) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}">{escape(text)}</text>'
