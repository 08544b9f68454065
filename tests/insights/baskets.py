"""Baskets for the tests: messages as an agent sends them, and folders of Parquet."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from agent.insights.duck import database

GROUPS = ("0-9", "10-17", "18-24", "25-34", "35-49", "50-64", "65+")
TOPIC = "checkout/v1/shop/till-1/event/basket"


def event_id(number: int) -> str:
    """Return a UUIDv4 that is the same for the same number."""
    return str(uuid.UUID(int=number << 64 | number, version=4))


def basket(number: int, hour: str = "2026-11-24T10", **changes: Any) -> bytes:  # noqa: ANN401
    """Return the message of a basket."""
    content = {
        "schema_version": 1,
        "event_id": event_id(number),
        "occurred_at": f"{hour}:00:00.000Z",
        "lines": [{"category": "dairy", "product_id": f"milk-{number}", "quantity": 1}],
        "group_probabilities": [
            {"group": group, "probability_ratio": 0.4 if group == "25-34" else 0.1}
            for group in GROUPS
        ],
    }
    return json.dumps({**content, **changes}).encode()


def collected(folder: Path) -> list[tuple[str, str]]:
    """Return (hour, event id) of every row in a folder's Parquet files, duplicates included."""
    found = []
    for file in sorted(folder.glob("baskets-*.parquet")):
        with database() as connection:
            rows = connection.execute(
                "SELECT event_id FROM read_parquet(?)", [str(file)]
            ).fetchall()
        found += [(file.stem.removeprefix("baskets-"), row[0]) for row in rows]
    return found
