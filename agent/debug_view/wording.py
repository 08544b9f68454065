"""What is written beside a face: who it is to the agent, and what is wrong, with the figure."""

from __future__ import annotations

from typing import Literal

from agent.config.vision import QualitySection
from agent.debug_view.sights import FaceSight
from agent.estimate.cropper import Examination
from agent.estimate.quality import Look

#: `used` gives estimates, `refused` could and does not, `outside` is not at the customer's
#: place, `unsure` may be no face at all.
Standing = Literal["used", "refused", "outside", "unsure"]
_STANDINGS: dict[Standing, str] = {
    "outside": "outside the customer zone",
    "unsure": "not confirmed as a face",
}
#: Enough to tell the visits of one picture apart.
_SHOWN_ID_CHARACTERS = 4


def standing(face: FaceSight) -> Standing:
    """Return what a face is to the pipeline."""
    if not face.is_confirmed:
        return "unsure"
    if not face.is_inside:
        return "outside"
    refused = face.examination is None or isinstance(face.examination.verdict, str)
    return "refused" if refused else "used"


def lines(face: FaceSight, limits: QualitySection) -> tuple[str, ...]:
    """Return what is written beside a face, the most important first.

    Args:
        face: What is known about it.
        limits: The quality gate's, so that a reason says how far away "good" is.
    """
    first = _STANDINGS.get(standing(face)) or _verdict(face.examination, limits)
    written = (first, _size(face), _age(face), _names(face))
    return tuple(line for line in written if line)


def _verdict(examination: Examination | None, limits: QualitySection) -> str:
    if examination is None:
        return "not found by the second look"
    if isinstance(examination.verdict, float):
        return f"good, quality {examination.verdict:.2f}"
    return reason(examination, limits)


def reason(examination: Examination, limits: QualitySection) -> str:
    """Return why the gate refuses a face, with the figure and its limit."""
    pose, look = examination.pose, examination.look or Look(0.0, 0.0)
    eyes = f"{pose.eye_distance_px:.0f} px between the eyes, min {limits.min_eye_distance_px:.0f}"
    yaw, roll = abs(pose.yaw_degrees), abs(pose.roll_degrees)
    texts = {
        "too_small": f"too small: {eyes}",
        "turned_away": f"turned away: {yaw:.0f}°, max {limits.max_yaw_degrees:.0f}°",
        "tilted": f"tilted: {roll:.0f}°, max {limits.max_roll_degrees:.0f}°",
        "too_dark": f"too dark: {look.brightness:.0f}, min {limits.min_brightness:.0f}",
        "too_bright": f"too bright: {look.brightness:.0f}, max {limits.max_brightness:.0f}",
        "blurred": f"blurred: sharpness {look.sharpness:.0f}, min {limits.min_sharpness:.0f}",
    }
    return texts.get(str(examination.verdict), str(examination.verdict))


def _size(face: FaceSight) -> str:
    width = f"face {face.box.width_px:.0f} px"
    if face.examination is None:
        return width
    return f"{width}, eyes {face.examination.pose.eye_distance_px:.0f} px"


def _age(face: FaceSight) -> str:
    return "" if face.age is None else f"age {face.age.mean_years:.0f} ± {face.age.sd_years:.0f}"


def _names(face: FaceSight) -> str:
    name = f"track {face.track_id}, score {face.box.score_ratio:.2f}"
    if face.visit_id is None:
        return name
    return f"visit {face.visit_id[:_SHOWN_ID_CHARACTERS]}, {name}"
