"""Section for the store's sale audits: where they are kept, and how they are added up."""

from __future__ import annotations

import zoneinfo
from itertools import pairwise
from pathlib import Path

from pydantic import Field, field_validator

from agent.config.section import Section


class AuditSection(Section):
    """What `checkout-agent audit` keeps and shows; by register and shift, never by person."""

    path: Path = Field(Path("var/audit.sqlite3"), description="relative to the config file")
    max_age_s: float = Field(396 * 86400.0, gt=0, description="older audits are deleted")
    shift_start_hours: tuple[int, ...] = Field(
        (6, 14, 22), min_length=1, max_length=24, description="local time, ascending"
    )
    time_zone: str | None = Field(None, description="such as Europe/London; none: this machine's")

    @field_validator("shift_start_hours")
    @classmethod
    def _ascending(cls, hours: tuple[int, ...]) -> tuple[int, ...]:
        if not all(0 <= hour <= 23 for hour in hours):
            raise ValueError("every hour must be 0 to 23")
        if any(later <= earlier for earlier, later in pairwise(hours)):
            raise ValueError("must ascend, such as [6, 14, 22]")
        return hours

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                zoneinfo.ZoneInfo(name)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise ValueError("no such time zone: expected one such as Europe/London") from error
        return name
