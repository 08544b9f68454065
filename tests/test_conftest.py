"""The fixtures and the honest skips themselves."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

pytest_plugins = ["pytester"]

SKIPPING = """
import pytest

def test_that_lacks_something():
    pytest.skip("needs a broker")

def test_that_is_for_others():
    pytest.skip("no GPU: not run here")
"""


@pytest.mark.parametrize(
    ("ci", "outcomes"),
    [("true", {"failed": 1, "skipped": 1}), ("", {"skipped": 2})],
)
def test_a_skipped_need_fails_on_ci_only(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcomes: dict[str, int]
) -> None:
    monkeypatch.setenv("CI", ci)
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    pytester.makepyfile(SKIPPING)
    pytester.runpytest_inprocess().assert_outcomes(**outcomes)


def test_the_clip_from_the_packages_opens(carphone_clip: Path) -> None:
    clip = cv2.VideoCapture(str(carphone_clip))
    read, picture = clip.read()
    clip.release()
    assert read
    assert picture.shape[2] == 3


def test_the_portrait_from_the_packages_opens(portrait: Path) -> None:
    picture = cv2.imread(str(portrait))
    assert picture is not None
    assert picture.shape == (512, 512, 3)


def test_the_shared_folder_holds_the_clips(shared_dir: Path) -> None:
    assert (shared_dir / "videos" / "talking_head.mp4").is_file()
