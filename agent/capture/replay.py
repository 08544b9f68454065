"""Recordings: every frame, in the video's own time."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from agent.capture.pictures import Picture, PictureSource
from agent.clock import Clock
from agent.errors import SourceError
from agent.records import UInt8Array

#: Taken when a file does not tell its rate, or nonsense.
FALLBACK_RATE_HZ = 25.0
MIN_RATE_HZ = 0.1
MAX_RATE_HZ = 1000.0
#: A longer gap between two frames is a broken time stamp, not a pause.
MAX_GAP_S = 60.0
#: The container's number of frames is often one or two off (B-frames, edit lists).
_MISSING_FRAMES_TOLERATED = 5
_MISSING_TOLERATED_RATIO = 0.03
#: What a recording may be. Playlists (hls, dash, concat, sdp) are not among it: they make FFmpeg
#: open other files and addresses, and wait for ever for a segment that does not come.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg", "mpegvideo", "m4v",
    "h264", "hevc", "obu", "ivf", "mjpeg", "flv", "asf", "ogg", "mxf", "dv", "nut", "gif",
    "yuv4mpegpipe", "png_pipe", "jpeg_pipe",
)  # fmt: skip
_OPTIONS_VARIABLE = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_FFMPEG_OPTIONS = f"protocol_whitelist;file|format_whitelist;{','.join(_CONTAINERS)}"


class VideoTime:
    """Turns a decoder's time stamps into a time that begins at 0 and only grows.

    Args:
        rate_hz: What the container says; NaN, 0 and nonsense are replaced by 25.
    """

    def __init__(self, rate_hz: float) -> None:
        sane = math.isfinite(rate_hz) and MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ
        self._period_s = 1.0 / (rate_hz if sane else FALLBACK_RATE_HZ)
        self._offset_s: float | None = None
        self._last_s = 0.0

    def of(self, stamp_s: float) -> float:
        """Return the time of the next frame, in seconds since the first.

        Args:
            stamp_s: The decoder's time stamp; used while it is finite and grows, else the
                frame is one period after the last.
        """
        if self._offset_s is None:
            self._offset_s = stamp_s if math.isfinite(stamp_s) else 0.0
            return 0.0
        since_first_s = stamp_s - self._offset_s
        if 0 < since_first_s - self._last_s <= MAX_GAP_S:
            self._last_s = since_first_s
        else:
            self._last_s += self._period_s
            if math.isfinite(stamp_s):
                self._offset_s = stamp_s - self._last_s
        return self._last_s


class Recording:
    """A video file, read frame by frame.

    Args:
        path: The file.
        start_wall_s: Wall time of its first frame.

    Raises:
        SourceError: No such file, empty, no video in it, or nothing decodable.
    """

    def __init__(self, path: Path, start_wall_s: float = 0.0) -> None:
        self._path = path
        self._start_wall_s = start_wall_s
        self._capture = _opened(path)
        self._time = VideoTime(self._capture.get(cv2.CAP_PROP_FPS))
        self._promised = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._index = 0
        self.warning = ""
        #: How many frames the file says it has; 0 when it does not.
        self.frames_expected = max(0, int(self._promised))

    def read(self) -> Picture | None:
        """Return the next frame, or None at the end (then see `warning`).

        Raises:
            SourceError: Not even one frame could be decoded.
        """
        decoded, pixels = self._capture.read()
        if not decoded:
            self._finish()
            return None
        at_s = self._time.of(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0)
        picture = Picture(_as_pixels(pixels), self._index, at_s, self._start_wall_s + at_s)
        self._index += 1
        return picture

    def _finish(self) -> None:
        self._capture.release()
        if self._index == 0:
            raise SourceError(
                f"{self._path}: no frame could be decoded: the file is damaged or cut off; "
                "copy it again"
            )
        tolerated = max(_MISSING_FRAMES_TOLERATED, _MISSING_TOLERATED_RATIO * self._promised)
        if self._promised - self._index > tolerated:
            self.warning = (
                f"{self._path}: truncated or damaged: {self._index} of "
                f"{self._promised:.0f} frames could be decoded; copy it again"
            )


class PacedRecording:
    """A recording at the speed of a camera; no frame is dropped.

    Args:
        recording: What to pace.
        clock: Measures the time between two frames.
        pause: Waited on between frames; setting it ends the pacing.
    """

    def __init__(self, recording: PictureSource, clock: Clock, pause: threading.Event) -> None:
        self._recording = recording
        self._clock = clock
        self._pause = pause
        self._start_s: float | None = None

    @property
    def warning(self) -> str:
        """See `Recording.warning`."""
        return self._recording.warning

    @property
    def frames_expected(self) -> int:
        """See `Recording.frames_expected`."""
        return self._recording.frames_expected

    def read(self) -> Picture | None:
        """Return the next frame when it is due."""
        picture = self._recording.read()
        if picture is None:
            return None
        if self._start_s is None:
            self._start_s = self._clock.now_s() - picture.at_s
        wait_s = self._start_s + picture.at_s - self._clock.now_s()
        if wait_s > 0:
            self._pause.wait(wait_s)
        return picture


def _opened(path: Path) -> cv2.VideoCapture:
    try:
        size_bytes = path.stat().st_size
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}: give an existing video file") from error
    if not path.is_file():
        raise SourceError(f"{path}: is not a file: give a video file")
    if size_bytes == 0:
        raise SourceError(f"{path}: is empty (0 bytes): copy it again")
    with _ffmpeg_options():
        # Absolute, so that no name is taken for a protocol.
        capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise SourceError(
            f"{path}: no video stream found: expected a video such as MP4 or MKV, "
            "got another kind of file or a truncated one"
        )
    return capture


@contextmanager
def _ffmpeg_options() -> Iterator[None]:
    """Set what FFmpeg may open; OpenCV takes it from the environment, at each opening.

    Put back at once: a stream that is opened later, or by a child, needs the network.
    """
    before = os.environ.get(_OPTIONS_VARIABLE)
    os.environ[_OPTIONS_VARIABLE] = _FFMPEG_OPTIONS
    try:
        yield
    finally:
        if before is None:
            del os.environ[_OPTIONS_VARIABLE]
        else:
            os.environ[_OPTIONS_VARIABLE] = before


def _as_pixels(pixels: object) -> UInt8Array:
    """Return what OpenCV decoded as the array that it is."""
    return pixels  # type: ignore[return-value]  # OpenCV's stubs say any numeric array
