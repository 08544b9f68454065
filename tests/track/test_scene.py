from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.records import Frame, UInt8Array
from agent.track.scene import SceneChangeDetector


def frame(pixels: UInt8Array) -> Frame:
    return Frame(pixels, "till", 0, 0.0, 0.0)


def scenery(seed: int) -> UInt8Array:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)


def changes(*pictures: UInt8Array) -> list[bool]:
    change = SceneChangeDetector()
    return [change.happened(frame(picture)) for picture in pictures]


def test_another_picture_is_another_scene_once() -> None:
    assert changes(scenery(1), scenery(1), scenery(2), scenery(2)) == [False, False, True, False]


def test_a_light_that_is_switched_is_the_same_scene() -> None:
    dimmed = (scenery(1) * 0.3).astype(np.uint8)
    assert changes(scenery(1), dimmed, scenery(1)) == [False, False, False]


def test_black_pictures_are_no_scene() -> None:
    black = np.zeros((480, 640, 3), np.uint8)
    assert changes(scenery(1), black, scenery(1)) == [False, False, False]


def test_a_person_before_a_third_of_the_picture_is_the_same_scene() -> None:
    with_person = scenery(1).copy()
    with_person[100:, 200:420] = 15
    assert changes(scenery(1), with_person, scenery(1)) == [False, False, False]


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (2, 2)])
def test_tiny_pictures_do_no_harm(size: tuple[int, int]) -> None:
    assert changes(np.zeros((*size, 3), np.uint8), scenery(1)) == [False, False]


def clip_changes(path: Path, every: int = 1) -> list[int]:
    video, change = cv2.VideoCapture(str(path)), SceneChangeDetector()
    found: list[int] = []
    index = 0
    while True:
        read, picture = video.read()
        if not read:
            return found
        if index % every == 0 and change.happened(frame(np.asarray(picture, np.uint8))):
            found.append(index)
        index += 1


def test_the_three_cuts_of_the_white_house_clip_are_found(shared_dir: Path) -> None:
    assert clip_changes(shared_dir / "videos" / "hamilton_short.mp4") == [20, 82, 211]


@pytest.mark.parametrize("every", [1, 3])
def test_a_car_ride_has_no_cut(carphone_clip: Path, every: int) -> None:
    assert clip_changes(carphone_clip, every) == []


def test_people_who_walk_through_the_picture_are_no_cut(shared_dir: Path) -> None:
    assert clip_changes(shared_dir / "videos" / "intel_one-by-one.mp4", every=3) == []
