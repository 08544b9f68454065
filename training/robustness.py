"""The error against what a register camera does worse than a portrait photographer.

Each effect is laid on the photographs of a split at growing strength, the crop is cut at the
keypoints of the untouched photograph, and the agent's own quality gate judges it. The limits
of `config.yaml`'s `quality` section are set from this table: a level at which the error has
grown by half should be refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from rich.progress import track
from rich.table import Table

from agent.config.vision import QualitySection
from agent.estimate.align import TEMPLATE_EYE_DISTANCE_RATIO, TEMPLATE_RATIO, similarity, warp
from agent.estimate.quality import Look, Pose, QualityGate, look_of, pose_of
from agent.records import AGE_CLASSES, FaceKeypoints, Float32Array, Point, UInt8Array
from training.artefact_runtime import ArtefactRuntime
from training.data import Faces, IntArray
from training.h264 import through_h264

_YEARS = np.arange(AGE_CLASSES, dtype=np.float32)
#: Ranges of the faces' own yaw, from their keypoints.
YAWS_DEGREES = ((0, 15), (15, 30), (30, 45), (45, 60))
HEADING = ("effect", "strength", "faces", "MAE", "refused by the gate", "MAE of the others")

BoolArray = npt.NDArray[np.bool_]
Effect = Callable[[UInt8Array], UInt8Array]


@dataclass(frozen=True, slots=True)
class Level:
    """One strength of one effect.

    Attributes:
        effect: For the table.
        strength: Likewise, with its unit.
        value: The strength as a number, where a plot shows it.
        change: Applied to the photograph, or to the crop when it covers the face.
        face_px: The photograph is reduced until the face is so wide; None: as it is.
        covers: `change` is for the aligned crop.
    """

    effect: str
    strength: str
    change: Effect = lambda pixels: pixels
    value: float | None = None
    face_px: float | None = None
    covers: bool = False


def _blur(sigma_px: float) -> Effect:
    return lambda pixels: np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma_px), np.uint8)


def _motion(length_px: int) -> Effect:
    kernel = np.full((1, length_px), 1 / length_px, np.float32)
    return lambda pixels: np.asarray(cv2.filter2D(pixels, -1, kernel), np.uint8)


def _dark(gain: float) -> Effect:
    """Return darkness with the noise that a sensor has then: 4 grey levels."""

    def change(pixels: UInt8Array) -> UInt8Array:
        noise = np.random.default_rng(0).normal(0, 4, pixels.shape)
        return np.clip(pixels * gain + noise, 0, 255).astype(np.uint8)

    return change


def _jpeg(quality: int) -> Effect:
    def change(pixels: UInt8Array) -> UInt8Array:
        _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)

    return change


def _h264(crf: int) -> Effect:
    return lambda pixels: through_h264(pixels, crf, (1, 1))


def _cover(top: float, bottom: float, left: float, right: float) -> Effect:
    """Return a cover in grey over a part of the crop, in shares of its width."""

    def change(crop: UInt8Array) -> UInt8Array:
        covered, size = crop.copy(), crop.shape[0]
        rows = slice(int(top * size), int(bottom * size))
        covered[rows, int(left * size) : int(right * size)] = 110
        return covered

    return change


def levels() -> Iterator[Level]:
    """Yield every level, the untouched photographs first."""
    yield Level("none", "-")
    for sigma_px in (1.0, 2.0, 3.0, 4.0):
        yield Level("blur", f"sigma {sigma_px:g} px of 160", _blur(sigma_px), sigma_px)
    for length_px in (5, 9, 15):
        yield Level("motion blur", f"{length_px} px of 160", _motion(length_px), length_px)
    for gain in (0.5, 0.25, 0.15, 0.08):
        yield Level("darkness", f"{gain:.0%} of the light", _dark(gain))
    for width_px in (120.0, 80.0, 60.0, 48.0, 36.0, 30.0, 24.0):
        yield Level("face width", f"{width_px:g} px", value=width_px, face_px=width_px)
    for quality in (50, 30, 15, 8):
        yield Level("JPEG", f"quality {quality}", _jpeg(quality))
    for crf in (26, 32, 38):
        yield Level("H.264", f"crf {crf}", _h264(crf))
    yield Level("covered", "mask over mouth and nose", _cover(0.52, 1, 0, 1), covers=True)
    yield Level("covered", "dark glasses", _cover(0.2, 0.4, 0.1, 0.9), covers=True)
    yield Level("covered", "left half", _cover(0, 1, 0, 0.5), covers=True)


class Robustness:
    """Measures one exported model on one split's photographs with exact ages.

    Args:
        faces: The prepared photographs.
        indices: Of faces whose exact age is known.
        runtime: The exported model.
    """

    def __init__(self, faces: Faces, indices: IntArray, runtime: ArtefactRuntime) -> None:
        self._faces = faces
        self._indices = indices
        self._runtime = runtime
        self._gate = QualityGate(QualitySection())
        self._ages = faces.exact_ages(indices).astype(np.float32)

    def report(self) -> list[dict[str, Any]]:
        """Return a row a level, and one a range of the faces' own yaw."""
        measured = [(level, *self._measure(level)) for level in track(list(levels()), "robustness")]
        rows = [
            _row(level.effect, level.strength, errors, passed, level.value)
            for level, errors, passed in measured
        ]
        _, untouched, passed = measured[0]
        yaws = np.abs([self._pose(index, 1.0).yaw_degrees for index in self._indices])
        for low, high in YAWS_DEGREES:
            chosen = (yaws >= low) & (yaws < high)
            rows.append(_row("yaw", f"{low}-{high} degrees", untouched[chosen], passed[chosen]))
        return rows

    def _measure(self, level: Level) -> tuple[Float32Array, BoolArray]:
        """Return (n,) errors in years, and whether the gate takes the crop."""
        cut = [self._crop(index, level) for index in self._indices.tolist()]
        means = self._runtime.predict(np.stack([crop for crop, _, _ in cut])) @ _YEARS
        verdicts = [self._gate.judge(pose, look) for _, pose, look in cut]
        passed = np.array([not isinstance(verdict, str) for verdict in verdicts])
        return np.abs(means - self._ages), passed

    def _crop(self, index: int, level: Level) -> tuple[UInt8Array, Pose, Look]:
        pixels = np.asarray(self._faces.images[index])
        scale = 1.0
        if level.face_px is not None:
            width_px = self._pose(index, 1.0).eye_distance_px / TEMPLATE_EYE_DISTANCE_RATIO
            scale = min(1.0, level.face_px / width_px)
            pixels = _reduced(pixels, scale)
        if not level.covers:
            pixels = level.change(pixels)
        crop_px = self._runtime.crop_px
        points = self._faces.keypoints(index).astype(np.float64) * scale
        crop = warp(pixels, similarity(points, TEMPLATE_RATIO * crop_px), crop_px)
        if level.covers:
            crop = level.change(crop)
        pose = self._pose(index, scale)
        return crop, pose, look_of(crop, pose.eye_distance_px)

    def _pose(self, index: int, scale: float) -> Pose:
        eyes_nose_mouth = (self._faces.keypoints(index).astype(np.float64) * scale).tolist()
        right, left, nose, mouth = (Point(x, y) for x, y in eyes_nose_mouth)
        return pose_of(FaceKeypoints(right, left, nose, mouth, right_ear=right, left_ear=left))


def _reduced(pixels: UInt8Array, scale: float) -> UInt8Array:
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _row(
    effect: str,
    strength: str,
    errors_years: Float32Array,
    passed: BoolArray,
    value: float | None = None,
) -> dict[str, Any]:
    taken = errors_years[passed]
    return {
        "effect": effect,
        "strength": strength,
        "value": value,
        "faces": len(errors_years),
        "mae_years": float(errors_years.mean()) if len(errors_years) else None,
        "refused_ratio": float(1 - passed.mean()) if len(passed) else None,
        "mae_of_passed_years": float(taken.mean()) if len(taken) else None,
    }


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return a row's texts under `HEADING`."""

    def text(key: str, form: str) -> str:
        return "-" if row[key] is None else format(row[key], form)

    return (
        row["effect"],
        row["strength"],
        str(row["faces"]),
        text("mae_years", ".2f"),
        text("refused_ratio", ".1%"),
        text("mae_of_passed_years", ".2f"),
    )


def table(rows: list[dict[str, Any]]) -> Table:
    """Return the report for a terminal."""
    shown = Table(*HEADING, title="Robustness")
    for row in rows:
        shown.add_row(*cells(row))
    return shown
