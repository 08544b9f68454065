"""What is said, when: outcomes as they come, camera states and the agent's own on change."""

from __future__ import annotations

from dataclasses import replace

from agent import __version__, ids
from agent.clock import Clock
from agent.observe.metrics import Metrics
from agent.outcomes import Outcome
from agent.publish.events import CameraPart, ModelPart, OutboxPart, StatePayload, rfc3339
from agent.publish.publisher import Publisher, camera_message, outcome_message, state_message
from agent.records import CameraState, CameraStatus

_OFFLINE: CameraState = "offline"
#: A refused model names two digests, a path and a command: 400 characters.
MAX_REASON_CHARACTERS = 600


class Announcer:
    """Turns what happens in the agent into messages; belongs to the main loop.

    Args:
        publisher: Where messages go.
        clock: Dates them.
        config_digest: SHA-256 of the settings.
        model: The age network that is loaded.
        metrics: Counts what is said.
    """

    def __init__(
        self,
        publisher: Publisher,
        clock: Clock,
        config_digest: str,
        model: ModelPart,
        metrics: Metrics,
    ) -> None:
        self._publisher = publisher
        self._clock = clock
        self._config_digest = config_digest
        self._model = model
        self._metrics = metrics
        self._cameras: dict[str, CameraStatus] = {}
        self._vision = ""
        self._degraded: tuple[str, ...] = ()
        self._outbox = OutboxPart()
        self._debug_view = False

    def outcome(self, outcome: Outcome) -> None:
        """Say what has been decided."""
        self._metrics.decided(outcome)
        self._publisher.publish(outcome_message(outcome))

    def camera(self, status: CameraStatus) -> None:
        """Say that a camera's state has changed, and so the agent's."""
        self._metrics.camera_status(status)
        self._cameras[status.camera_id] = status
        message = camera_message(status, ids.new_event_id(), self._clock.wall_s())
        self._publisher.publish(message)
        self.state()

    def degraded(self, *reasons: str) -> None:
        """Say what is not as it should be, when that has changed."""
        if reasons != self._degraded:
            self._degraded = reasons
            self.state()

    def vision(self, reason: str) -> None:
        """Say why the vision process is not there; empty: it is."""
        # Its last words may be anything; a display has room for some lines.
        reason = reason[:MAX_REASON_CHARACTERS]
        if reason != self._vision:
            self._vision = reason
            self.state()

    def outbox(self, dropped: dict[str, int]) -> None:
        """Say that messages had to be given up, when more have been."""
        if dropped != self._outbox.dropped:
            self._outbox = OutboxPart(dropped=dict(dropped))
            self.state()

    def debug_view(self, is_on: bool) -> None:
        """Say that a technician can see the picture, or no longer, when that has changed."""
        if is_on != self._debug_view:
            self._debug_view = is_on
            self.state()

    @property
    def cameras_online(self) -> int:
        """How many cameras give pictures."""
        return sum(status.state == "online" for status in self._cameras.values())

    def state(self, stopped: str | None = None) -> None:
        """Say how the agent is."""
        cameras = sorted(self._cameras.values(), key=lambda status: status.camera_id)
        reasons = [reason for each in cameras if (reason := _reason(each))]
        if self._vision:
            reasons.append(self._vision)
        payload = StatePayload(
            event_id=ids.new_event_id(),
            occurred_at=rfc3339(self._clock.wall_s()),
            agent_version=__version__,
            model=self._model,
            config_digest=self._config_digest,
            cameras=tuple(CameraPart(camera_id=c.camera_id, state=c.state) for c in cameras),
            degraded=(*reasons, *self._degraded),
            stopped=stopped,
            debug_view=self._debug_view,
            outbox=self._outbox,
        )
        self._publisher.publish(state_message(payload))

    def stop(self, reason: str) -> None:
        """Say that every camera is offline, because the agent stops."""
        for camera_id, status in self._cameras.items():
            offline = replace(
                status, state=_OFFLINE, since_wall_s=self._clock.wall_s(), detail=reason
            )
            self._cameras[camera_id] = offline
            message = camera_message(offline, ids.new_event_id(), self._clock.wall_s())
            self._publisher.publish(message)
        self.state(stopped=reason)


def _reason(status: CameraStatus) -> str:
    """Return what is wrong with a camera, or empty; one that is online may still see nothing."""
    if status.state == "online":
        return f"camera {status.camera_id}: {status.detail}" if status.detail else ""
    return f"camera {status.camera_id} is {status.state}"
