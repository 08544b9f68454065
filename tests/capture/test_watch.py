import functools

import pytest

from agent.capture.watch import CameraWatch
from agent.clock import ReplayClock
from agent.config.vision import CaptureSection
from agent.records import CaptureProgress

read = functools.partial(CaptureProgress, "till", 0.0, frames_dropped=0)


@pytest.fixture
def clock() -> ReplayClock:
    return ReplayClock(start_wall_s=1000.0, now_s=50.0)


@pytest.fixture
def watch(clock: ReplayClock) -> CameraWatch:
    section = CaptureSection(
        stall_after_s=3.0, kill_after_s=6.0, open_timeout_s=5.0, read_timeout_s=4.0
    )
    return CameraWatch("till", section, clock)


def test_a_camera_is_offline_until_its_first_frame(watch: CameraWatch) -> None:
    started = watch.started()
    assert started is not None
    assert (started.state, started.detail) == ("offline", "starting")
    assert watch.progressed(read(0)) is None
    online = watch.progressed(read(1))
    assert online is not None
    assert (online.state, online.since_wall_s) == ("online", 1050.0)
    assert watch.progressed(read(2)) is None


def test_a_camera_whose_count_stands_still_is_stalled_then_killed(
    watch: CameraWatch, clock: ReplayClock
) -> None:
    watch.started()
    watch.progressed(read(1))
    clock.advance_to(52.9)
    watch.progressed(read(1))
    assert watch.check() is None
    clock.advance_to(53.0)
    stalled = watch.check()
    assert stalled is not None
    assert stalled.state == "stalled"
    assert watch.check() is None
    assert not watch.must_be_killed
    clock.advance_to(56.0)
    assert watch.must_be_killed


def test_a_stalled_camera_that_goes_on_is_online(watch: CameraWatch, clock: ReplayClock) -> None:
    watch.started()
    watch.progressed(read(1))
    clock.advance_to(54.0)
    watch.check()
    online = watch.progressed(read(2))
    assert online is not None
    assert online.state == "online"
    assert not watch.must_be_killed


def test_a_camera_silent_from_the_start_is_noticed_within_five_seconds(
    watch: CameraWatch, clock: ReplayClock
) -> None:
    watch.started()
    clock.advance_to(54.0)
    stalled = watch.check()
    assert stalled is not None
    assert stalled.state == "stalled"


def test_opening_may_take_its_own_time_before_the_process_is_killed(
    watch: CameraWatch, clock: ReplayClock
) -> None:
    watch.started()
    clock.advance_to(58.0)
    assert not watch.must_be_killed
    clock.advance_to(60.0)
    assert watch.must_be_killed


def test_a_camera_that_failed_stays_offline_however_often_it_is_tried(
    watch: CameraWatch, clock: ReplayClock
) -> None:
    watch.started()
    assert watch.lost("refused") is not None
    for _ in range(3):
        assert watch.started() is None
        clock.advance_to(clock.now_s() + 5)
        assert watch.check() is None
        assert watch.lost("refused") is None
    online = watch.progressed(read(1))
    assert online is not None
    assert online.state == "online"


def test_a_camera_is_steady_after_ten_seconds_online(
    watch: CameraWatch, clock: ReplayClock
) -> None:
    watch.started()
    watch.progressed(read(1))
    clock.advance_to(59.9)
    assert not watch.is_steady
    clock.advance_to(60.0)
    steady_before = bool(watch.is_steady)
    watch.lost("gone")
    assert (steady_before, watch.is_steady) == (True, False)


def test_a_camera_that_repeats_its_picture_is_stalled_but_not_opened_again(
    watch: CameraWatch, clock: ReplayClock
) -> None:
    watch.started()
    watch.progressed(read(5))
    for second in range(1, 60):
        clock.advance_to(50.0 + second)
        assert watch.progressed(read(5 + 10 * second, frames_repeated=10 * second)) is None
        status = watch.check()
        assert (status is not None) == (second == 4)
        if status is not None:
            assert (status.state, "the very same picture" in status.detail) == ("stalled", True)
        assert not watch.must_be_killed
    again = watch.progressed(read(600, frames_repeated=590))
    assert again is not None
    assert (again.state, again.detail) == ("online", "")


def test_a_camera_that_hangs_with_a_repeated_picture_is_killed_all_the_same(
    watch: CameraWatch, clock: ReplayClock
) -> None:
    watch.started()
    watch.progressed(read(5))
    clock.advance_to(54.0)
    watch.progressed(read(40, frames_repeated=35))
    watch.check()
    clock.advance_to(60.0)
    assert watch.must_be_killed


def test_black_pictures_are_said_when_they_last_and_taken_back(
    watch: CameraWatch, clock: ReplayClock
) -> None:
    watch.started()
    watch.progressed(read(1, is_black=True))
    clock.advance_to(51.0)
    assert watch.progressed(read(2)) is None  # a passing shadow
    clock.advance_to(52.0)
    assert watch.progressed(read(3, is_black=True)) is None
    clock.advance_to(54.0)
    black = watch.progressed(read(4, is_black=True))
    assert black is not None
    assert (black.state, black.detail[:20]) == ("online", "the picture is black")
    clear = watch.progressed(read(5))
    assert clear is not None
    assert (clear.state, clear.detail) == ("online", "")
