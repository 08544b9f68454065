"""Live cameras: V4L2 devices and streams through OpenCV."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2

from agent.capture.address import device_of, kind_of
from agent.capture.pictures import Picture, PictureSource
from agent.capture.replay import PacedRecording, Recording
from agent.capture.settings import CaptureSettings
from agent.clock import Clock
from agent.errors import SourceError
from agent.records import UInt8Array


class LiveCamera:
    """A camera that is open; every picture bears the time at which it was read.

    Args:
        settings: Address, sizes and time-outs.
        clock: Stamps the pictures.

    Raises:
        SourceError: The camera cannot be opened.
    """

    warning = ""
    frames_expected = 0

    def __init__(self, settings: CaptureSettings, clock: Clock) -> None:
        self._shown = settings.shown_source
        self._clock = clock
        self._index = 0
        is_device = kind_of(settings.address) == "device"
        self._capture = _device(settings) if is_device else _stream(settings)
        if not self._capture.isOpened():
            hint = "is it plugged in, and may this user read it?" if is_device else "check it"
            raise SourceError(f"{self._shown}: cannot be opened: {hint}")

    def read(self) -> Picture:
        """Return the next picture; may hang as long as the camera does.

        Raises:
            SourceError: The camera has gone away or sends nothing.
        """
        decoded, pixels = self._capture.read()
        if not decoded:
            raise SourceError(f"{self._shown}: gives no picture any more")
        return self._picture(pixels)  # type: ignore[arg-type]  # OpenCV's stubs: any numbers

    def _picture(self, pixels: UInt8Array) -> Picture:
        picture = Picture(pixels, self._index, self._clock.now_s(), self._clock.wall_s())
        self._index += 1
        return picture


class RecordedCamera:
    """A file in a camera's place: read at its own speed, stamped with the present.

    Args:
        recording: Already paced.
        clock: Stamps the pictures.
        shown_source: The file's name for messages.
    """

    warning = ""
    frames_expected = 0

    def __init__(self, recording: PictureSource, clock: Clock, shown_source: str) -> None:
        self._recording = recording
        self._clock = clock
        self._shown = shown_source

    def read(self) -> Picture:
        """Return the next picture.

        Raises:
            SourceError: The file is over, as if the camera had gone away.
        """
        picture = self._recording.read()
        if picture is None:
            raise SourceError(f"{self._shown}: the recording in the camera's place has ended")
        return Picture(picture.pixels_bgr, picture.index, self._clock.now_s(), self._clock.wall_s())


def open_source(
    settings: CaptureSettings, clock: Clock, stopping: threading.Event
) -> PictureSource:
    """Open whatever the settings name.

    Args:
        settings: Of one capture process.
        clock: The machine's, in every mode.
        stopping: Ends the waiting of a paced recording.

    Raises:
        SourceError: It cannot be opened.
    """
    if settings.mode == "live" and kind_of(settings.address) != "file":
        return LiveCamera(settings, clock)
    recording = Recording(Path(settings.address), settings.start_wall_s)
    if settings.mode == "replay":
        return recording
    paced = PacedRecording(recording, clock, stopping)
    if settings.mode == "replay_realtime":
        return paced
    return RecordedCamera(paced, clock, settings.shown_source)


def _device(settings: CaptureSettings) -> cv2.VideoCapture:
    asked = [
        (cv2.CAP_PROP_FRAME_WIDTH, settings.width_px),
        (cv2.CAP_PROP_FRAME_HEIGHT, settings.height_px),
        (cv2.CAP_PROP_FPS, settings.rate_hz),
    ]
    device = device_of(settings.address)
    capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
    for property_id, value in asked:
        # A device that cannot do it takes the nearest; it does not fail.
        if value is not None and capture.isOpened():
            capture.set(property_id, value)
    return capture


def _stream(settings: CaptureSettings) -> cv2.VideoCapture:
    parameters = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        int(settings.open_timeout_s * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        int(settings.read_timeout_s * 1000),
    ]
    return cv2.VideoCapture(settings.address, cv2.CAP_FFMPEG, parameters)
