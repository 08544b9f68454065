"""What has been heard, and what therefore stands on the screen. Pure: time is an argument.

First of these that holds:

| screen | when |
|---|---|
| fault `broker_offline`, `connecting` | the display is not connected |
| fault `agent_offline` | the agent's availability is not `online` |
| fault `stale` | no sign of life of the agent for `stale_after_s` |
| `ask`, `refused` | an alert stands (`duties.py`), heard since the display is connected |
| fault `connecting` | the agent has not yet told the display all that stands |
| `recorded` | an ID check was recorded just now |
| fault `camera_…` | a camera gives no pictures |
| `idle` | nothing of all this |

What was heard on an earlier connection is never shown as live: it is forgotten, and the agent,
greeted with `display/hello`, says it again.
"""

from __future__ import annotations

from agent.display.duties import Duties, Standing
from agent.display.heard import HeardState
from agent.display.screen import Fault, HeardAlert, Screen
from agent.outcomes import SaleMessage
from agent.publish.topics import ONLINE

#: How long `recorded` stands.
RECORDED_S = 4.0
#: Retained messages come at once; without any for so long there is no agent.
RETAINED_WITHIN_S = 2.0


class Board:
    """Everything the display knows; belongs to one thread.

    Args:
        stale_after_s: Silence of the agent that is a fault.
        alert_lifetime_s: An alert is shown so long unless it is renewed; at least twice the time
            after which the agent issues it again.
    """

    def __init__(self, stale_after_s: float, alert_lifetime_s: float) -> None:
        self._stale_after_s = stale_after_s
        self._alert_lifetime_s = alert_lifetime_s
        self._duties = Duties()
        self._connected_at_s: float | None = None
        self._reason = ""
        self._forget()

    def _forget(self) -> None:
        """Forget what is only true while the display listens."""
        self._duties.clear()
        self._availability: str | None = None
        self._cameras: dict[str, str] = {}
        self._state: HeardState | None = None
        self._sign_at_s: float | None = None
        self._synced = False
        self._recorded_at_s: float | None = None

    # What is heard

    def connected(self, now_s: float) -> None:
        """Begin anew: the broker is there."""
        self._forget()
        self._connected_at_s = now_s
        self._sign_at_s = now_s  # the agent has this long to answer

    def disconnected(self, reason: str) -> None:
        """Take note that nothing can be heard."""
        self._connected_at_s = None
        self._reason = reason

    def availability(self, word: str, now_s: float) -> None:
        """Take the agent's `online` or `offline`."""
        if word == ONLINE and self._availability not in (None, ONLINE):
            self._synced = False  # it has been started anew: what stands comes again
            self._sign_at_s = now_s
        self._availability = word

    def state(self, state: HeardState, retained: bool, now_s: float) -> None:
        """Take the agent's state; only one that is said now is a sign of life."""
        self._state = state
        self._cameras = {camera.camera_id: camera.state for camera in state.cameras}
        if not retained:
            self._sign_at_s = now_s
            self._synced = True

    def camera(self, camera_id: str, state: str, retained: bool) -> None:
        """Take a camera's state; what the broker has kept may be of a camera that is gone."""
        if not retained or self._state is None:
            self._cameras[camera_id] = state

    def alert(
        self, alert: HeardAlert, retained: bool, expiry_s: float | None, now_s: float
    ) -> None:
        """Take an alert, new or issued again.

        Args:
            alert: What is asked for.
            retained: Then it is no alert: those are never retained.
            expiry_s: What is left of its life, when the broker says so (MQTT 5).
            now_s: The display's monotonic time.
        """
        if retained:
            return
        self._sign_at_s = now_s
        self._duties.alert(alert, max(expiry_s or 0.0, self._alert_lifetime_s), now_s)

    def sale(self, message: SaleMessage, retained: bool, now_s: float) -> None:
        """Take a step of a sale from the till, or a tap on a display."""
        if not retained and self._duties.step(message, now_s):
            self._recorded_at_s = now_s

    def audited(self, sale_id: str, retained: bool, now_s: float) -> None:
        """Take the audit of a sale: it is over."""
        if not retained:
            self._duties.audited(sale_id, now_s)

    def dismiss(self, event_id: str, now_s: float) -> None:
        """Take an alert without a sale off: there is nobody to tell."""
        self._duties.dismiss(event_id)
        self._recorded_at_s = now_s

    # What stands

    def find(self, event_id: str, now_s: float) -> HeardAlert | None:
        """Return the alert that a tap is about; None: it stands no longer."""
        return self._duties.find(event_id, now_s)

    def screen(self, now_s: float) -> Screen:
        """Return what stands on the display now."""
        standing = self._duties.standing(now_s)
        fault = self._deafness(now_s)
        if fault is not None:
            return self._fault_screen(fault, standing)
        if standing:
            return self._asking(standing)
        if not self._synced:
            return self._fault_screen("connecting", [])
        if self._recorded_at_s is not None and now_s - self._recorded_at_s < RECORDED_S:
            return Screen("recorded", debug_view=self._debug_view)
        camera_fault = self._blindness()
        if camera_fault is not None:
            return self._fault_screen(camera_fault, [])
        return Screen("idle", debug_view=self._debug_view)

    def _deafness(self, now_s: float) -> Fault | None:
        """Return why an alert might not be heard."""
        if self._connected_at_s is None:
            return "broker_offline" if self._reason else "connecting"
        if self._availability is None and now_s - self._connected_at_s < RETAINED_WITHIN_S:
            return None
        if self._availability != ONLINE:
            return "agent_offline"
        if self._sign_at_s is None or now_s - self._sign_at_s >= self._stale_after_s:
            return "stale"
        return None

    def _blindness(self) -> Fault | None:
        """Return why the agent might see nobody."""
        states = set(self._cameras.values())
        if self._state is not None and self._state.stopped is not None:
            return "agent_offline"
        if not states:
            return "camera_starting"
        if states == {"online"}:
            return None
        return "camera_stalled" if states <= {"online", "stalled"} else "camera_offline"

    def _asking(self, standing: list[Standing]) -> Screen:
        newest = standing[0]
        return Screen(
            "refused" if newest.refused else "ask",
            alert=newest.alert,
            more=len(standing) - 1,
            can_confirm=True,
            debug_view=self._debug_view,
        )

    def _fault_screen(self, fault: Fault, standing: list[Standing]) -> Screen:
        return Screen(
            "fault",
            fault=fault,
            detail=self._detail(fault),
            alert=standing[0].alert if standing else None,
            can_confirm=bool(standing) and self._connected_at_s is not None,
            debug_view=self._debug_view,
        )

    def _detail(self, fault: Fault) -> str:
        if fault == "broker_offline":
            return self._reason
        if fault in ("camera_offline", "camera_stalled"):
            return ", ".join(sorted(c for c, state in self._cameras.items() if state != "online"))
        return ""

    @property
    def _debug_view(self) -> bool:
        return self._state is not None and self._state.debug_view
