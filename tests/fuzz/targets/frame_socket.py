"""What a capture process sends to the one that sees: a packet a line, on a real socket.

A line that begins with `@` brings a good memfd of two pictures of 2 x 2 px, with `!` one that is
not sealed, with `#` one of another size, with `%` a descriptor that is none.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agent.capture.channel import FrameReceiver
from agent.capture.messages import EndMessage, FrameMessage, SlotsMessage, encode
from agent.capture.slots import FrameSlots
from agent.records import Frame
from tests.fuzz.targets.target import Entry, Target

CAMERA = "till"
SIZE_BYTES = 2 * 2 * 2 * 3
MAX_PACKETS = 20


def seeds() -> Sequence[bytes]:
    """Return a short stream, one that ends, and slots that are not what they seem."""
    slots = encode(SlotsMessage(CAMERA, 2, 2))
    frames = [encode(FrameMessage(n, n / 10, 0.0, 1 if n % 2 else 0, 0)) for n in range(3)]
    stream = b"@" + slots + b"\n" + b"\n".join(frames)
    odd = [mark + slots + b"\n" + frames[0] for mark in (b"!", b"#", b"%")]
    return [stream, stream + b"\n" + encode(EndMessage()), slots, *odd]


@contextmanager
def opened(folder: Path) -> Iterator[Entry]:
    """Give a receiver that lives on; every case is a connection of its own."""
    receiver = FrameReceiver(str(folder / "frames"), [CAMERA])
    memories = _memories(folder)

    def entry(content: bytes) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(str(folder / "frames"))
        connection.setblocking(False)
        receiver.next(0.0)
        for line in content.split(b"\n")[:MAX_PACKETS]:
            _send(connection, line, memories)
            _look(receiver.next(0.0))
        connection.close()
        _look(receiver.next(0.0))
        receiver.next(0.0)

    yield entry
    receiver.close()
    for descriptor in memories.values():
        os.close(descriptor)


def _memories(folder: Path) -> dict[bytes, int]:
    good = os.dup(FrameSlots(2, 2).fileno())
    unsealed, small = os.memfd_create("unsealed"), os.memfd_create("small", os.MFD_ALLOW_SEALING)
    os.ftruncate(unsealed, SIZE_BYTES)
    fcntl.fcntl(small, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    plain = os.open(folder, os.O_RDONLY)
    return {b"@": good, b"!": unsealed, b"#": small, b"%": plain}


def _send(connection: socket.socket, line: bytes, memories: dict[bytes, int]) -> None:
    descriptor = memories.get(line[:1])
    with contextlib.suppress(OSError):  # the receiver has hung up, or the packet is too long
        if descriptor is None:
            connection.send(line)
        else:
            socket.send_fds(connection, [line[1:]], [descriptor])


def _look(item: object) -> None:
    if isinstance(item, Frame):
        assert item.camera_id == CAMERA
        assert item.pixels.nbytes == SIZE_BYTES // 2
        assert int(item.pixels.sum()) == 0, "every byte can be read"


TARGET = Target(
    name="frame_socket",
    cases=2500,
    modules=("agent.capture.channel", "agent.capture.messages", "agent.capture.slots"),
    seeds=seeds,
    opened=opened,
)
