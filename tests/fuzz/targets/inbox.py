"""Topics and payloads as the broker delivers them: one message a line, topic, blank, payload."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agent.clock import ReplayClock
from agent.publish.inbox import MAX_WAITING, Inbox
from agent.publish.topics import TopicTree
from tests.fuzz.targets import sale_messages
from tests.fuzz.targets.target import Entry, Target

TREE = TopicTree("checkout", "store", "till")
#: A line that begins so was retained by the broker.
RETAINED = b"r:"


def seeds() -> Sequence[bytes]:
    """Return a few messages, one of them retained."""
    sale, confirm, hello = (topic.encode() for topic in TREE.inbound())
    scanned, opened, confirmed, greeting = sale_messages.seeds()
    lines = [
        sale + b" " + opened,
        sale + b" " + scanned,
        confirm + b" " + confirmed,
        hello + b" " + greeting,
        RETAINED + sale + b" " + scanned,
        b"checkout/v1/store/till/pos/# {}",
    ]
    return [b"\n".join(lines), lines[1], lines[2], lines[3]]


@contextmanager
def opened(folder: Path) -> Iterator[Entry]:
    """Give an inbox that lives on, with a clock that lets a burst through each time."""
    del folder
    clock = ReplayClock(0.0)
    inbox = Inbox(TREE.inbound(), clock)

    def entry(content: bytes) -> None:
        before = sum(inbox.counts().values())
        lines = content.split(b"\n")
        for line in lines:
            topic, _, payload = line.removeprefix(RETAINED).partition(b" ")
            inbox.receive(topic.decode(errors="replace"), payload, line.startswith(RETAINED))
        assert sum(inbox.counts().values()) - before - inbox.counts().get("overflow", 0) <= len(
            lines
        )
        assert len(inbox.drain()) <= min(MAX_WAITING, len(lines))
        clock.advance_to(clock.now_s() + 1.0)

    yield entry


TARGET = Target(
    name="inbox",
    cases=4500,
    modules=("agent.publish.inbox", "agent.publish.pacing"),
    seeds=seeds,
    opened=opened,
)
