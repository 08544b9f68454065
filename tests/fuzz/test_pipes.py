"""What comes over the pipes: records of the processes that decode hostile pictures."""

from __future__ import annotations

import json
import random
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from agent import wire
from agent.capture.messages import FrameMessage, SlotsMessage, decode, encode
from agent.errors import ProtocolError
from agent.processes.child_process import LineBuffer
from agent.records import (
    AGE_CLASSES,
    AgeDistribution,
    AgeEstimate,
    CaptureEnded,
    CaptureProgress,
    Hello,
    VisionProgress,
    VisitEnded,
    VisitStarted,
)
from tests.fuzz.inputs import (
    FAST_CASES,
    SEED,
    bounded,
    changed_json,
    count_taken,
    is_taken,
    mutants,
)

RECORDS = [
    wire.encode(record)
    for record in (
        Hello("vision", 7, "x"),
        VisitStarted("till", "v", 1.0),
        VisitEnded("till", "v", 2.0),
        AgeEstimate("till", "v", 1.0, 0.5, AgeDistribution((1.0,) + (0.0,) * (AGE_CLASSES - 1))),
        CaptureProgress("till", 1.0, 5, 0, 9),
        CaptureEnded("till", 1.0, "gone", "short"),
        VisionProgress(1.0, 2, 3, 4, 5, 6, (0, 1), {"blurred": 2}, finished=True),
    )
]
FRAMES = [encode(SlotsMessage("till", 120, 160)), encode(FrameMessage(1, 2.0, 3.0, 1, 0))]


def test_a_changed_record_is_taken_or_refused() -> None:
    taken = count_taken(wire.decode, mutants(RECORDS, FAST_CASES), ProtocolError)
    assert 0 < taken < FAST_CASES


@bounded
@given(changed_json([json.loads(record) for record in RECORDS]) | st.binary(max_size=500))
def test_a_record_of_any_kind_is_taken_or_refused(line: bytes) -> None:
    is_taken(partial(wire.decode, line), ProtocolError)


def test_a_changed_frame_message_is_taken_or_refused() -> None:
    taken = count_taken(decode, mutants(FRAMES, FAST_CASES), ProtocolError)
    assert 0 < taken < FAST_CASES


def test_lines_are_cut_the_same_however_the_bytes_arrive() -> None:
    chance = random.Random(SEED)
    for content in mutants([b"\n".join(RECORDS)], 300):
        whole, in_parts = LineBuffer(2000), LineBuffer(2000)
        expected = whole.feed(content + b"\n")
        lines: list[bytes] = []
        rest = content + b"\n"
        while rest:
            size = chance.randint(1, 700)
            lines += in_parts.feed(rest[:size])
            rest = rest[size:]
        assert lines == expected
        assert whole.too_long == in_parts.too_long
