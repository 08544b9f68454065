"""All targets."""

from __future__ import annotations

from tests.fuzz.targets import (
    collected,
    display_http,
    display_messages,
    frame_socket,
    health_http,
    inbox,
    model_files,
    open_sales,
    outbox,
    records,
    sale_messages,
    sales_script,
    settings,
)
from tests.fuzz.targets.target import Target

#: The slow ones first, so that no core waits for one of them at the end.
TARGETS: tuple[Target, ...] = (
    settings.TARGET,
    outbox.ROWS,
    outbox.FILE,
    sales_script.TARGET,
    open_sales.TARGET,
    display_http.TARGET,
    records.TARGET,
    model_files.MANIFEST,
    model_files.THRESHOLDS,
    model_files.CONFUSION,
    model_files.OFFERS,
    frame_socket.TARGET,
    display_messages.TARGET,
    health_http.TARGET,
    inbox.TARGET,
    collected.AUDITS,
    collected.AUDIT_LINES,
    collected.BASKETS,
    sale_messages.TARGET,
)


def find(name: str) -> Target:
    """Return the target of that name.

    Raises:
        ValueError: There is none.
    """
    for target in TARGETS:
        if target.name == name:
            return target
    names = ", ".join(target.name for target in TARGETS)
    raise ValueError(f"target {name}: expected one of {names}")
