"""The real capture process against real streams on loopback."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent import wire
from agent.capture.channel import FrameReceiver, StreamEnded
from agent.records import CaptureEnded, CaptureProgress, Frame, Hello, PipeRecord
from tests.streams import http_streams

RTSP_SERVER = Path(__file__).parent.parent / "streams" / "rtsp_server.py"


class CaptureUnderTest:
    """A capture process and the reading end of its frame socket."""

    def __init__(self, folder: Path, address: str, **settings: object) -> None:
        lossless = settings.get("mode", "live") != "live"
        path = str(folder / "frames")
        self.receiver = FrameReceiver(path, ["till"], lossless)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent.capture.process"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        line: dict[str, object] = {"camera_id": "till", "address": address, "socket_path": path}
        line |= {"shown_source": "SHOWN", "open_timeout_s": 1.0, "read_timeout_s": 1.0, **settings}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()

    def frame(self, timeout_s: float = 15.0) -> Frame:
        item = self.receiver.next(timeout_s)
        assert isinstance(item, Frame), item
        return item

    def finish(self, timeout_s: float = 15.0) -> tuple[list[PipeRecord], str]:
        """Close stdin, wait for the end, and return the records and the noise."""
        output, noise = self.process.communicate(timeout=timeout_s)
        return [wire.decode(line) for line in output.splitlines()], noise.decode()

    def await_end(self, timeout_s: float = 15.0) -> tuple[list[PipeRecord], str]:
        """Wait for the end that comes by itself."""
        self.process.wait(timeout_s)
        return self.finish()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.receiver.close()


Capturing = Callable[..., CaptureUnderTest]


@pytest.fixture
def capturing(tmp_path: Path) -> Iterator[Capturing]:
    captures: list[CaptureUnderTest] = []

    def start(address: str, **settings: object) -> CaptureUnderTest:
        captures.append(CaptureUnderTest(tmp_path, address, **settings))
        return captures[-1]

    yield start
    for capture in captures:
        capture.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def ended(records: list[PipeRecord]) -> CaptureEnded:
    last = records[-1]
    assert isinstance(last, CaptureEnded), records
    return last


def test_mjpeg_over_http_gives_rgb_frames_with_the_machines_time(capturing: Capturing) -> None:
    with http_streams.serving(http_streams.good) as server:
        capture = capturing(f"http://127.0.0.1:{server.port}/till")
        frames = [capture.frame() for _ in range(5)]
        time.sleep(0.5)  # nobody takes a frame: some must be dropped
        late = capture.frame()
        red, _, blue = frames[-1].pixels[60, 20]
        assert red > 200
        assert blue < 60
        assert abs(frames[-1].wall_s - time.time()) < 10
        late_by_s = time.monotonic() - late.at_s
        assert 0 <= late_by_s < 0.25
        assert late.index - frames[-1].index > 3
        records, _ = capture.finish()
    assert isinstance(records[0], Hello)
    progress = [record for record in records if isinstance(record, CaptureProgress)]
    assert progress[-1].frames_read > 5
    assert capture.process.returncode == 0


@pytest.fixture
def rtsp(request: pytest.FixtureRequest) -> Iterator[int]:
    port = free_port()
    login = getattr(request, "param", ())
    command = ["/usr/bin/python3", RTSP_SERVER, str(port), *login]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        assert server.stdout is not None
        if server.stdout.readline() != b"ready\n":
            pytest.skip(
                "needs an RTSP server: apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi "
                "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly"
            )
        yield port
        server.kill()


@pytest.mark.rtsp
@pytest.mark.parametrize("rtsp", [("joe", "PLANTED")], indirect=True)
def test_rtsp_with_a_login_gives_frames_and_no_output_names_the_password(
    rtsp: int, capturing: Capturing
) -> None:
    capture = capturing(f"rtsp://joe:PLANTED@127.0.0.1:{rtsp}/till", open_timeout_s=10.0)
    assert capture.frame().pixels.shape == (240, 320, 3)
    assert capture.frame().index > 0
    records, noise = capture.finish()
    assert "PLANTED" not in noise + repr(records)
    command = Path(f"/proc/{capture.process.pid}/cmdline")
    assert not command.exists() or "PLANTED" not in command.read_text()


@pytest.mark.rtsp
@pytest.mark.parametrize("rtsp", [("joe", "right")], indirect=True)
def test_a_refused_password_is_an_error_that_does_not_name_it(
    rtsp: int, capturing: Capturing
) -> None:
    capture = capturing(f"rtsp://joe:PLANTED@127.0.0.1:{rtsp}/till")
    records, noise = capture.await_end()
    assert ended(records).error.startswith("SHOWN: cannot be opened")
    assert "401" in noise
    assert "PLANTED" not in noise + repr(records)
    assert capture.process.returncode == 1


def test_a_server_that_accepts_and_is_silent_makes_no_progress_and_then_an_error(
    capturing: Capturing,
) -> None:
    with http_streams.serving(http_streams.silent) as server:
        records, _ = capturing(f"http://127.0.0.1:{server.port}/").await_end()
    counts = {record.frames_read for record in records if isinstance(record, CaptureProgress)}
    assert counts == {0}
    assert "cannot be opened" in ended(records).error


def test_a_stream_that_stops_makes_no_progress_and_then_an_error(capturing: Capturing) -> None:
    with http_streams.serving(http_streams.hangs_after_a_second) as server:
        capture = capturing(f"http://127.0.0.1:{server.port}/", read_timeout_s=2.0)
        records, _ = capture.await_end()
    counts = [record.frames_read for record in records if isinstance(record, CaptureProgress)]
    assert counts[-1] == counts[-2] == counts[-3] == http_streams.RATE_HZ
    assert "gives no picture any more" in ended(records).error


def test_garbage_is_an_error_not_a_crash(capturing: Capturing) -> None:
    with http_streams.serving(http_streams.garbage) as server:
        capture = capturing(f"http://127.0.0.1:{server.port}/")
        records, _ = capture.await_end()
    assert ended(records).error
    assert capture.process.returncode == 1


def test_a_stream_may_change_its_size_and_is_scaled_to_the_first(capturing: Capturing) -> None:
    with http_streams.serving(http_streams.grows) as server:
        capture = capturing(f"http://127.0.0.1:{server.port}/")
        frame = capture.frame()
        while frame.index < http_streams.SMALL_PICTURES + 10:
            frame = capture.frame()
        assert frame.pixels.shape == (120, 160, 3)
        assert frame.pixels[60, 20, 0] > 200
        assert frame.pixels[60, 140, 2] > 200


def test_a_recording_gives_every_frame_twice_the_same(
    capturing: Capturing, carphone_clip: Path
) -> None:
    runs = []
    for _ in range(2):
        capture = capturing(str(carphone_clip), mode="replay", start_wall_s=100.0)
        run = []
        while not isinstance(item := capture.receiver.next(15.0), StreamEnded):
            assert isinstance(item, Frame)
            run.append((item.index, item.at_s, item.wall_s, item.pixels.tobytes()))
        runs.append(run)
        records, _ = capture.await_end()
        assert ended(records) == CaptureEnded("till", run[-1][1])
        capture.close()
    assert runs[0] == runs[1]
    assert [frame[0] for frame in runs[0]] == list(range(120))


def test_a_missing_recording_is_one_clear_line(capturing: Capturing, tmp_path: Path) -> None:
    capture = capturing(str(tmp_path / "none.mp4"), mode="replay")
    records, noise = capture.await_end()
    assert "No such file" in ended(records).error
    assert "Traceback" not in noise


def test_a_file_in_a_cameras_place_is_paced_and_its_end_is_the_cameras(
    capturing: Capturing, carphone_clip: Path
) -> None:
    capture = capturing(str(carphone_clip))
    first = capture.frame()
    began_s = time.monotonic()
    records, _ = capture.await_end()
    assert time.monotonic() - began_s > 3.0
    assert time.monotonic() - first.at_s < 10
    assert "has ended" in ended(records).error


@pytest.mark.parametrize("by", ["end of stdin", "SIGTERM"])
def test_it_stops_at_once_even_while_a_read_hangs(capturing: Capturing, by: str) -> None:
    with http_streams.serving(http_streams.silent) as server:
        capture = capturing(f"http://127.0.0.1:{server.port}/", open_timeout_s=30.0)
        assert capture.process.stdout is not None
        capture.process.stdout.readline()
        until_s = time.monotonic() + 5
        while server.connections == 0 and time.monotonic() < until_s:
            time.sleep(0.02)
        if by == "SIGTERM":
            capture.process.send_signal(signal.SIGTERM)
            capture.process.wait(1.0)
        capture.finish(1.0)


def test_it_loads_nothing_that_sees_faces_or_speaks() -> None:
    code = (
        "import sys, agent.capture.process;"
        "print([n for n in ('mediapipe','tensorflow','openvino','paho','urllib.request') "
        "if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_repeated_picture_is_counted_and_not_shown_again(capturing: Capturing) -> None:
    with http_streams.serving(http_streams.freezes) as server:
        capture = capturing(f"http://127.0.0.1:{server.port}/")
        seen = [capture.frame().index]
        while (item := capture.receiver.next(3.0)) is not None:
            assert isinstance(item, Frame)
            seen.append(item.index)
        records, _ = capture.finish()
    progress = [record for record in records if isinstance(record, CaptureProgress)]
    assert seen[-1] == http_streams.SMALL_PICTURES - 1
    assert progress[-1].frames_read > http_streams.SMALL_PICTURES + 20
    new = progress[-1].frames_read - progress[-1].frames_repeated
    assert new == http_streams.SMALL_PICTURES
    assert not progress[-1].is_black
