"""Sections for what decides: the challenge policy and the age groups."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from agent.config.section import Name, Ratio, Section


class CategoryPolicy(Section):
    """The law and the store's policy for one product category."""

    legal_age_years: int = Field(18, ge=1, le=30, description="the law's age")
    challenge_age_years: int = Field(25, ge=1, le=60, description="who looks younger is asked")

    @model_validator(mode="after")
    def _ordered(self) -> CategoryPolicy:
        if self.challenge_age_years < self.legal_age_years:
            raise ValueError(
                f"challenge_age_years: got {self.challenge_age_years}: "
                f"must be at least legal_age_years ({self.legal_age_years})"
            )
        return self


class ChallengeSection(Section):
    """When the cashier is told to ask for ID."""

    mode: Literal["point_of_sale", "continuous"] = Field(
        "point_of_sale", description="advise once a sale, or without a till once a visit"
    )
    categories: dict[Name, CategoryPolicy] = Field(
        default_factory=lambda: {"alcohol": CategoryPolicy()}, min_length=1
    )
    max_false_pass_ratio: Ratio = Field(
        0.05, description="of customers under the legal age; picks the calibrated threshold"
    )
    min_crops: int = Field(3, ge=1, le=100, description="fewer good crops are no evidence")
    evidence_max_age_s: float = Field(10.0, gt=0, le=300, description="older evidence is stale")
    unsure_after_s: float = Field(2.0, ge=0, le=10, description="wait for evidence after a scan")
    alert_expires_s: float = Field(60.0, gt=0, le=3600, description="delivery, not the duty")
    sale_max_s: float = Field(1800.0, gt=0, le=86400, description="a sale never closed ends")
    accompanied_child_below_years: int = Field(10, ge=0, le=17)


class AgeGroupSection(Section):
    """The age groups of the events; at least five years wide each."""

    lower_bounds_years: tuple[int, ...] = Field(
        (0, 10, 18, 25, 35, 50, 65), min_length=2, description="first year of each group, from 0"
    )

    @model_validator(mode="after")
    def _wide(self) -> AgeGroupSection:
        bounds = (*self.lower_bounds_years, 101)
        if bounds[0] != 0:
            raise ValueError(f"lower_bounds_years: got {bounds[0]} first: must begin with 0")
        if any(b - a < 5 for a, b in pairwise(bounds)):
            raise ValueError("lower_bounds_years: every group must be at least 5 years wide")
        return self
