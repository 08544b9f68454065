"""Taps the pipeline for the technician: draws a frame when somebody looks, and only then.

It works in the vision process's own loop, where a picture is one more step of a millisecond or
ten: a thread would need a copy of every frame and could not be told from a leak of them.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import cv2

from agent.boxes import centre_is_inside
from agent.clock import Clock
from agent.config.vision import QualitySection
from agent.debug_view.drawing import draw, encode
from agent.debug_view.settings import MAX_PICTURE_BYTES
from agent.debug_view.sights import AgeSight, FaceSight, Places, Sight
from agent.estimate.cropper import Examination
from agent.records import AgeEstimate, Frame, TrackedFace
from agent.stages import VisitLog

logger = logging.getLogger(__name__)

#: Tells what the quality gate makes of a face; None: the second look did not find it.
Examine = Callable[[Frame, TrackedFace], Examination | None]

#: Pictures of one camera a second, at most: enough to aim by.
RATE_HZ = 5.0
#: Of the loop's time that may go into pictures, all cameras together: on a slow machine, or
#: with many cameras, pictures come less often instead of estimates.
TIME_RATIO = 0.2
#: ... but one picture a second, however long the last one took.
LONGEST_PAUSE_S = 1.0
#: Frames that the shown rate is averaged over.
_RATE_FRAMES = 20
#: Visits whose last estimate is remembered.
_MAX_AGES = 64


class Viewer(Protocol):
    """Who looks; `ViewerLink` is one."""

    wanted: set[str]
    dropped: int

    @property
    def is_joined(self) -> bool:
        """Whether somebody may ask for pictures."""
        ...

    def attend(self) -> None:
        """Take what is asked for."""
        ...

    def send(self, camera_id: str, jpeg: bytes) -> bool:
        """Hand a picture over; False: it was dropped."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class Tap:
    """Shows frames to a viewer until its time is over.

    Args:
        viewer: Who looks.
        duration_s: From the first time that a viewer has joined; another one gets no more.
        places: The polygons of each camera.
        examine: Asks the gate anew: the pipeline's own answer may be a second old.
        limits: The quality gate's.
        clock: Measures the time.
    """

    def __init__(
        self,
        viewer: Viewer,
        duration_s: float,
        places: Mapping[str, Places],
        examine: Examine,
        limits: QualitySection,
        clock: Clock,
    ) -> None:
        self._viewer = viewer
        self._duration_s = duration_s
        self._places = places
        self._examine = examine
        self._limits = limits
        self._clock = clock
        self._until_s: float | None = None
        self._free_at_s = float("-inf")
        self._due_s = dict.fromkeys(places, float("-inf"))
        self._seen_s: dict[str, deque[float]] = {
            camera_id: deque(maxlen=_RATE_FRAMES) for camera_id in places
        }
        self._ages: OrderedDict[str, AgeSight] = OrderedDict()
        self.is_over = False

    def attend(self) -> None:
        """Do what is due; call it once a round."""
        if self.is_over:
            return
        self._viewer.attend()
        if self._until_s is None and self._viewer.is_joined:
            self._until_s = self._clock.now_s() + self._duration_s
        if self._until_s is not None and self._clock.now_s() >= self._until_s:
            self.is_over = True
            self._viewer.close()

    def estimated(self, estimates: Sequence[AgeEstimate]) -> None:
        """Remember the last estimate of each visit."""
        for each in estimates:
            distribution = each.distribution
            self._ages[each.visit_id] = AgeSight(distribution.mean_years, distribution.sd_years)
            self._ages.move_to_end(each.visit_id)
        while len(self._ages) > _MAX_AGES:
            self._ages.popitem(last=False)

    def saw(
        self,
        frame: Frame,
        tracks: Sequence[TrackedFace],
        people: Sequence[TrackedFace],
        visits: VisitLog,
    ) -> None:
        """Draw the frame and hand it over, when it is wanted and due."""
        began_s = self._clock.now_s()
        self._seen_s[frame.camera_id].append(frame.at_s)
        if not self._is_due(frame.camera_id, began_s):
            return
        confirmed = {face.track_id for face in people}
        faces = tuple(self._sight(frame, face, confirmed, visits) for face in tracks)
        jpeg = self._drawn(frame, self._whole(frame.camera_id, faces))
        if jpeg is None:
            self._viewer.dropped += 1
        else:
            self._viewer.send(frame.camera_id, jpeg)
        ended_s = self._clock.now_s()
        self._due_s[frame.camera_id] = began_s + 1.0 / RATE_HZ
        pause_s = (ended_s - began_s) * (1.0 / TIME_RATIO - 1.0)
        self._free_at_s = ended_s + min(pause_s, LONGEST_PAUSE_S)

    def _is_due(self, camera_id: str, now_s: float) -> bool:
        if self.is_over or camera_id not in self._viewer.wanted:
            return False
        return now_s >= self._due_s[camera_id] and now_s >= self._free_at_s

    def _drawn(self, frame: Frame, sight: Sight) -> bytes | None:
        try:
            return encode(draw(frame.pixels, sight, self._limits), MAX_PICTURE_BYTES)
        except (cv2.error, ValueError, OverflowError) as error:
            # It costs one picture, not the estimates: nobody's safety hangs on a picture.
            logger.warning("debug_picture_failed camera=%s reason=%s", sight.camera_id, error)
            return None

    def _whole(self, camera_id: str, faces: tuple[FaceSight, ...]) -> Sight:
        times = self._seen_s[camera_id]
        passed_s = times[-1] - times[0]
        rate_hz = (len(times) - 1) / passed_s if passed_s > 0 else 0.0
        return Sight(camera_id, rate_hz, self._viewer.dropped, self._places[camera_id], faces)

    def _sight(
        self, frame: Frame, face: TrackedFace, confirmed: set[int], visits: VisitLog
    ) -> FaceSight:
        zone = self._places[frame.camera_id].customer_zone
        height, width = frame.pixels.shape[:2]
        visit_id = visits.visit_of(face.track_id)
        return FaceSight(
            box=face.box,
            track_id=face.track_id,
            is_confirmed=face.track_id in confirmed,
            is_inside=zone is None or centre_is_inside(zone, face.box, width, height),
            visit_id=visit_id,
            examination=self._examine(frame, face),
            age=None if visit_id is None else self._ages.get(visit_id),
        )
