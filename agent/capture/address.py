"""What kind of source an address is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

SourceKind = Literal["device", "stream", "file"]

_DEVICE = re.compile(r"\d+|/dev/.+")


def kind_of(address: str) -> SourceKind:
    """Return whether an address is a V4L2 device, a stream on the network, or a file."""
    if "://" in address:
        return "stream"
    return "device" if _DEVICE.fullmatch(address) else "file"


def device_of(address: str) -> int | str:
    """Return the V4L2 index, or the device's path, as OpenCV wants it."""
    return int(address) if address.isdigit() else str(Path(address))
