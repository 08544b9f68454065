"""Ages on still photographs: the pipeline without time, for `checkout-agent estimate`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from agent.config.decision import ChallengeSection
from agent.decide.challenge import Rule, judge
from agent.decide.evidence import NO_EVIDENCE, Evidence
from agent.errors import InputError
from agent.records import AgeDistribution, FaceBox, FaceCrop, Frame, TrackedFace, UInt8Array
from agent.stages import Cropper, Estimator, FaceGate

#: A photograph larger than this is refused before it is decoded (a decompression bomb).
MAX_PIXELS = 100_000_000
MAX_FILE_BYTES = 100_000_000


class PhotographDetector(Protocol):
    """Finds faces of any size in a photograph."""

    def detect_photograph(self, pixels: UInt8Array) -> list[FaceBox]:
        """Return the faces of (height, width, 3) uint8 RGB, in its coordinates."""
        ...


@dataclass(frozen=True, slots=True)
class PhotographFace:
    """One face of a photograph; `refused` names why the quality gate said no."""

    box: FaceBox
    distribution: AgeDistribution
    refused: str | None


def limit_decoder() -> None:
    """Let OpenCV refuse larger pictures before it allocates; it reads this when it is loaded."""
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_PIXELS)


def read_photograph(path: Path) -> UInt8Array:
    """Return the picture as (height, width, 3) uint8 RGB, turned as its EXIF says.

    Raises:
        InputError: The file is missing, empty, too large, or no picture.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder: name its files, for instance {path}/*.jpg")
    if not path.exists():
        raise InputError(f"{path}: no such file: check the name")
    if not path.is_file():
        raise InputError(f"{path}: is no file: give a picture")
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{path}: the file is empty: copy it again")
    if size > MAX_FILE_BYTES:
        raise InputError(f"{path}: {size} bytes: at most {MAX_FILE_BYTES} expected")
    import cv2

    try:
        encoded = np.frombuffer(path.read_bytes(), np.uint8)
        decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
    except (OSError, cv2.error) as error:
        if "CV_IO_MAX_IMAGE" in str(error):
            raise InputError(f"{path}: more than {MAX_PIXELS} pixels: scale it down") from error
        raise InputError(f"{path}: cannot be read: {_first_line(error)}") from error
    if decoded is None:
        raise InputError(f"{path}: not a picture that can be decoded: JPEG, PNG, WebP expected")
    return np.ascontiguousarray(decoded, np.uint8)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


class PhotographPipeline:
    """detect -> second look -> crop -> estimate, for one picture at a time."""

    def __init__(
        self,
        detector: PhotographDetector,
        gate: FaceGate,
        cropper: Cropper,
        cut: Callable[[Frame, FaceBox], UInt8Array],
        estimator: Estimator,
    ) -> None:
        self._detector = detector
        self._gate = gate
        self._cropper = cropper
        self._cut = cut
        self._estimator = estimator

    def faces(self, pixels: UInt8Array) -> list[PhotographFace]:
        """Return the faces of a picture, largest first.

        Args:
            pixels: (height, width, 3) uint8, RGB.
        """
        frame = Frame(pixels=pixels, camera_id="photograph", index=0, at_s=0.0, wall_s=0.0)
        boxes = self._detector.detect_photograph(pixels)
        looks = [(box, self._gate.look(pixels, box)) for box in boxes]
        seen = [(box, look) for box, look in looks if look is not None]
        seen.sort(key=lambda pair: pair[0].width_px * pair[0].height_px, reverse=True)
        if not seen:
            return []
        crops = np.stack([self._cut(frame, look) for _, look in seen])
        distributions = self._estimator.estimate(crops)
        return [
            PhotographFace(box, distribution, self._refusal(frame, look))
            for (box, look), distribution in zip(seen, distributions, strict=True)
        ]

    def _refusal(self, frame: Frame, box: FaceBox) -> str | None:
        crop = self._cropper.crop(frame, TrackedFace(0, box), "photograph")
        return None if isinstance(crop, FaceCrop) else crop


def judge_photograph(
    face: PhotographFace, rules: Mapping[str, Rule], section: ChallengeSection
) -> dict[str, str]:
    """Return the advice for each category, as if this photograph were a whole visit.

    A face that the quality gate refuses is no evidence: `unsure`.
    """
    known = Evidence(face.distribution, crops=section.min_crops, last_at_s=0.0)
    evidence = NO_EVIDENCE if face.refused else known
    return {
        category: judge([evidence], rule, section, now_s=0.0).advice
        for category, rule in rules.items()
    }
