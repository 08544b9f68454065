"""A vision process that only counts: the frame socket's reading end without any network.

Sends one VisionProgress a frame, whose `faces` is the mean colour of the left half, coded as
red * 256 + blue, and ends a replay as the real one does.
"""

from __future__ import annotations

import json
import os
import select
import time

from agent import wire
from agent.capture.channel import FrameReceiver, StreamEnded
from agent.records import Frame, Hello, PipeRecord, VisionProgress
from agent.sandbox import die_with_parent


def main() -> None:
    die_with_parent()
    with os.fdopen(0, "rb", buffering=0, closefd=False) as stdin:
        settings = json.loads(stdin.readline())
    lossless = settings["lossless"]
    cameras = [camera["id"] for camera in settings["config"]["cameras"]]
    receiver = FrameReceiver(settings["socket_path"], cameras, lossless=lossless)
    say(Hello("vision", os.getpid()))
    frames = 0
    while not select.select([0], [], [], 0)[0]:
        item = receiver.next(0.05)
        if isinstance(item, Frame):
            frames += 1
            left = item.pixels[:, : item.pixels.shape[1] // 2]
            colour = int(left[..., 0].mean()) * 256 + int(left[..., 2].mean())
            say(VisionProgress(item.at_s, frames=frames, faces=colour, visits=item.index))
        elif isinstance(item, StreamEnded) and lossless and receiver.all_ended:
            say(VisionProgress(0.0, frames=frames, finished=True))
            return
        elif item is None and not lossless:
            say(VisionProgress(time.monotonic(), frames=frames))


def say(record: PipeRecord) -> None:
    os.write(1, wire.encode(record) + b"\n")


if __name__ == "__main__":
    main()
