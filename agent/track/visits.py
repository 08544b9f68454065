"""Turns tracks into visits: who is at the customer's place, from when until when."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agent.boxes import centre_is_inside, distance_px
from agent.config.vision import CameraSection, TrackSection
from agent.records import FaceBox, Frame, TrackedFace, VisitEnded, VisitStarted

#: A new track this near to where a visitor was lost is the same visitor: distance of the
#: middles in widths of the larger box. Who ducks for something comes up beside it.
SAME_PLACE_WIDTHS = 1.5
#: ... and its face at most so many times as wide or as narrow.
SAME_SIZE_FACTOR = 1.8
#: Between two detections further apart than this a face does not count as seen.
SEEN_STEP_MAX_S = 0.5


def random_visit_id() -> str:
    """Return an id that tells nothing and never comes again."""
    return uuid.uuid4().hex


@dataclass(slots=True)
class _Presence:
    """One person at the customer's place; a visit once it has `started`."""

    visit_id: str
    track_id: int
    box: FaceBox
    first_at_s: float
    last_at_s: float
    seen_s: float = 0.0
    started: bool = False

    def see(self, face: TrackedFace, at_s: float) -> None:
        """Note that the person is still there."""
        step_s = at_s - self.last_at_s
        if step_s <= SEEN_STEP_MAX_S:
            self.seen_s += step_s
        self.track_id, self.box, self.last_at_s = face.track_id, face.box, at_s


class TrackVisits:
    """The visits of one camera.

    A person is known by place and size alone, for `absence_s` after the last sight. What
    comes later or elsewhere is somebody else: nothing is kept to recognise anybody by.

    Args:
        section: When an appearance is a visit, and when it has ended.
        camera: Its customer zone.
        new_id: Makes visit ids; a parameter for tests only.
    """

    def __init__(
        self,
        section: TrackSection,
        camera: CameraSection,
        new_id: Callable[[], str] = random_visit_id,
    ) -> None:
        self._section = section
        self._zone = camera.customer_zone
        self._camera_id = camera.id
        self._new_id = new_id
        self._present: list[_Presence] = []

    def update(self, frame: Frame, faces: Sequence[TrackedFace]) -> list[VisitStarted | VisitEnded]:
        """Return the visits that this frame began or ended, in that order.

        Args:
            frame: Its time and size are used.
            faces: Its confirmed faces.
        """
        ended = self.expire(frame.at_s)
        known = {presence.track_id: presence for presence in self._present}
        inside = [face for face in faces if self._is_inside(frame, face)]
        newcomers = []
        for face in inside:
            if face.track_id in known:
                known[face.track_id].see(face, frame.at_s)
            else:
                newcomers.append(face)
        for face in newcomers:
            self._welcome(face, frame.at_s)
        return [*self._start(), *ended]

    def visit_of(self, track_id: int) -> str | None:
        """Return the open visit of a track, or None when it has none (yet)."""
        for presence in self._present:
            if presence.track_id == track_id and presence.started:
                return presence.visit_id
        return None

    def expire(self, at_s: float) -> list[VisitEnded]:
        """End the visits of those who have been away too long, without a frame."""
        absence_s = self._section.absence_s
        return self._end(p for p in self._present if at_s - p.last_at_s > absence_s)

    def close(self, at_s: float) -> list[VisitEnded]:
        """End every open visit: the stream is over at `at_s`."""
        del at_s  # A visit ends when the person was last seen.
        return self._end(self._present)

    def _is_inside(self, frame: Frame, face: TrackedFace) -> bool:
        height, width = frame.pixels.shape[:2]
        return self._zone is None or centre_is_inside(self._zone, face.box, width, height)

    def _welcome(self, face: TrackedFace, at_s: float) -> None:
        """Take a new track for the nearest person lost there, or for a new person."""
        lost = [p for p in self._present if p.last_at_s < at_s and _same_place(p.box, face.box)]
        if lost:
            min(lost, key=lambda p: distance_px(p.box, face.box)).see(face, at_s)
        else:
            self._present.append(_Presence(self._new_id(), face.track_id, face.box, at_s, at_s))

    def _start(self) -> list[VisitStarted]:
        begun = [
            presence
            for presence in self._present
            if not presence.started and presence.seen_s >= self._section.visit_min_s
        ]
        for presence in begun:
            presence.started = True
        return [VisitStarted(self._camera_id, p.visit_id, p.first_at_s) for p in begun]

    def _end(self, gone: Iterable[_Presence]) -> list[VisitEnded]:
        leaving = list(gone)
        self._present = [presence for presence in self._present if presence not in leaving]
        return [VisitEnded(self._camera_id, p.visit_id, p.last_at_s) for p in leaving if p.started]


def _same_place(lost: FaceBox, found: FaceBox) -> bool:
    wider, narrower = max(lost.width_px, found.width_px), min(lost.width_px, found.width_px)
    if wider > narrower * SAME_SIZE_FACTOR:
        return False
    return distance_px(lost, found) <= wider * SAME_PLACE_WIDTHS
