"""What a replay shows on the terminal: progress while it runs, a table at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from agent.loop import Totals
from agent.publish.publisher import OutboundMessage
from agent.publish.topics import TopicKey


class MessageCounter:
    """A publisher that only counts, for the closing table."""

    def __init__(self) -> None:
        self.counts: Counter[TopicKey] = Counter()

    def publish(self, *messages: OutboundMessage) -> None:
        """Count the messages by topic."""
        self.counts.update(message.key for message in messages)


@contextmanager
def progress_bar(console: Console) -> Iterator[Callable[[Totals], None]]:
    """Show how many frames have been worked through, on a terminal only."""
    if not console.is_terminal:
        yield lambda totals: None
        return
    columns = (TextColumn("replay"), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("starting", total=None)

        def show(totals: Totals) -> None:
            vision = totals.vision
            text = f"{vision.frames} frames, {vision.at_s:.1f} s of video, {vision.visits} visits"
            expected = totals.frames_expected or None
            progress.update(task, description=text, total=expected, completed=vision.frames)

        yield show


def closing_table(totals: Totals, counter: MessageCounter, video_s: float, seconds: float) -> Table:
    """Return the table of a finished replay.

    Args:
        totals: What was seen.
        counter: What was said.
        video_s: Length of the longest recording.
        seconds: How long the replay took.
    """
    vision = totals.vision
    events = counter.counts[TopicKey.AGE_GROUP] + counter.counts[TopicKey.SALE_AUDIT]
    drops = vision.crops_dropped + sum(each.frames_dropped for each in totals.captures.values())
    table = Table(title="replay", show_header=False)
    batches = (f"{n}: {count}" for n, count in enumerate(vision.batch_sizes) if count)
    refused = (f"{count} {why}" for why, count in sorted(vision.rejected.items()))
    rows = {
        "frames": str(vision.frames),
        "faces": str(vision.faces),
        "visits": str(vision.visits),
        "estimates": str(vision.estimates),
        "alerts": str(counter.counts[TopicKey.ALERT]),
        "events": str(events),
        "drops": str(drops),
        "crops refused": ", ".join(refused) or "0",
        "batches (crops: times)": ", ".join(batches) or "-",
        "speed": f"{video_s / max(seconds, 1e-9):.1f} x real time",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table
