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

TARGETS: tuple[Target, ...] = (
    sale_messages.TARGET,
    inbox.TARGET,
    records.TARGET,
    frame_socket.TARGET,
    open_sales.TARGET,
    outbox.ROWS,
    outbox.FILE,
    settings.TARGET,
    sales_script.TARGET,
    model_files.MANIFEST,
    model_files.THRESHOLDS,
    model_files.CONFUSION,
    model_files.OFFERS,
    collected.AUDITS,
    collected.AUDIT_LINES,
    collected.BASKETS,
    display_messages.TARGET,
    display_http.TARGET,
    health_http.TARGET,
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
