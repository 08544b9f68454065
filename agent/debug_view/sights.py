"""What is known about one frame and its faces: all that the drawing may show."""

from __future__ import annotations

from dataclasses import dataclass

from agent.boxes import RatioPolygon
from agent.config.vision import CameraSection
from agent.estimate.cropper import Examination
from agent.records import FaceBox


@dataclass(frozen=True, slots=True)
class AgeSight:
    """What the network said about the last crop of a visit."""

    mean_years: float
    sd_years: float


@dataclass(frozen=True, slots=True)
class FaceSight:
    """One tracked face.

    Attributes:
        is_confirmed: The second look takes it for a face.
        is_inside: Its middle lies in the customer's zone.
        visit_id: None: no visit (yet).
        examination: The quality gate's, on this very frame; None: the second look, which
            finds the keypoints for it, did not find the face.
    """

    box: FaceBox
    track_id: int
    is_confirmed: bool
    is_inside: bool
    visit_id: str | None
    examination: Examination | None
    age: AgeSight | None


@dataclass(frozen=True, slots=True)
class Places:
    """The polygons of a camera; corners are shares of the picture's sides."""

    region_of_interest: RatioPolygon | None = None
    customer_zone: RatioPolygon | None = None
    ignore_zones: tuple[RatioPolygon, ...] = ()


@dataclass(frozen=True, slots=True)
class Sight:
    """One frame of one camera.

    Attributes:
        rate_hz: Frames of this camera that vision works through a second.
        dropped: Pictures that the viewer could not take.
    """

    camera_id: str
    rate_hz: float
    dropped: int
    places: Places
    faces: tuple[FaceSight, ...]


def places_of(camera: CameraSection) -> Places:
    """Return the polygons of a camera's settings."""
    return Places(camera.region_of_interest, camera.customer_zone, camera.ignore_zones)
