"""What is known of one camera, from the growth of its counts of frames."""

from __future__ import annotations

from agent.clock import Clock
from agent.config.vision import CaptureSection
from agent.records import CameraState, CameraStatus, CaptureProgress

#: Time that a fresh process takes to load OpenCV (0.4 s on a desktop, 1 s on a slow till).
PROCESS_START_S = 1.0
#: A source that gave pictures for so long is well; its next failure is a first one.
STEADY_AFTER_S = 10.0
#: The light goes out, a hand is in front of the lens: only later it is said.
BLACK_AFTER_S = 2.0
BLACK = "the picture is black: is the lens covered, is there light?"


class CameraWatch:
    """Decides when a camera is online, stalled or offline, and when its process is killed.

    Every method returns a status when it changed. Allowed: offline -> online, online ->
    stalled, stalled -> online, any -> offline, and offline -> stalled once at the very
    beginning; a camera that failed stays offline until it gives a picture, however often
    it is tried. A camera that repeats one picture is stalled, but its process is not killed:
    opening it again would give the same picture as if it were new.
    """

    def __init__(self, camera_id: str, section: CaptureSection, clock: Clock) -> None:
        self._camera_id = camera_id
        self._section = section
        self._clock = clock
        self._state: CameraState = "offline"
        self._detail = ""
        self._ever_failed = False
        self._started_at_s = clock.now_s()
        self._forget_pictures()
        self._online_since_s = 0.0

    def _forget_pictures(self) -> None:
        self._frames_read = 0
        self._frames_new = 0
        self._grown_at_s: float | None = None
        self._new_at_s = 0.0
        self._black_since_s: float | None = None

    def started(self) -> CameraStatus | None:
        """A process was started for it."""
        self._started_at_s = self._clock.now_s()
        self._forget_pictures()
        return None if self._ever_failed else self._change("offline", "starting")

    def progressed(self, progress: CaptureProgress) -> CameraStatus | None:
        """The process has reported what it has read."""
        if progress.frames_read <= self._frames_read:
            return None
        self._frames_read = progress.frames_read
        self._grown_at_s = self._clock.now_s()
        frames_new = progress.frames_read - progress.frames_repeated
        if frames_new <= self._frames_new:
            return None
        self._frames_new = frames_new
        self._new_at_s = self._grown_at_s
        if self._state != "online":
            self._online_since_s = self._grown_at_s
        return self._change("online", self._darkness(progress.is_black))

    def _darkness(self, is_black: bool) -> str:
        """Return what is to be said of black pictures, once they are no passing shadow."""
        if not is_black:
            self._black_since_s = None
        elif self._black_since_s is None:
            self._black_since_s = self._new_at_s
        has_lasted = (
            self._black_since_s is not None
            and self._new_at_s - self._black_since_s >= BLACK_AFTER_S
        )
        return BLACK if has_lasted else ""

    def check(self) -> CameraStatus | None:
        """Time has passed."""
        first_try = self._state == "offline" and not self._ever_failed
        if not (self._state == "online" or first_try):
            return None
        detail = self._standstill()
        if not detail:
            return None
        self._ever_failed = True
        return self._change("stalled", detail)

    def _standstill(self) -> str:
        """Return why nothing is seen any more, or empty."""
        if self._silent_s() >= self._section.stall_after_s:
            return f"no picture for {self._section.stall_after_s:g} s"
        repeats_s = self._clock.now_s() - self._new_at_s
        if self._state == "online" and repeats_s >= self._section.frozen_after_s:
            return (
                f"the very same picture for {self._section.frozen_after_s:g} s: "
                "start the camera or its recorder again"
            )
        return ""

    def lost(self, detail: str) -> CameraStatus | None:
        """The process has ended, or was killed."""
        self._ever_failed = True
        return self._change("offline", detail)

    @property
    def must_be_killed(self) -> bool:
        """Whether the process hangs; the first picture may take an opening's time longer."""
        allowed_s = self._section.kill_after_s
        if self._grown_at_s is None:
            allowed_s = max(allowed_s, self._section.open_timeout_s + self._section.read_timeout_s)
        return self._silent_s() >= allowed_s

    @property
    def is_steady(self) -> bool:
        """Whether it has been online for long enough to forget its failures."""
        online_s = self._clock.now_s() - self._online_since_s
        return self._state == "online" and online_s >= STEADY_AFTER_S

    def _silent_s(self) -> float:
        if self._grown_at_s is None:
            return self._clock.now_s() - self._started_at_s - PROCESS_START_S
        return self._clock.now_s() - self._grown_at_s

    def _change(self, state: CameraState, detail: str) -> CameraStatus | None:
        if (state, detail) == (self._state, self._detail):
            return None
        self._state, self._detail = state, detail
        return CameraStatus(self._camera_id, state, self._clock.wall_s(), detail)
