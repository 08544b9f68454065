"""`replay` on files that nobody should send: an end each, in one line and in little memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agent.capture.camera import open_source
from agent.capture.settings import CaptureSettings
from agent.clock import SystemClock
from agent.errors import SourceError
from tests.faults.hostile_files import hostile_videos
from tests.running_agent import REPOSITORY

#: Address space of each process; FFmpeg's threads and buffers take most of what is not used.
LIMIT_BYTES = 6 * 2**30


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory, carphone_clip: Path) -> dict[str, Path]:
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg: apt-get install ffmpeg")
    return hostile_videos(carphone_clip, tmp_path_factory.mktemp("videos"))


def replay(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({LIMIT_BYTES},) * 2)"
    return subprocess.run(
        [sys.executable, "-c", f"{limited}; from agent import cli; cli.main()", "replay"]
        + [str(argument) for argument in arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=100,
        check=False,
    )


def refusal(path: Path) -> str:
    """Return why the capture process would refuse a recording, reading all of it; or empty."""
    settings = CaptureSettings(
        camera_id="till", address=str(path), shown_source=str(path), mode="replay", socket_path=""
    )
    try:
        source = open_source(settings, SystemClock(), threading.Event())
        while source.read() is not None:
            pass
    except SourceError as error:
        return str(error)
    return ""


def test_every_bad_video_is_refused_and_every_odd_one_is_read(videos: dict[str, Path]) -> None:
    answers = {name: refusal(path) for name, path in videos.items() if name != "bad-huge.avi"}
    wrong = {n: answer for n, answer in answers.items() if ("good" in n) != (answer == "")}
    assert wrong == {}
    assert [answer for answer in answers.values() if "\n" in answer] == []


def test_odd_videos_are_replayed_together_to_their_end(
    videos: dict[str, Path], tmp_path: Path
) -> None:
    markup = tmp_path / "[" / "red] [bold].avi"
    markup.parent.mkdir()
    shutil.copy(videos["good-one-pixel.avi"], markup)
    good = [path for name, path in videos.items() if "good" in name]
    lines = tmp_path / "lines.jsonl"

    finished = replay("--jsonl", lines, markup, *good)

    assert finished.returncode == 0, finished.stderr
    assert "Traceback" not in finished.stderr
    last = json.loads(lines.read_text().splitlines()[-1])["payload"]
    assert last["stopped"] == "the recording is over"
    assert len(last["cameras"]) == len(good) + 1


def test_a_header_of_45_million_pixels_ends_the_replay_in_one_line(
    videos: dict[str, Path],
) -> None:
    finished = replay(videos["bad-huge.avi"])
    assert finished.returncode == 66
    assert "Traceback" not in finished.stderr
    assert finished.stderr.splitlines()[-1].endswith("refused a picture of 9000 x 5000 px")


def test_what_is_no_file_or_has_no_proper_name_is_refused_at_once(
    videos: dict[str, Path], tmp_path: Path
) -> None:
    pipe, unreadable = tmp_path / "pipe", tmp_path / "name-\udcff.avi"
    os.mkfifo(pipe)
    shutil.copy(videos["good-one-pixel.avi"], unreadable)
    for path, words in (
        (pipe, "is not a file"),
        (tmp_path, "is not a file"),
        (unreadable, "its name is not UTF-8"),
        (tmp_path / "missing", "no such file"),
    ):
        finished = replay(path)
        assert finished.returncode == 66, finished.stderr
        [line] = finished.stderr.splitlines()
        assert line.startswith("checkout-agent: ")
        assert words in line
