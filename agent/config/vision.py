"""Sections for what sees: cameras, capture, detect, track, quality, estimate."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from agent.config.section import Name, Polygon, Ratio, Section


class CameraSection(Section):
    """One camera of the register."""

    id: Name = "till"
    source: str = Field(
        "0",
        min_length=1,
        description="V4L2 device (0 or /dev/video0), rtsp://, http(s):// address, or a file",
    )
    username: str | None = Field(None, description="put into the address; never logged")
    password_env: str | None = Field(None, description="environment variable with the password")
    password_file: Path | None = Field(None, description="file with the password")
    width_px: int | None = Field(None, ge=64, le=7680, description="asked of a V4L2 device")
    height_px: int | None = Field(None, ge=64, le=4320, description="asked of a V4L2 device")
    rate_hz: float | None = Field(None, gt=0, le=120, description="asked of a V4L2 device")
    region_of_interest: Polygon | None = Field(
        None, description="only faces whose centre lies inside are looked at; none: all"
    )
    customer_zone: Polygon | None = Field(
        None, description="the customer's place; none: the whole region of interest"
    )
    ignore_zones: tuple[Polygon, ...] = Field(
        (), max_length=16, description="cashier's place, queue, posters, screens"
    )


class CaptureSection(Section):
    """How a camera is opened, watched and opened again."""

    open_timeout_s: float = Field(5.0, gt=0, le=60)
    read_timeout_s: float = Field(4.0, gt=0, le=60)
    stall_after_s: float = Field(3.0, gt=0, le=5.0, description="no frame for so long: stalled")
    kill_after_s: float = Field(6.0, gt=0, le=60, description="no frame for so long: restarted")
    frozen_after_s: float = Field(
        3.5, gt=0, le=3600, description="the very same picture for so long: stalled"
    )
    backoff_initial_s: float = Field(0.5, gt=0, le=60)
    # With the start of a process (1 s) and the opening: back within 10 s of the camera.
    backoff_max_s: float = Field(4.0, gt=0, le=600)
    backoff_jitter_ratio: Ratio = 0.3

    @model_validator(mode="after")
    def _ordered(self) -> CaptureSection:
        if self.kill_after_s < self.stall_after_s:
            raise ValueError(
                f"kill_after_s: got {self.kill_after_s}: "
                f"must be at least stall_after_s ({self.stall_after_s})"
            )
        if self.backoff_max_s < self.backoff_initial_s:
            raise ValueError(
                f"backoff_max_s: got {self.backoff_max_s}: "
                f"must be at least backoff_initial_s ({self.backoff_initial_s})"
            )
        return self


class DetectSection(Section):
    """Which detections count as faces."""

    min_score_ratio: Ratio = Field(0.5, description="full-range network, each frame")
    # Five clips, 2026-11: faces from the front score 0.86 and more (99 %), small ones in a
    # wide shot of a dim stage 0.73 to 0.83, backs of heads 0.77 at most but for one frame
    # in 1394 (0.79); two looks must pass, so that one frame is not enough.
    gate_min_score_ratio: Ratio = Field(0.78, description="second look, short-range network")
    min_face_px: float = Field(16.0, ge=4, le=1000, description="narrower boxes are dropped")


class TrackSection(Section):
    """When boxes are one person, and when a person is a visit."""

    lost_after_s: float = Field(1.0, ge=1.0, le=10, description="a track survives so long unseen")
    visit_min_s: float = Field(0.3, ge=0, le=10, description="shorter appearances are nobody")
    absence_s: float = Field(2.0, ge=1.0, le=60, description="unseen for so long: has left")


class QualitySection(Section):
    """What a crop must have to be estimated.

    Where the error has grown by about a third to a half; the measurement stands in
    `agent/estimate/quality.py`. Of the faces found in carphone (eyes 20-24 px apart, tilted up
    to 35 degrees) and talking_head none is refused; of 108 in hamilton 28 profiles, 8 blurred, 7
    too small.
    """

    min_eye_distance_px: float = Field(
        12.0, ge=4, le=500, description="in the frame; MAE 5.7 years at 12, 6.8 at 8, 5.0 at 60"
    )
    min_sharpness: float = Field(
        20.0, ge=0, description="variance of the Laplacian of the luma; MAE 6.7 years at 27"
    )
    max_yaw_degrees: float = Field(55.0, gt=0, le=90, description="from the keypoints")
    max_roll_degrees: float = Field(45.0, gt=0, le=90)
    min_brightness: float = Field(
        25.0, ge=0, le=255, description="mean of the face's luma; MAE 6.2 years at 24"
    )
    max_brightness: float = Field(200.0, ge=0, le=255, description="MAE 7.2 years at 199")

    @model_validator(mode="after")
    def _ordered(self) -> QualitySection:
        if self.max_brightness <= self.min_brightness:
            raise ValueError(
                f"max_brightness: got {self.max_brightness}: "
                f"must be above min_brightness ({self.min_brightness})"
            )
        return self


class EstimateSection(Section):
    """The age network and how crops are batched for it."""

    model: Name = Field("age_resnet50", description="folder under models/")
    models_folder: Path | None = Field(None, description="none: the one installed with the agent")
    runtime: Literal["openvino", "tensorflow"] = "openvino"
    device: Literal["cpu", "gpu", "auto"] = "auto"
    max_batch: int = Field(16, ge=1, le=256)
    max_wait_ms: float = Field(40.0, ge=0, le=1000)
    max_pending: int = Field(64, ge=1, le=1024, description="visits waiting; then oldest dropped")
    rate_hz: float = Field(8.0, gt=0, le=60, description="estimates of one visit a second")
    settled_crops: int = Field(12, ge=1, le=1000, description="then only at settled_rate_hz")
    settled_rate_hz: float = Field(1.0, gt=0, le=60)
