import os

import numpy as np
import pytest

from agent.capture.slots import FrameSlots, map_slots
from agent.errors import ProtocolError


def test_a_reader_sees_what_the_writer_wrote_and_cannot_change_it() -> None:
    slots = FrameSlots(4, 6)
    slots.slot(1)[:] = 7
    seen = map_slots(slots.fileno(), 4, 6)
    assert seen.shape == (2, 4, 6, 3)
    assert (seen[1] == 7).all()
    assert not seen[0].any()
    with pytest.raises(ValueError, match="read-only"):
        seen[0, 0, 0, 0] = 1


def test_a_view_outlives_writer_and_descriptor() -> None:
    slots = FrameSlots(4, 6)
    slots.slot(0)[:] = 9
    seen = map_slots(slots.fileno(), 4, 6)[0]
    slots.close()
    assert (seen == 9).all()


def test_the_memory_cannot_be_shrunk_under_a_reader() -> None:
    slots = FrameSlots(4, 6)
    with pytest.raises(PermissionError):
        os.ftruncate(slots.fileno(), 0)


@pytest.mark.parametrize(("height_px", "width_px"), [(0, 6), (-4, 6), (20_000, 20_000)])
def test_an_implausible_size_is_refused_on_both_sides(height_px: int, width_px: int) -> None:
    with pytest.raises(ValueError, match="px"):
        FrameSlots(height_px, width_px)
    with pytest.raises(ProtocolError):
        map_slots(FrameSlots(4, 6).fileno(), height_px, width_px)


def test_memory_of_another_size_or_kind_is_refused() -> None:
    with pytest.raises(ProtocolError, match="another size"):
        map_slots(FrameSlots(4, 6).fileno(), 5, 6)
    unsealed = os.memfd_create("x", os.MFD_ALLOW_SEALING)
    os.ftruncate(unsealed, 2 * 4 * 6 * 3)
    with pytest.raises(ProtocolError, match="not sealed"):
        map_slots(unsealed, 4, 6)
    read_end, _ = os.pipe()
    with pytest.raises(ProtocolError, match="not a memfd"):
        map_slots(read_end, 4, 6)


def test_slots_leave_no_descriptor_behind() -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (one call, no paths wanted)
    for _ in range(50):
        slots = FrameSlots(4, 6)
        assert np.count_nonzero(map_slots(slots.fileno(), 4, 6)) == 0
        slots.close()
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # noqa: PTH208
