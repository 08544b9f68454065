import math
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.capture.pictures import Picture
from agent.capture.replay import PacedRecording, Recording, VideoTime
from agent.clock import ReplayClock
from agent.errors import SourceError


def pictures_of(recording: Recording) -> Iterator[Picture]:
    while (picture := recording.read()) is not None:
        yield picture


def test_every_frame_comes_in_the_videos_own_time(carphone_clip: Path) -> None:
    recording = Recording(carphone_clip, start_wall_s=500.0)
    pictures = list(pictures_of(recording))
    assert [picture.index for picture in pictures] == list(range(120))
    assert pictures[0].at_s == 0.0
    assert pictures[-1].at_s == pytest.approx(119 / 29.97, abs=1e-3)
    assert pictures[30].wall_s == 500.0 + pictures[30].at_s
    assert pictures[0].pixels_bgr.shape == (144, 176, 3)
    assert recording.warning == ""


def test_two_runs_give_the_same_pixels_and_times(carphone_clip: Path) -> None:
    runs = [
        [(picture.at_s, picture.pixels_bgr.tobytes()) for picture in pictures_of(recording)]
        for recording in (Recording(carphone_clip), Recording(carphone_clip))
    ]
    assert runs[0] == runs[1]


def test_a_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        Recording(tmp_path / "nothing.mp4")


def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a file"):
        Recording(tmp_path)


def test_an_empty_file_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(SourceError, match="empty"):
        Recording(tmp_path / "empty.mp4")


def test_a_text_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video\n" * 100)
    with pytest.raises(SourceError, match="no video stream"):
        Recording(tmp_path / "text.mp4")


def test_a_clip_cut_off_before_its_index_is_refused(tmp_path: Path, carphone_clip: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(carphone_clip.read_bytes()[:200])
    with pytest.raises(SourceError, match=r"truncated|cut off"):
        Recording(cut).read()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg: apt-get install ffmpeg")
def test_a_clip_cut_off_midway_gives_what_it_has_and_a_warning(
    tmp_path: Path, carphone_clip: Path
) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    remux = ["ffmpeg", "-v", "error", "-i", str(carphone_clip), "-c", "copy"]
    subprocess.run([*remux, "-movflags", "+faststart", whole], check=True)
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) * 6 // 10])
    recording = Recording(cut)
    frames = len(list(pictures_of(recording)))
    assert 20 < frames < 110
    assert "truncated" in recording.warning
    assert f"{frames} of 120" in recording.warning


def test_a_realtime_replay_waits_until_each_frame_is_due(carphone_clip: Path) -> None:
    clock = ReplayClock(now_s=100.0)
    waits: list[float] = []

    class Pause(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            clock.advance_to(clock.now_s() + (timeout or 0.0))
            return False

    recording = PacedRecording(Recording(carphone_clip), clock, Pause())
    for _ in range(10):
        recording.read()
    clock.advance_to(clock.now_s() + 1.0)  # a slow reader: no wait until it has caught up
    recording.read()
    assert len(waits) == 9
    assert sum(waits) == pytest.approx(9 / 29.97, abs=1e-3)


@pytest.mark.parametrize("rate_hz", [math.nan, 0.0, -1.0, math.inf, 90_000.0])
def test_a_nonsensical_rate_becomes_25(rate_hz: float) -> None:
    time = VideoTime(rate_hz)
    assert [time.of(math.nan) for _ in range(3)] == [0.0, 0.04, 0.08]


def test_stamps_that_stand_still_or_jump_are_replaced_by_the_rate() -> None:
    time = VideoTime(10.0)
    stamps = [5.0, 5.1, 5.1, 5.3, 900.0, 900.1]
    seen = [round(time.of(stamp), 3) for stamp in stamps]
    assert seen == [0.0, 0.1, 0.2, 0.4, 0.5, 0.6]


@given(st.floats(), st.lists(st.floats(), max_size=50))
def test_time_begins_at_zero_and_only_grows(rate_hz: float, stamps: list[float]) -> None:
    time = VideoTime(rate_hz)
    seen = [time.of(stamp) for stamp in stamps]
    assert seen[:1] in ([], [0.0])
    assert all(math.isfinite(at_s) for at_s in seen)
    assert all(later > sooner for sooner, later in pairwise(seen))


def test_a_recording_leaves_no_trace_in_the_environment(carphone_clip: Path) -> None:
    before = dict(os.environ)

    Recording(carphone_clip).read()

    assert dict(os.environ) == before
