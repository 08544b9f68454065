"""What H.264 does to a face in a camera's stream."""

from __future__ import annotations

import io

import av
import cv2
import numpy as np

from agent.records import UInt8Array

RATE_HZ = 25


def through_h264(crop: UInt8Array, crf: int, moved_px: tuple[int, int]) -> UInt8Array:
    """Return the crop as the second picture of a stream, predicted from the one before it.

    About 5 ms at 96 px (2026-11).

    Args:
        crop: (height, width, 3) uint8, RGB; height and width even.
        crf: Constant rate factor of x264: 24 is good, 40 bad.
        moved_px: How far the face has moved since the picture before, x and y.
    """
    shift = np.array([[1, 0, -moved_px[0]], [0, 1, -moved_px[1]]], np.float32)
    size = (crop.shape[1], crop.shape[0])
    before = cv2.warpAffine(crop, shift, size, borderMode=cv2.BORDER_REPLICATE)
    pictures = _decoded(_encoded([np.asarray(before, np.uint8), crop], crf))
    return pictures[-1]


def _encoded(pictures: list[UInt8Array], crf: int) -> io.BytesIO:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        stream.options = {"crf": str(crf), "preset": "ultrafast", "tune": "zerolatency"}
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    buffer.seek(0)
    return buffer


def _decoded(buffer: io.BytesIO) -> list[UInt8Array]:
    with av.open(buffer, "r") as container:
        frames = container.decode(video=0)
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in frames]
