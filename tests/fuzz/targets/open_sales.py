"""The file of open sales: whatever it holds, the agent starts, and goes on with its sales."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from agent.decide.sale_file import FileSaleStore
from agent.decide.sale_store import MemorySaleStore
from agent.outcomes import SaleMessage
from tests.fuzz.targets.records import Agent
from tests.fuzz.targets.target import Entry, Target

_SCANNED = SaleMessage(
    "m1", "s1", "item_scanned", 1_700_000_000.0, product_id="beer", category="alcohol",
    restricted=True,
)  # fmt: skip
_LATER = (
    replace(_SCANNED, message_id="new-1", step="item_removed"),
    replace(_SCANNED, message_id="new-2", step="closed"),
)


def seeds() -> Sequence[bytes]:
    """Return what an agent has saved in the midst of sales."""
    store = MemorySaleStore()
    agent = Agent(store)
    saved: list[bytes] = []
    for message in (
        SaleMessage("m0", "s0", "opened", 1_700_000_000.0),
        _SCANNED,
        replace(_SCANNED, message_id="m2", sale_id="s2", category="tobacco"),
        SaleMessage("m3", "s2", "id_checked", 1_700_000_001.0, source="display"),
        SaleMessage("m4", "s2", "closed", 1_700_000_001.0),
    ):
        agent.register.handle_sale(message)
        agent.pass_time(1.0)
        saved.append((store.load() or "").encode())
    agent.pass_time(2.0)
    return [*saved[1:], (store.load() or "").encode()]


@contextmanager
def opened(folder: Path) -> Iterator[Entry]:
    """Give an agent that is started with the file."""
    path = folder / "sales.json"

    def entry(content: bytes) -> None:
        path.write_bytes(content)
        agent = Agent(MemorySaleStore(FileSaleStore(path).load()))
        agent.pass_time(1.0)
        agent.register.reissue()
        agent.register.handle_sale(replace(_SCANNED, message_id="new", sale_id="s9"))
        for message in _LATER:
            agent.register.handle_sale(message)
        agent.pass_time(400.0)
        agent.register.finish()

    yield entry


TARGET = Target(
    name="open_sales",
    cases=1100,
    modules=(
        "agent.decide.sale_store",
        "agent.decide.sale_book",
        "agent.decide.sale",
        "agent.decide.sale_audit",
        "agent.decide.lateness",
    ),
    seeds=seeds,
    opened=opened,
)
