"""The campaign's table.

| column | what |
|---|---|
| due | sales that the script has closed while the fault was inflicted, one audit each |
| delivered | of them, how many audits the consumer has |
| duplicated | deliveries with an `event_id` that came before: a consumer drops them |
| doubled | a second `event_id` for the same sale and kind: what may never be |
| shown again | due challenges that came again after the fault, of those that had to |
| recovery | the longest time from the mending until all was well |
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.witness import Count

#: Back to normal within so long after a fault's end.
MAX_RECOVERY_S = 10.0
_HEADINGS = (
    "fault", "times", "due", "delivered", "lost", "duplicated", "doubled", "shown again",
    "recovery s",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One fault."""

    fault: str
    times: int
    count: Count
    recovery_s: float
    shown_again: int
    had_to_be_shown: bool

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, nothing doubled, and every due challenge came again."""
        shown = self.shown_again == self.times or not self.had_to_be_shown
        return shown and self.count.lost == 0 and self.count.doubled == 0

    @property
    def line(self) -> str:
        """The row as a line of the table."""
        return _line(self.cells())

    def cells(self) -> tuple[str, ...]:
        """Return the row's texts."""
        count = self.count
        shown = f"{self.shown_again}/{self.times}" if self.had_to_be_shown else "-"
        return (
            self.fault, str(self.times), str(count.due), str(count.delivered), str(count.lost),
            str(count.duplicated), str(count.doubled), shown, f"{self.recovery_s:.1f}",
        )  # fmt: skip


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    head = _line(_HEADINGS) + _line(("---",) * len(_HEADINGS))
    return head + "".join(row.line for row in rows)


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |\n"
