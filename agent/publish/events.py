"""The payloads that go out; the JSON Schemas are generated from these classes.

No image, crop, embedding, exact age, gender or visit id has a field here.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from agent.outcomes import Advice, AgeGroupSeen, Alert, AlertReason, AuditResult, SaleAudit
from agent.records import CameraState, CameraStatus

SCHEMA_VERSION = 1

EventId = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
    ),
    Field(description="The consumer's key against duplicates."),
]


def _dated(text: str) -> str:
    """Refuse what only looks like a date, such as the 45th of a month: it is reckoned with."""
    datetime.datetime.fromisoformat(text)
    return text


Instant = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"),
    AfterValidator(_dated),
    Field(description="RFC 3339, UTC, milliseconds.", json_schema_extra={"format": "date-time"}),
]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
Probability = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class Payload(BaseModel):
    """What every JSON message begins with."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    schema_version: Literal[1] = Field(1, description="Raised when a field changes its meaning.")
    event_id: EventId
    occurred_at: Instant


class Part(BaseModel):
    """An object inside a payload."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelPart(Part):
    """The age network that is loaded."""

    name: str
    sha256: str = Field(description="Of the network's weights.")
    licence: str = Field(description="What the training data allows, such as `research use`.")


class CameraPart(Part):
    """One camera of the register."""

    camera_id: str
    state: CameraState


class OutboxPart(Part):
    """Messages that wait for the broker, and those given up since the start."""

    waiting: int = Field(0, ge=0)
    dropped: dict[str, int] = Field(
        default_factory=dict,
        description="By reason: rows, bytes, age, expired, unsaved, disconnected, damaged.",
    )


class StatePayload(Payload):
    """How the agent is; retained, replaced by the next one."""

    agent_version: str
    model: ModelPart | None = Field(description="null until a model is loaded.")
    config_digest: str = Field(description="SHA-256 of the settings.")
    cameras: tuple[CameraPart, ...] = ()
    degraded: tuple[str, ...] = Field((), description="What is not as it should be, in words.")
    stopped: str | None = Field(None, description="Why the agent has stopped; null: it runs.")
    debug_view: bool = Field(False, description="A technician watches the picture.")
    outbox: OutboxPart = OutboxPart()


class CameraStatusPayload(Payload):
    """A camera's state has changed; retained."""

    camera_id: str
    state: CameraState
    since: Instant
    detail: str = Field("", description="Why, for a technician.")


class AlertPayload(Payload):
    """Ask for ID in this sale. Never retained; says what to do, not how old somebody looks."""

    sale_id: str
    advice: Advice
    reason: AlertReason
    category: str
    challenge_age_years: int = Field(ge=1, le=60)
    people: int = Field(ge=0, description="Persons at the customer's place.")
    expires_at: Instant = Field(description="Not shown later; the duty to ask remains.")


class GroupProbability(Part):
    """One age group and how probable it is."""

    group: str = Field(description="Such as `25-34`.")
    probability_ratio: Probability


class AgeGroupPayload(Payload):
    """A customer has left; anonymous, its id is random."""

    camera_id: str
    group: str = Field(description="The most probable one; `unknown` without evidence.")
    group_probabilities: tuple[GroupProbability, ...] = Field(
        description="In order of age; add these up instead of counting `group`: unbiased."
    )
    dwell_s: float = Field(ge=0.0)
    crops: int = Field(ge=0, description="Pictures behind it; they are gone already.")


class SaleAuditPayload(Payload):
    """An age-restricted sale has ended: what was due, and what was done."""

    sale_id: str
    categories: tuple[str, ...]
    challenge_due: bool
    advice: Literal["challenge", "unsure", "none"]
    shown_at: Instant | None = Field(description="When the first alert went out.")
    id_checked_by: Literal["point_of_sale", "display"] | None
    id_refused: bool
    result: AuditResult


def rfc3339(wall_s: float) -> str:
    """Return an instant as RFC 3339 in UTC with milliseconds.

    Args:
        wall_s: Seconds since 1970, UTC; within the years 1 to 9999.
    """
    # Through whole milliseconds: isoformat alone cuts off and shows 0.999 for 1.0.
    moment = datetime.datetime.fromtimestamp(round(wall_s * 1000) / 1000, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def alert_payload(alert: Alert) -> AlertPayload:
    """Return the payload of an alert."""
    return AlertPayload(
        event_id=alert.event_id,
        occurred_at=rfc3339(alert.occurred_wall_s),
        sale_id=alert.sale_id,
        advice=alert.advice,
        reason=alert.reason,
        category=alert.category,
        challenge_age_years=alert.challenge_age_years,
        people=alert.people,
        expires_at=rfc3339(alert.expires_wall_s),
    )


def age_group_payload(seen: AgeGroupSeen) -> AgeGroupPayload:
    """Return the payload of a visit that has ended."""
    return AgeGroupPayload(
        event_id=seen.event_id,
        occurred_at=rfc3339(seen.occurred_wall_s),
        camera_id=seen.camera_id,
        group=seen.group,
        group_probabilities=tuple(
            GroupProbability(group=group, probability_ratio=round(min(max(ratio, 0.0), 1.0), 6))
            for group, ratio in seen.group_probabilities
        ),
        dwell_s=round(seen.dwell_s, 3),
        crops=seen.crops,
    )


def sale_audit_payload(audit: SaleAudit) -> SaleAuditPayload:
    """Return the payload of a restricted sale that has ended."""
    return SaleAuditPayload(
        event_id=audit.event_id,
        occurred_at=rfc3339(audit.occurred_wall_s),
        sale_id=audit.sale_id,
        categories=audit.categories,
        challenge_due=audit.challenge_due,
        advice=audit.advice,
        shown_at=None if audit.shown_wall_s is None else rfc3339(audit.shown_wall_s),
        id_checked_by=audit.id_checked_by,
        id_refused=audit.id_refused,
        result=audit.result,
    )


def camera_status_payload(
    status: CameraStatus, event_id: str, occurred_wall_s: float
) -> CameraStatusPayload:
    """Return the payload of a camera's new state."""
    return CameraStatusPayload(
        event_id=event_id,
        occurred_at=rfc3339(occurred_wall_s),
        camera_id=status.camera_id,
        state=status.state,
        since=rfc3339(status.since_wall_s),
        detail=status.detail[:500],
    )
