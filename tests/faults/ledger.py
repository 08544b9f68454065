"""What the agent has committed, read from its outbox file from outside, without asking it."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

#: Much shorter than the resend window for which the agent keeps a row.
POLL_S = 0.1
_QUERY = "SELECT seq, event_id, payload FROM outbox WHERE topic LIKE '%/event/sale-audit'"


class Ledger:
    """Looks into the outbox a few times a second and remembers which sales it has seen there.

    Attributes:
        event_ids: Of the audits seen, by sale.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.event_ids: dict[str, set[str]] = {}
        self._known: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def has(self, sale_id: str) -> bool:
        """Return whether the audit of a sale was seen."""
        return sale_id in self.event_ids

    def close(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(POLL_S):
            self.look()

    def look(self) -> None:
        """Read the file once; one that is damaged, locked or not there has nothing to say."""
        address = f"file:{quote(str(self._path))}?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=0.05)) as database:
                rows = database.execute(_QUERY).fetchall()
        except sqlite3.Error:
            return
        for _, event_id, payload in rows:
            if event_id not in self._known:
                self._remember(event_id, payload)

    def _remember(self, event_id: str, payload: bytes) -> None:
        try:
            sale_id = str(json.loads(payload)["sale_id"])
        except (ValueError, KeyError):
            return
        self._known.add(event_id)
        self.event_ids.setdefault(sale_id, set()).add(event_id)
