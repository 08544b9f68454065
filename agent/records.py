"""The frozen records that travel between the stages.

Units end every name. Only `Frame` and `FaceCrop` hold pixels; nothing behind the
estimate has a field that could.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from agent.latencies import Latencies, VisionStage

UInt8Array = npt.NDArray[np.uint8]
Float32Array = npt.NDArray[np.float32]

#: Bounds of what crosses a pipe, checked by `wire.decode`: a larger one would not fit a metric,
#: or not be a date. A monotonic clock needs 31 years to come so far.
Count = Annotated[int, Field(ge=0, le=2**53)]
Seconds = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]

#: Number of classes of an age distribution: one for each year 0..100.
AGE_CLASSES = 101


@dataclass(frozen=True, slots=True)
class Point:
    """A position in a picture, in pixels from its top left corner."""

    x_px: float
    y_px: float


@dataclass(frozen=True, slots=True)
class FaceKeypoints:
    """BlazeFace's six keypoints; left and right are the person's own."""

    right_eye: Point
    left_eye: Point
    nose: Point
    mouth: Point
    right_ear: Point
    left_ear: Point

    @property
    def eye_distance_px(self) -> float:
        """Distance between the eyes in pixels."""
        return math.hypot(
            self.left_eye.x_px - self.right_eye.x_px,
            self.left_eye.y_px - self.right_eye.y_px,
        )


@dataclass(frozen=True, slots=True)
class FaceBox:
    """A detected face in frame coordinates."""

    left_px: float
    top_px: float
    width_px: float
    height_px: float
    score_ratio: float
    keypoints: FaceKeypoints


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one camera.

    Attributes:
        pixels: (height, width, 3) uint8, RGB, read-only.
        camera_id: The camera's id in the config.
        index: Number of the frame in its stream, from 0.
        at_s: Monotonic time of capture (CLOCK_MONOTONIC), or the video's time in a replay.
        wall_s: Seconds since 1970, UTC.
    """

    pixels: UInt8Array
    camera_id: str
    index: int
    at_s: float
    wall_s: float


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A face followed over frames; `track_id` is unique within its camera's run."""

    track_id: int
    box: FaceBox


@dataclass(frozen=True, slots=True, eq=False)
class FaceCrop:
    """An aligned crop that waits for its estimate.

    Attributes:
        pixels: (crop_px, crop_px, 3) uint8, RGB.
        quality_ratio: 0..1, from the quality gate.
        eye_distance_px: In the frame, before scaling.
    """

    pixels: UInt8Array
    camera_id: str
    visit_id: str
    at_s: float
    quality_ratio: float
    eye_distance_px: float


@dataclass(frozen=True, slots=True)
class AgeDistribution:
    """Probabilities of the years 0..100; sums to 1."""

    probabilities: Annotated[tuple[float, ...], Field(max_length=AGE_CLASSES)]

    def __post_init__(self) -> None:
        if len(self.probabilities) != AGE_CLASSES:
            raise ValueError(f"expected {AGE_CLASSES} probabilities, got {len(self.probabilities)}")

    @property
    def mean_years(self) -> float:
        """Expected age."""
        return sum(year * p for year, p in enumerate(self.probabilities))

    @property
    def sd_years(self) -> float:
        """Standard deviation."""
        mean = self.mean_years
        variance = sum(p * (year - mean) ** 2 for year, p in enumerate(self.probabilities))
        return math.sqrt(max(variance, 0.0))

    def p_under_ratio(self, age_years: float) -> float:
        """Probability of being younger than `age_years`."""
        whole = math.ceil(age_years)
        return min(1.0, sum(self.probabilities[:whole]))

    def quantile_years(self, ratio: float) -> float:
        """Age below which `ratio` of the mass lies, linear within a year."""
        below = 0.0
        for year, p in enumerate(self.probabilities):
            if below + p >= ratio and p > 0:
                return year + (ratio - below) / p
            below += p
        return float(AGE_CLASSES)


@dataclass(frozen=True, slots=True)
class Hello:
    """First record of a child process on its pipe."""

    process: str
    pid: int
    detail: str = ""
    kind: Literal["hello"] = "hello"


@dataclass(frozen=True, slots=True)
class AgeEstimate:
    """What the network said about one crop of one visit."""

    camera_id: str
    visit_id: str
    at_s: Seconds
    quality_ratio: float
    distribution: AgeDistribution
    kind: Literal["age_estimate"] = "age_estimate"


@dataclass(frozen=True, slots=True)
class VisitStarted:
    """A person entered the customer's place at `at_s`."""

    camera_id: str
    visit_id: str
    at_s: Seconds
    kind: Literal["visit_started"] = "visit_started"


@dataclass(frozen=True, slots=True)
class VisitEnded:
    """A person has left; `at_s` is when they were last seen."""

    camera_id: str
    visit_id: str
    at_s: Seconds
    kind: Literal["visit_ended"] = "visit_ended"


CameraState = Literal["online", "stalled", "offline"]


@dataclass(frozen=True, slots=True)
class CaptureProgress:
    """What one capture process has read so far; its absence is a stall.

    Attributes:
        frames_expected: What a recording says it has; 0: unknown, or a camera.
        frames_repeated: Of those read, how many were the very picture before: a camera only.
        is_black: The newest picture is too dark to show a face: a camera only.
    """

    camera_id: str
    at_s: Seconds
    frames_read: Count
    frames_dropped: Count
    frames_expected: Count = 0
    frames_repeated: Count = 0
    is_black: bool = False
    kind: Literal["capture_progress"] = "capture_progress"


@dataclass(frozen=True, slots=True)
class CaptureEnded:
    """A recording came to its end, or a source failed (`error` not empty).

    Attributes:
        warning: A recording ended early: what is missing, and what to do.
    """

    camera_id: str
    at_s: Seconds
    error: str = ""
    warning: str = ""
    kind: Literal["capture_ended"] = "capture_ended"


@dataclass(frozen=True, slots=True)
class VisionProgress:
    """Totals of the vision process so far; also its heartbeat and the replay's tick.

    Attributes:
        at_s: Every record up to this time has been sent.
        batch_sizes: Histogram: batch_sizes[n] batches of n crops.
        rejected: Crops refused by the quality gate, by reason.
        latencies: How long the stages took.
        finished: The replay's last frame has been worked through.
    """

    at_s: Seconds
    frames: Count = 0
    faces: Count = 0
    visits: Count = 0
    estimates: Count = 0
    crops_dropped: Count = 0
    batch_sizes: Annotated[tuple[Count, ...], Field(max_length=1025)] = ()
    rejected: Annotated[dict[str, Count], Field(max_length=64)] = field(default_factory=dict)
    latencies: dict[VisionStage, Latencies] = field(default_factory=dict)
    finished: bool = False
    kind: Literal["vision_progress"] = "vision_progress"


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """A camera's state changed; made by the supervisor, published retained.

    Attributes:
        since_wall_s: When the state began.
        detail: Why, in words for a technician; holds no credential.
    """

    camera_id: str
    state: CameraState
    since_wall_s: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class VisionRestarted:
    """The vision process died or hung; its open visits will never be ended by it.

    Made by the supervisor when the process is gone, before the next one is there.

    Attributes:
        at_s: Monotonic time at which it was noticed.
        detail: Why, in words for a technician.
    """

    at_s: float
    detail: str = ""


#: What may travel from the processes that see to the process that speaks.
PipeRecord = (
    Hello
    | AgeEstimate
    | VisitStarted
    | VisitEnded
    | CaptureProgress
    | CaptureEnded
    | VisionProgress
)
