"""Follows faces over frames with ByteTrack from the `trackers` library."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import supervision
from trackers import ByteTrackTracker

from agent.config.vision import TrackSection
from agent.records import FaceBox, TrackedFace

#: The library counts its buffer of lost tracks in frames of this rate, and converts it
#: to seconds when it is given timestamps.
_BUFFER_RATE_HZ = 30.0
#: Boxes of one face in neighbouring frames overlap at least so much: a face that crosses
#: a picture of 640 px in 2 s at 10 frames a second moves half its width.
_MIN_IOU_RATIO = 0.1
#: Frames of one instant, or out of order, are set so far apart.
_MIN_STEP_S = 1e-3


class ByteTracker:
    """Gives each face a track id that stays while the face is in view.

    The frame rate may be any, and may vary: the motion model and the patience with lost
    tracks run on the frames' own times.
    """

    def __init__(self, section: TrackSection) -> None:
        # One frame more than asked: the library adds up time steps, which rounds.
        buffer = math.ceil(section.lost_after_s * _BUFFER_RATE_HZ) + 1
        # All boxes have passed the detector's threshold, so none is too weak to begin a
        # track; 0 frames until maturity, because a count of frames depends on the rate.
        self._tracker = ByteTrackTracker(
            lost_track_buffer=buffer,
            frame_rate=_BUFFER_RATE_HZ,
            track_activation_threshold=0.0,
            minimum_consecutive_frames=0,
            minimum_iou_threshold=_MIN_IOU_RATIO,
            high_conf_det_threshold=0.0,
        )
        self._track_ids = itertools.count(1)
        self._last_at_s = -math.inf

    def update(self, boxes: Sequence[FaceBox], at_s: float) -> list[TrackedFace]:
        """Return the faces of this frame with their track ids, in the order of `boxes`.

        Args:
            boxes: The detections of one frame; none is a frame too.
            at_s: The frame's time.
        """
        self._last_at_s = max(at_s, self._last_at_s + _MIN_STEP_S)
        result = self._tracker.update(_detections(boxes), timestamp=self._last_at_s)
        if not boxes:
            return []
        indices, track_ids = np.asarray(result.data["index"]), np.asarray(result.tracker_id)
        followed = dict(zip(indices.tolist(), track_ids.tolist(), strict=True))
        new = [index for index, track_id in followed.items() if track_id < 0]
        followed |= self._name_new_tracks(boxes, new)
        return [TrackedFace(followed[index], box) for index, box in enumerate(boxes)]

    def reset(self) -> None:
        """Forget all tracks; their ids do not come back."""
        self._tracker.reset()

    def _name_new_tracks(self, boxes: Sequence[FaceBox], new: list[int]) -> dict[int, int]:
        """Give the tracks that this frame began their ids at once.

        The library would give them with the next detection only; it leaves alone a track
        that already has one.
        """
        unnamed = defaultdict(list)  # two faces may have the same corner
        for track in self._tracker.tracks:
            if track.tracker_id < 0:
                unnamed[_corner(track.get_state_bbox().tolist())].append(track)
        named = {}
        for index in new:
            named[index] = next(self._track_ids)
            there = unnamed[_corner(_edges(boxes[index]))]
            if there:
                there.pop().tracker_id = named[index]
        return named


def _edges(box: FaceBox) -> tuple[float, float, float, float]:
    return (
        box.left_px,
        box.top_px,
        box.left_px + box.width_px,
        box.top_px + box.height_px,
    )


def _corner(edges: Sequence[float]) -> tuple[int, int]:
    return round(edges[0]), round(edges[1])


def _detections(boxes: Sequence[FaceBox]) -> supervision.Detections:
    edges = np.array([_edges(box) for box in boxes], np.float32).reshape(-1, 4)
    scores = np.array([box.score_ratio for box in boxes], np.float32)
    return supervision.Detections(
        xyxy=edges, confidence=scores, data={"index": np.arange(len(boxes))}
    )
