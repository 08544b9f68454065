"""What the vision process is told of the debug view, and how it speaks with the viewer.

On a unix socket of packets, in a private folder. viewer -> vision: the key, then a camera's id
whenever it wants a picture of that camera. vision -> viewer: `JOINED`, then pictures: the
camera's id, a line break, a JPEG. A picture that nobody has asked for is never made.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from agent.config.debug_view import LONGEST_S

#: Vision has accepted the viewer's key: the time of the debug view runs.
JOINED = b"joined"
#: Keys and camera ids are shorter.
MAX_REQUEST_BYTES = 128
#: Nothing honest is longer; the kernel's usual limit of one packet is 425,984 bytes.
MAX_PICTURE_BYTES = 400_000


class TapSettings(BaseModel):
    """Where the viewer joins, with which key, and for how long.

    Attributes:
        key: Keeps the capture processes out, which may connect to unix sockets too.
        duration_s: From the moment the viewer has joined.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    socket_path: str
    key: str = Field(min_length=16, max_length=64)
    duration_s: float = Field(gt=0, le=LONGEST_S)


def picture_packet(camera_id: str, jpeg: bytes) -> bytes:
    """Return a picture as one packet."""
    return camera_id.encode() + b"\n" + jpeg


def split_picture(packet: bytes) -> tuple[str, bytes]:
    """Return camera id and JPEG of a packet; the id is empty when it is none."""
    name, _, jpeg = packet.partition(b"\n")
    return name.decode("ascii", "replace"), jpeg
