"""What a connection tells, and whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.publish.outbox_table import Row


@dataclass(frozen=True, slots=True)
class Handlers:
    """Called from within the connection's own calls.

    Attributes:
        acknowledged: The broker has a row, and how many seconds after it was sent; None: it was
            sent without asking for a receipt.
        refused: The broker will not have a row, and why.
        received: Topic, payload, whether it was retained, and the number to `confirm`.
    """

    acknowledged: Callable[[Row, float | None], None]
    refused: Callable[[Row, str], None]
    received: Callable[[str, bytes, bool, int], None]
