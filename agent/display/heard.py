"""Reads what the agent says, as far as the display needs it.

A tolerant reader: a newer agent may say more than this display knows.
"""

from __future__ import annotations

import hashlib
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.display.screen import HeardAlert
from agent.errors import ProtocolError

#: The agent's longest message, its state, is about 2 kB.
MAX_HEARD_BYTES = 65_536


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Alert(_Lenient):
    event_id: str = Field(min_length=1, max_length=64)
    sale_id: str = Field(max_length=64)
    reason: str = Field("", max_length=64)
    category: str = Field("", max_length=64)
    challenge_age_years: int = 0
    people: int = 0


class _Camera(_Lenient):
    camera_id: str = Field(max_length=64)
    state: str = Field(max_length=32)


class HeardState(_Lenient):
    """How the agent is."""

    cameras: tuple[_Camera, ...] = ()
    stopped: str | None = None
    debug_view: bool = False


class _Audit(_Lenient):
    sale_id: str = Field(max_length=64)


_Model = TypeVar("_Model", bound=_Lenient)


def read_alert(content: bytes) -> HeardAlert:
    """Return the alert; one with the reason `unreadable` when it cannot be understood."""
    try:
        alert = _validated(_Alert, content)
    except ProtocolError:
        # Fail safe: whatever came on that topic, the agent wanted to ask.
        return HeardAlert(hashlib.sha256(content).hexdigest()[:32], "", "unreadable", "", 0, 0)
    return HeardAlert(
        alert.event_id,
        alert.sale_id,
        alert.reason,
        alert.category,
        alert.challenge_age_years,
        alert.people,
    )


def read_state(content: bytes) -> HeardState:
    """Return the agent's state.

    Raises:
        ProtocolError: Too large, or not as expected.
    """
    return _validated(HeardState, content)


def read_camera(content: bytes) -> tuple[str, str]:
    """Return a camera's id and state.

    Raises:
        ProtocolError: Too large, or not as expected.
    """
    camera = _validated(_Camera, content)
    return camera.camera_id, camera.state


def read_audited_sale(content: bytes) -> str:
    """Return the id of a sale that has ended.

    Raises:
        ProtocolError: Too large, or not as expected.
    """
    return _validated(_Audit, content).sale_id


def _validated(model: type[_Model], content: bytes) -> _Model:
    if len(content) > MAX_HEARD_BYTES:
        raise ProtocolError(f"message of {len(content)} bytes: at most {MAX_HEARD_BYTES}")
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise ProtocolError(f"{model.__name__}: {first['msg'][:200]}") from None
