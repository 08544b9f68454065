"""What stands on the display at one instant, without words or colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: There is no green one, and none that approves: the display asks, or it is silent.
ScreenKind = Literal["idle", "ask", "refused", "recorded", "fault"]
Fault = Literal[
    "connecting",
    "broker_offline",
    "agent_offline",
    "stale",
    "camera_offline",
    "camera_stalled",
    "camera_starting",
]


@dataclass(frozen=True, slots=True)
class HeardAlert:
    """An alert as the display needs it.

    Attributes:
        sale_id: Empty when there is no point of sale.
        reason: As the agent says it; one that this version does not know is shown as doubt.
    """

    event_id: str
    sale_id: str
    reason: str
    category: str
    challenge_age_years: int
    people: int


@dataclass(frozen=True, slots=True)
class Screen:
    """One instant of the display.

    Attributes:
        fault: Set with kind `fault` only.
        detail: Names to the fault: cameras, or why the broker cannot be reached.
        alert: What is asked for; with a fault: what was asked for before it, no longer live.
        more: Other sales in which ID is due.
        can_confirm: The buttons work: the alert is known and the broker can be told.
        debug_view: A technician watches the picture.
    """

    kind: ScreenKind
    fault: Fault | None = None
    detail: str = ""
    alert: HeardAlert | None = None
    more: int = 0
    can_confirm: bool = False
    debug_view: bool = False
