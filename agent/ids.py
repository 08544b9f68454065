"""Where the ids of messages come from.

Operational events carry a UUIDv7, which sorts by time and so tells a support call what came
first. What leaves for analytics carries a random UUIDv4: an id that holds the millisecond
would tie an anonymous event to a sale.
"""

from __future__ import annotations

import uuid

import uuid6


def new_event_id() -> str:
    """Return a fresh UUIDv7 for an operational event."""
    return str(uuid6.uuid7())


def new_analytics_id() -> str:
    """Return a fresh random UUIDv4 for an event that goes to analytics."""
    return str(uuid.uuid4())
