"""What is said on the frame socket, one JSON object a packet.

capture -> vision: `slots` with a memfd, then one `frame` for each picture, `end` at the end.
vision -> capture: `ready`, one byte, when it wants the next picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from agent.errors import ProtocolError

#: The vision process wants one more picture.
READY = b"r"
MAX_MESSAGE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class SlotsMessage:
    """The memfd beside this message holds two pictures of this size."""

    camera_id: str
    height_px: int
    width_px: int
    kind: Literal["slots"] = "slots"


@dataclass(frozen=True, slots=True)
class FrameMessage:
    """A picture lies in a slot.

    Attributes:
        index: Number of the picture in its stream, from 0; gaps are dropped pictures.
        at_s: Monotonic time, or the video's time in a replay.
        dropped: Pictures dropped so far.
    """

    index: int
    at_s: float
    wall_s: float
    slot: Literal[0, 1]
    dropped: int
    kind: Literal["frame"] = "frame"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.at_s) and math.isfinite(self.wall_s)):
            raise ValueError("time must be finite")


@dataclass(frozen=True, slots=True)
class EndMessage:
    """The recording is over."""

    kind: Literal["end"] = "end"


CaptureMessage = SlotsMessage | FrameMessage | EndMessage
_MESSAGE: TypeAdapter[CaptureMessage] = TypeAdapter(
    Annotated[CaptureMessage, Field(discriminator="kind")]
)


def encode(message: CaptureMessage) -> bytes:
    """Return the message as one packet."""
    return _MESSAGE.dump_json(message)


def decode(packet: bytes) -> CaptureMessage:
    """Return the message of a packet.

    Raises:
        ProtocolError: The packet breaks the schema.
    """
    try:
        return _MESSAGE.validate_json(packet)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place, reason = str(first["loc"])[:80], first["msg"][:200]
        raise ProtocolError(f"frame socket: {place}: {reason}") from None
