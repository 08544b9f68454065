"""What is said, and when nothing is."""

from __future__ import annotations

import pytest

from agent.announcer import MAX_REASON_CHARACTERS, Announcer
from agent.clock import ReplayClock
from agent.observe.metrics import Metrics
from agent.publish.events import CameraStatusPayload, ModelPart, StatePayload
from agent.publish.publisher import OutboundMessage
from agent.publish.topics import TopicKey
from agent.records import CameraStatus


class Spoken:
    """A publisher that remembers."""

    def __init__(self) -> None:
        self.messages: list[OutboundMessage] = []

    def publish(self, *messages: OutboundMessage) -> None:
        self.messages += messages

    def last_state(self) -> StatePayload:
        payload = next(m for m in reversed(self.messages) if m.key == TopicKey.STATE).payload
        assert isinstance(payload, StatePayload)
        return payload


@pytest.fixture
def spoken() -> Spoken:
    return Spoken()


@pytest.fixture
def announcer(spoken: Spoken) -> Announcer:
    model = ModelPart(name="age", sha256="0" * 64, licence="research use")
    return Announcer(spoken, ReplayClock(1_000.0), "digest", model, Metrics())


def test_a_lost_camera_is_said_of_itself_and_of_the_agent(
    announcer: Announcer, spoken: Spoken
) -> None:
    announcer.camera(CameraStatus("till", "stalled", 990.0, "no frame for 3 s"))

    camera, state = spoken.messages
    assert (camera.key, camera.camera_id) == (TopicKey.CAMERA_STATUS, "till")
    assert isinstance(camera.payload, CameraStatusPayload)
    assert camera.payload.since == "1970-01-01T00:16:30.000Z"
    assert state.key == TopicKey.STATE
    assert spoken.last_state().degraded == ("camera till is stalled",)


def test_a_camera_that_is_back_is_no_longer_a_reason(announcer: Announcer, spoken: Spoken) -> None:
    announcer.camera(CameraStatus("till", "offline", 990.0))
    announcer.camera(CameraStatus("till", "online", 995.0))

    assert spoken.last_state().degraded == ()
    assert announcer.cameras_online == 1


def test_an_unchanged_reason_is_said_once(announcer: Announcer, spoken: Spoken) -> None:
    announcer.degraded("disk full")
    announcer.degraded("disk full")

    assert len(spoken.messages) == 1
    announcer.degraded()
    assert spoken.last_state().degraded == ()


def test_drops_of_the_outbox_are_said_when_they_grow(announcer: Announcer, spoken: Spoken) -> None:
    announcer.outbox({})
    assert spoken.messages == []

    announcer.outbox({"rows": 3})
    announcer.outbox({"rows": 3})

    assert len(spoken.messages) == 1
    assert spoken.last_state().outbox.dropped == {"rows": 3}


def test_the_debug_view_is_said_while_it_is_on(announcer: Announcer, spoken: Spoken) -> None:
    announcer.debug_view(is_on=False)
    assert spoken.messages == []

    announcer.debug_view(is_on=True)
    announcer.debug_view(is_on=True)
    assert len(spoken.messages) == 1
    assert spoken.last_state().debug_view

    announcer.degraded("disk full")
    assert spoken.last_state().debug_view
    announcer.debug_view(is_on=False)
    assert not spoken.last_state().debug_view


def test_a_stop_takes_every_camera_offline_and_says_why(
    announcer: Announcer, spoken: Spoken
) -> None:
    announcer.camera(CameraStatus("a", "online", 990.0))
    announcer.camera(CameraStatus("b", "stalled", 990.0))

    announcer.stop("stopped by SIGTERM")

    state = spoken.last_state()
    assert {camera.state for camera in state.cameras} == {"offline"}
    assert state.stopped == "stopped by SIGTERM"


def test_a_camera_that_is_online_and_sees_nothing_is_a_reason(
    announcer: Announcer, spoken: Spoken
) -> None:
    announcer.camera(CameraStatus("till", "online", 990.0, "the picture is black"))

    assert spoken.last_state().degraded == ("camera till: the picture is black",)
    assert announcer.cameras_online == 1


def test_a_lost_vision_process_is_said_once_with_its_reason_until_it_is_back(
    announcer: Announcer, spoken: Spoken
) -> None:
    announcer.vision("the vision process was killed by SIGKILL")
    announcer.vision("the vision process was killed by SIGKILL")
    announcer.degraded("disk full")

    assert spoken.last_state().degraded == ("the vision process was killed by SIGKILL", "disk full")
    assert len(spoken.messages) == 2
    announcer.vision("")
    assert spoken.last_state().degraded == ("disk full",)


def test_last_words_without_end_are_cut(announcer: Announcer, spoken: Spoken) -> None:
    announcer.vision("x" * 5000)

    assert spoken.last_state().degraded == ("x" * MAX_REASON_CHARACTERS,)
