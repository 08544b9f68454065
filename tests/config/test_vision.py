"""Defaults that have to fit together."""

from __future__ import annotations

from agent.capture.process import PROGRESS_INTERVAL_S
from agent.capture.watch import PROCESS_START_S
from agent.config.messaging import MqttSection
from agent.config.vision import CaptureSection

#: Of a fault's end: the promise of the README and the fault campaign.
NORMAL_WITHIN_S = 10.0
NOTICED_WITHIN_S = 5.0


def test_a_camera_or_broker_that_is_back_is_found_within_ten_seconds() -> None:
    capture, mqtt = CaptureSection(), MqttSection()
    assert capture.backoff_max_s + PROCESS_START_S + capture.open_timeout_s <= NORMAL_WITHIN_S
    assert mqtt.backoff_max_s + mqtt.connect_timeout_s <= NORMAL_WITHIN_S


def test_a_camera_that_stands_still_in_any_way_is_noticed_within_five_seconds() -> None:
    capture = CaptureSection()
    slowest_s = max(capture.stall_after_s, capture.frozen_after_s)
    assert slowest_s + 2 * PROGRESS_INTERVAL_S <= NOTICED_WITHIN_S
