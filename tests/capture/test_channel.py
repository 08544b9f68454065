from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.capture.channel import FrameReceiver, StreamEnded
from agent.capture.messages import EndMessage, FrameMessage, SlotsMessage, decode, encode
from agent.capture.pictures import Mailbox, Picture
from agent.capture.sender import FrameSender
from agent.capture.slots import FrameSlots
from agent.errors import ProtocolError
from agent.records import Frame

#: Long, because a loaded machine may let a thread wait; it is taken only when a test fails.
SENT_WITHIN_S = 20.0
Receiving = Callable[..., FrameReceiver]


@pytest.fixture
def receiving(tmp_path: Path) -> Iterator[Receiving]:
    receivers: list[FrameReceiver] = []

    def make(*camera_ids: str, lossless: bool = False) -> FrameReceiver:
        receivers.append(FrameReceiver(path_of(tmp_path), camera_ids, lossless))
        return receivers[-1]

    yield make
    for receiver in receivers:
        receiver.close()


def path_of(folder: Path) -> str:
    return str(folder / "frames")


def picture(index: int, at_s: float, value: int, size_px: tuple[int, int] = (8, 10)) -> Picture:
    pixels = np.zeros((*size_px, 3), np.uint8)
    pixels[..., 0] = value  # blue
    return Picture(pixels, index, at_s, 1000.0 + at_s)


class Capture:
    """A capture process's sending half, as a thread."""

    def __init__(
        self, folder: Path, camera_id: str, pictures: list[Picture], end: bool = True
    ) -> None:
        self.sender = FrameSender(path_of(folder), camera_id)
        self._pictures = pictures
        self._end = end
        self.thread = threading.Thread(target=self._run)

    def start(self) -> Capture:
        self.thread.start()
        return self

    def _run(self) -> None:
        assert self.sender.connect()
        for item in self._pictures:
            while self.sender.connected and not self.sender.is_wanted:
                self.sender.receive()
            self.sender.send(item, dropped=0)
        if self._end:
            self.sender.end()
        self.sender.close()


def frame_of(receiver: FrameReceiver) -> Frame:
    item = receiver.next(SENT_WITHIN_S)
    assert isinstance(item, Frame), item
    return item


def test_a_frame_arrives_in_rgb_with_its_times_and_cannot_be_changed(
    tmp_path: Path, receiving: Receiving
) -> None:
    receiver = receiving("till")
    capture = Capture(tmp_path, "till", [picture(4, 2.5, 200)]).start()
    frame = frame_of(receiver)
    assert (frame.camera_id, frame.index, frame.at_s, frame.wall_s) == ("till", 4, 2.5, 1002.5)
    assert frame.pixels.shape == (8, 10, 3)
    assert tuple(frame.pixels[0, 0]) == (0, 0, 200)
    with pytest.raises(ValueError, match="read-only"):
        frame.pixels[0, 0, 0] = 1
    assert receiver.next(SENT_WITHIN_S) == StreamEnded("till")
    assert receiver.all_ended
    capture.thread.join()


@pytest.mark.parametrize("lossless", [True, False])
def test_a_frame_stands_still_until_the_next_of_its_camera(
    tmp_path: Path, receiving: Receiving, lossless: bool
) -> None:
    receiver = receiving("till", lossless=lossless)
    pictures = [picture(number, number / 10, 10 + number) for number in range(20)]
    capture = Capture(tmp_path, "till", pictures).start()
    for number in range(20):
        frame = frame_of(receiver)
        time.sleep(0.002)  # what a hasty writer would need to write into the wrong slot
        assert (frame.pixels[..., 2] == 10 + number).all()
    capture.thread.join()


def test_recordings_are_merged_by_video_time_and_ties_by_the_order_of_cameras(
    tmp_path: Path, receiving: Receiving
) -> None:
    receiver = receiving("b", "a", lossless=True)
    slow = Capture(tmp_path, "a", [picture(n, n * 0.1, n) for n in range(5)]).start()
    time.sleep(0.05)  # "a" is there first and must be held back all the same
    fast = Capture(tmp_path, "b", [picture(n, n * 0.05, n) for n in range(5)]).start()
    seen: list[tuple[str, float] | str] = []
    while not receiver.all_ended:
        item = receiver.next(SENT_WITHIN_S)
        assert item is not None
        seen.append((item.camera_id, item.at_s) if isinstance(item, Frame) else item.camera_id)
    assert seen == [
        ("b", 0.0), ("a", 0.0), ("b", 0.05), ("b", 0.1), ("a", 0.1), ("b", 0.15000000000000002),
        ("b", 0.2), "b", ("a", 0.2), ("a", 0.30000000000000004), ("a", 0.4), "a",
    ]  # fmt: skip
    slow.thread.join()
    fast.thread.join()


def test_a_recording_that_has_not_connected_is_waited_for(
    tmp_path: Path, receiving: Receiving
) -> None:
    receiver = receiving("a", "b", lossless=True)
    capture = Capture(tmp_path, "a", [picture(0, 0.0, 1)]).start()
    assert receiver.next(0.1) is None
    receiver.close()
    capture.thread.join()


def test_a_recordings_process_that_dies_counts_as_its_end(
    tmp_path: Path, receiving: Receiving
) -> None:
    receiver = receiving("a", lossless=True)
    capture = Capture(tmp_path, "a", [picture(0, 0.0, 1)], end=False).start()
    assert frame_of(receiver).at_s == 0.0
    assert receiver.next(SENT_WITHIN_S) == StreamEnded("a")
    capture.thread.join()


def test_a_live_camera_may_die_and_come_back(tmp_path: Path, receiving: Receiving) -> None:
    receiver = receiving("a")
    first = Capture(tmp_path, "a", [picture(0, 0.0, 1)], end=False).start()
    assert frame_of(receiver).index == 0
    first.thread.join()
    assert receiver.next(0.05) is None
    assert not receiver.all_ended
    again = Capture(tmp_path, "a", [picture(7, 9.0, 1)], end=False).start()
    assert frame_of(receiver).index == 7
    again.thread.join()


def test_a_camera_may_change_its_size_in_mid_stream(tmp_path: Path, receiving: Receiving) -> None:
    receiver = receiving("a")
    sizes = [(8, 10), (8, 10), (16, 12), (8, 10)]
    pictures = [picture(n, n, 50 + n, size) for n, size in enumerate(sizes)]
    capture = Capture(tmp_path, "a", pictures).start()
    first = frame_of(receiver)
    seen = [frame_of(receiver) for _ in range(3)]
    assert [frame.pixels.shape[:2] for frame in (first, *seen)] == sizes
    assert [int(frame.pixels[0, 0, 2]) for frame in seen[1:]] == [52, 53]
    capture.thread.join()


def test_live_cameras_take_turns(tmp_path: Path, receiving: Receiving) -> None:
    receiver = receiving("a", "b", "c")
    captures = [
        Capture(tmp_path, name, [picture(n, n, n) for n in range(10)]).start() for name in "abc"
    ]
    while receiver.next(0.05) is None:
        pass
    time.sleep(0.1)
    turns = []
    for _ in range(12):
        turns.append(frame_of(receiver).camera_id)
        time.sleep(0.02)  # everybody has the next frame ready
    assert [turns.count(name) for name in "abc"] == [4, 4, 4]
    while not receiver.all_ended:
        receiver.next(SENT_WITHIN_S)
    for capture in captures:
        capture.thread.join()


def test_a_sender_without_a_reader_says_so_and_finds_the_next_one(
    tmp_path: Path, receiving: Receiving
) -> None:
    sender = FrameSender(path_of(tmp_path), "a")
    assert not sender.connect()
    first = receiving("a")
    assert sender.connect()
    first.next(0.02)
    first.close()
    while sender.connected:
        sender.receive()
    assert not sender.is_wanted
    receiving("a").next(0.0)
    assert sender.connect()
    sender.close()


@pytest.mark.parametrize(
    "packet",
    [
        b"\xff\xfe",
        b"{}",
        b'{"kind":"frame","index":0,"at_s":0,"wall_s":0,"slot":0,"dropped":0}',
        encode(SlotsMessage("till", 8, 10)),
        encode(SlotsMessage("stranger", 8, 10)),
    ],
)
def test_a_packet_that_breaks_the_protocol_costs_its_sender_the_connection(
    tmp_path: Path, receiving: Receiving, packet: bytes
) -> None:
    receiver = receiving("till")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as hostile:
        hostile.connect(path_of(tmp_path))
        hostile.send(packet)
        receiver.next(0.05)
        receiver.next(0.05)
        assert receiver.protocol_errors == 1
        assert hostile.recv(10) == b""


def test_slots_smaller_than_their_message_says_are_refused(
    tmp_path: Path, receiving: Receiving
) -> None:
    receiver = receiving("till")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as hostile:
        hostile.connect(path_of(tmp_path))
        slots = FrameSlots(8, 10)
        socket.send_fds(hostile, [encode(SlotsMessage("till", 800, 1000))], [slots.fileno()])
        receiver.next(0.05)
        receiver.next(0.05)
        assert receiver.protocol_errors == 1


def test_a_left_over_socket_is_replaced(tmp_path: Path, receiving: Receiving) -> None:
    Path(path_of(tmp_path)).touch()
    assert receiving("till").next(0.0) is None


def test_messages_survive_the_wire_and_times_must_be_finite() -> None:
    for message in (
        SlotsMessage("till", 8, 10),
        FrameMessage(index=3, at_s=0.1, wall_s=5.0, slot=1, dropped=2),
        EndMessage(),
    ):
        assert decode(encode(message)) == message
    with pytest.raises(ProtocolError):
        decode(b'{"kind":"frame","index":0,"at_s":1e999,"wall_s":0,"slot":0,"dropped":0}')


def test_a_camera_keeps_the_newest_picture_and_counts_the_dropped() -> None:
    mailbox = Mailbox(keeps_newest=True)
    for number in range(5):
        mailbox.put(picture(number, number, 0))
    taken = mailbox.take()
    assert taken is not None
    assert (taken.index, mailbox.dropped) == (4, 4)
    assert mailbox.take() is None


def test_a_recording_waits_until_its_picture_is_taken() -> None:
    mailbox = Mailbox(keeps_newest=False)

    def put_all() -> None:
        for number in range(50):
            mailbox.put(picture(number, number, 0))

    thread = threading.Thread(target=put_all)
    thread.start()
    seen: list[int] = []
    while len(seen) < 50:
        taken = mailbox.take()
        if taken is not None:
            seen.append(taken.index)
    thread.join()
    assert seen == list(range(50))
    assert mailbox.dropped == 0


def test_a_waiting_reader_goes_on_when_the_mailbox_closes() -> None:
    mailbox = Mailbox(keeps_newest=False)
    mailbox.put(picture(0, 0, 0))
    thread = threading.Thread(target=lambda: mailbox.put(picture(1, 1, 0)))
    thread.start()
    mailbox.close()
    thread.join(SENT_WITHIN_S)
    assert not thread.is_alive()


def test_what_was_sent_before_a_reset_is_still_read(tmp_path: Path, receiving: Receiving) -> None:
    receiver = receiving("till")
    sender = FrameSender(path_of(tmp_path), "till")
    assert sender.connect()
    assert receiver.next(0.2) is None  # it has asked for a frame by now
    sender.end()
    sender.close()  # with the READY unread: the kernel resets the connection

    assert receiver.next(SENT_WITHIN_S) == StreamEnded("till")
