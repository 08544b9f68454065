"""Sections for what age groups buy: baskets and offers, both off unless asked for."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from agent.config.section import Section


class BasketSection(Section):
    """Whether the goods of a sale go out with the age group of its customer."""

    enabled: bool = Field(False, description="publish event/basket at the close of a sale")


class OfferSection(Section):
    """What to show the age group that stands at the register."""

    table: Path | None = Field(None, description="made by `insights offers`; none: no offers")
    products: int = Field(3, ge=1, le=20, description="shown together")
    min_crops: int = Field(3, ge=1, le=100, description="fewer good crops: no offer yet")
    min_interval_s: float = Field(10.0, ge=0, le=3600, description="between two offers")
    expires_s: float = Field(30.0, gt=0, le=3600, description="not shown later")
