"""The whole settings file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from agent.config.audit import AuditSection
from agent.config.debug_view import DebugViewSection
from agent.config.decision import AgeGroupSection, ChallengeSection
from agent.config.display import DisplaySection
from agent.config.insights import BasketSection, OfferSection
from agent.config.messaging import MqttSection, ObserveSection, OutboxSection
from agent.config.section import Name, Section
from agent.config.vision import (
    CameraSection,
    CaptureSection,
    DetectSection,
    EstimateSection,
    QualitySection,
    TrackSection,
)


class Config(Section):
    """Everything that can be set, with defaults that work."""

    store_id: Name = "demo-store"
    register_id: Name = "till-1"
    processes: Literal["separate", "single"] = Field(
        "separate", description="single: everything in one process, for debugging only"
    )
    cameras: tuple[CameraSection, ...] = Field((CameraSection(),), min_length=1, max_length=16)
    capture: CaptureSection = CaptureSection()
    detect: DetectSection = DetectSection()
    track: TrackSection = TrackSection()
    quality: QualitySection = QualitySection()
    estimate: EstimateSection = EstimateSection()
    challenge: ChallengeSection = ChallengeSection()
    age_groups: AgeGroupSection = AgeGroupSection()
    baskets: BasketSection = BasketSection()
    offers: OfferSection = OfferSection()
    mqtt: MqttSection = MqttSection()
    outbox: OutboxSection = OutboxSection()
    display: DisplaySection = DisplaySection()
    observe: ObserveSection = ObserveSection()
    audit: AuditSection = AuditSection()
    debug_view: DebugViewSection = DebugViewSection()

    @model_validator(mode="after")
    def _distinct_cameras(self) -> Config:
        ids = [camera.id for camera in self.cameras]
        if len(set(ids)) != len(ids):
            raise ValueError(f"cameras: got ids {ids}: must be distinct")
        return self
