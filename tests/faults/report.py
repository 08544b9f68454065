"""The campaign's table, and what it must show.

| column | what |
|---|---|
| due | sales that the script has closed while the fault was inflicted, one audit each |
| committed | of them, how many audits were seen in the outbox file, or delivered |
| delivered | of them, how many audits the consumer has |
| lost | due and not delivered |
| duplicated | deliveries with an `event_id` that came before: a consumer drops them |
| doubled | a second `event_id` for the same sale and kind: what may never be |
| shown again | due challenges that came again after the fault, of those that had to |
| noticed | the longest time until the agent said so |
| recovery | the longest time from the mending until all was well |
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.witness import Count

#: Back to normal within so long after a fault's end.
MAX_RECOVERY_S = 10.0
#: A camera that gives nothing is noticed within so long.
MAX_NOTICED_S = 5.0
#: Memory after the campaign, of that before.
MAX_GROWTH_RATIO = 1.1
_HEADINGS = (
    "fault", "times", "due", "committed", "delivered", "lost", "duplicated", "doubled",
    "shown again", "noticed s", "recovery s",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One fault.

    Attributes:
        kills: How often the agent itself was killed.
        shown_again: Due challenges that came again; None: none had to.
        noticed_s: None: there was nothing to notice.
    """

    fault: str
    times: int
    count: Count
    recovery_s: float
    kills: int = 0
    shown_again: int | None = None
    noticed_s: float | None = None

    @property
    def wrongs(self) -> tuple[str, ...]:
        """What may never be, in words."""
        count = self.count
        unshown = 0 if self.shown_again is None else self.times - self.shown_again
        found = {
            f"{count.undelivered} committed and never delivered": count.undelivered > 0,
            f"{count.doubled} doubled": count.doubled > 0,
            f"{count.uncommitted} never committed in {self.kills} kills": (
                count.uncommitted > self.kills
            ),
            f"{unshown} challenges not shown again": unshown > 0,
        }
        return tuple(f"{self.fault}: {words}" for words, is_so in found.items() if is_so)

    @property
    def delays(self) -> tuple[str, ...]:
        """What took too long, in words: on a busy machine perhaps not the agent's fault."""
        found = []
        if self.recovery_s > MAX_RECOVERY_S:
            found.append(f"{self.fault}: normal after {self.recovery_s:.1f} s")
        if self.noticed_s is not None and self.noticed_s > MAX_NOTICED_S:
            found.append(f"{self.fault}: noticed after {self.noticed_s:.1f} s")
        return tuple(found)

    @property
    def line(self) -> str:
        """The row as a line of the table."""
        count = self.count
        shown = "-" if self.shown_again is None else f"{self.shown_again}/{self.times}"
        noticed = "-" if self.noticed_s is None else f"{self.noticed_s:.1f}"
        return _line((
            self.fault, str(self.times), str(count.due), str(count.committed),
            str(count.delivered), str(count.lost), str(count.duplicated), str(count.doubled),
            shown, noticed, f"{self.recovery_s:.1f}",
        ))  # fmt: skip


@dataclass(frozen=True)
class Memory:
    """Resident bytes of a process before and after."""

    process: str
    before_bytes: int
    after_bytes: int

    @property
    def wrongs(self) -> tuple[str, ...]:
        """That it has grown, in words."""
        if self.after_bytes <= MAX_GROWTH_RATIO * self.before_bytes:
            return ()
        return (f"memory: {self.line}",)

    @property
    def line(self) -> str:
        """Before and after, in words."""
        return f"{self.process} {self.before_bytes >> 20} MiB, then {self.after_bytes >> 20} MiB"


def head() -> str:
    """Return the table's first two lines."""
    return _line(_HEADINGS) + _line(("---",) * len(_HEADINGS))


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    return head() + "".join(row.line for row in rows)


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |\n"
