"""The soaks' short forms; `make soak` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak import frames, visits
from tests.soak.customers import frames as shown
from tests.soak.judgement import judge
from tests.soak.samples import Sample

pytestmark = [pytest.mark.mosquitto, pytest.mark.slow]
FRAMES, VISITS = 70, 300
#: The networks' memory still rises in the first seconds; the long form judges it too.
TELLS_AT_ONCE = {"capture_mb", "threads", "open_files", "memfds", "named_segments"}


@pytest.mark.parametrize("count", [1, 3, 10])
def test_as_many_visits_are_shown_as_were_asked_for(count: int) -> None:
    taken = list(shown(count, "till"))
    assert taken[-1][2] == count
    assert max(len(faces) for _, faces, _ in taken) == min(count, 2)
    assert taken[-1][1] == [], "the last one has gone"


def test_visits_arrive_exactly_once_and_nothing_grows(tmp_path: Path) -> None:
    samples = visits.soak(tmp_path, VISITS, 0.02, lambda done: None)
    assert [verdict for verdict in judge(samples) if verdict.has_grown] == []
    assert samples[-1].done == VISITS


def test_real_frames_leave_nothing_behind_after_a_kill(tmp_path: Path) -> None:
    told: list[Sample] = []
    samples = frames.soak(tmp_path, FRAMES, 0.1, told.append, cameras=1)
    assert samples[-1].done >= FRAMES
    assert told == samples
    last = samples[-1]
    assert last.memfds >= 1, "frames travel in one"
    assert min(last.agent_mb, last.vision_mb, last.capture_mb) > 0
    assert TELLS_AT_ONCE & {each.name for each in judge(samples) if each.has_grown} == set()
