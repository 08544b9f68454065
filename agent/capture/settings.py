"""What the agent writes on the first line of a capture process's stdin."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agent.config.section import Name, Section

CaptureMode = Literal["live", "replay", "replay_realtime"]


class CaptureSettings(Section):
    """Settings of one capture process."""

    camera_id: Name
    address: str = Field(min_length=1, repr=False, description="with its login: a secret")
    shown_source: str = Field(description="the source as the settings file has it, for messages")
    mode: CaptureMode = "live"
    socket_path: str = Field(description="where the vision process listens")
    width_px: int | None = None
    height_px: int | None = None
    rate_hz: float | None = None
    open_timeout_s: float = Field(5.0, gt=0)
    read_timeout_s: float = Field(4.0, gt=0)
    start_wall_s: float = Field(0.0, description="wall time of a recording's first picture")
