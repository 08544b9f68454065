"""The counters, read back as Prometheus would."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.latencies import AgentStage, Stopwatch, VisionStage
from agent.observe.metrics import Metrics
from agent.outcomes import AgeGroupSeen, Alert, SaleAudit
from agent.records import CameraStatus, CaptureProgress, VisionProgress


def samples(metrics: Metrics) -> dict[str, float]:
    """Return `name{label values}` of everything on the page."""
    return {
        f"{sample.name}{{{','.join(sample.labels.values())}}}": sample.value
        for family in text_string_to_metric_families(metrics.page().decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_reports_of_the_vision_process_are_sums_since_its_start() -> None:
    metrics = Metrics()
    metrics.vision_progress(VisionProgress(1.0, frames=10, faces=4, rejected={"small": 2}))
    metrics.vision_progress(VisionProgress(2.0, frames=15, faces=4, rejected={"small": 3}))
    found = samples(metrics)
    assert found["checkout_vision_frames_total{}"] == 15
    assert found["checkout_vision_faces_total{}"] == 4
    assert found["checkout_vision_crops_rejected_total{small}"] == 3


def test_a_restarted_vision_process_counts_on() -> None:
    metrics = Metrics()
    metrics.vision_progress(VisionProgress(1.0, frames=10))
    metrics.vision_progress(VisionProgress(2.0, frames=3))
    assert samples(metrics)["checkout_vision_frames_total{}"] == 13


def test_the_batch_histogram_follows_the_reported_one() -> None:
    metrics = Metrics()
    metrics.vision_progress(VisionProgress(1.0, batch_sizes=(0, 2, 0, 1)))
    metrics.vision_progress(VisionProgress(2.0, batch_sizes=(0, 2, 0, 2)))
    found = samples(metrics)
    assert found["checkout_vision_batch_crops_count{}"] == 4
    assert found["checkout_vision_batch_crops_sum{}"] == 8
    assert found["checkout_vision_batch_crops_bucket{2.0}"] == 2


def test_a_flood_of_made_up_reasons_does_not_grow_the_page() -> None:
    metrics = Metrics()
    for number in range(1, 200):
        reasons = {f"made-up-{index}": number for index in range(number)}
        metrics.vision_progress(VisionProgress(float(number), rejected=reasons))
    lines = [key for key in samples(metrics) if key.startswith("checkout_vision_crops_rejected")]
    assert len(lines) <= 33


def test_cameras_are_counted_apart() -> None:
    metrics = Metrics()
    metrics.capture_progress(CaptureProgress("a", 1.0, frames_read=5, frames_dropped=1))
    metrics.capture_progress(CaptureProgress("b", 1.0, frames_read=7, frames_dropped=0))
    metrics.capture_progress(CaptureProgress("a", 2.0, frames_read=9, frames_dropped=1))
    metrics.camera_status(CameraStatus("a", "online", 0.0))
    metrics.camera_status(CameraStatus("b", "stalled", 0.0))
    found = samples(metrics)
    assert found["checkout_camera_frames_read_total{a}"] == 9
    assert found["checkout_camera_frames_read_total{b}"] == 7
    assert found["checkout_camera_frames_dropped_total{a}"] == 1
    assert (found["checkout_camera_online{a}"], found["checkout_camera_online{b}"]) == (1, 0)


def test_decisions_are_counted_by_kind_and_outcome() -> None:
    metrics = Metrics()
    metrics.decided(
        Alert(
            "e", "s", "unsure", "no_evidence", "alcohol", 25, 1, occurred_wall_s=0, expires_wall_s=9
        )
    )
    metrics.decided(AgeGroupSeen("e", "a", "25-34", (("25-34", 1.0),), 2.0, 3, 0.0))
    metrics.decided(
        SaleAudit("e", "s", ("alcohol",), False, "none", None, None, False, "not_due", 0.0)
    )
    found = samples(metrics)
    assert found["checkout_decisions_total{alert,unsure}"] == 1
    assert found["checkout_decisions_total{age_group,25-34}"] == 1
    assert found["checkout_decisions_total{sale_audit,not_due}"] == 1


def test_broker_outbox_and_model_are_shown() -> None:
    metrics = Metrics()
    metrics.broker(connected=False, connects=1)
    metrics.broker(connected=True, connects=2)
    metrics.broker(connected=True, connects=2)
    metrics.outbox(rows=4, size_bytes=900, oldest_s=12.5)
    metrics.outbox_dropped({"expired": 2})
    metrics.outbox_dropped({"expired": 2, "rows": 1})
    metrics.model("age_resnet50", "abc", "openvino")
    found = samples(metrics)
    assert found["checkout_broker_connected{}"] == 1
    assert found["checkout_broker_connects_total{}"] == 2
    assert found["checkout_outbox_rows{}"] == 4
    assert found["checkout_outbox_oldest_seconds{}"] == 12.5
    assert found["checkout_outbox_dropped_total{expired}"] == 2
    assert found["checkout_outbox_dropped_total{rows}"] == 1
    assert any(key.startswith("checkout_model_info{") and "abc" in key for key in found)


def test_restarts_and_refused_records_are_sums_since_the_start() -> None:
    metrics = Metrics()
    for vision in (0, 1, 1):
        metrics.processes({"vision": vision, "capture/till": 0}, refused=3)
    found = samples(metrics)
    assert found["checkout_process_restarts_total{vision}"] == 1
    assert found["checkout_process_restarts_total{capture/till}"] == 0
    assert found["checkout_records_refused_total{}"] == 3


def test_of_what_came_in_only_what_was_not_used_is_dropped() -> None:
    metrics = Metrics()
    metrics.inbound({"received": 9, "hello": 1, "schema": 1})
    metrics.inbound({"received": 12, "hello": 1, "schema": 2})
    found = samples(metrics)
    dropped = {key: value for key, value in found.items() if "inbound_dropped" in key}
    assert dropped == {"checkout_inbound_dropped_total{schema}": 2}


def test_stages_of_all_processes_stand_in_one_histogram() -> None:
    metrics = Metrics()
    vision, agent = Stopwatch[VisionStage](), Stopwatch[AgentStage]()
    for took_s in (0.0005, 0.004, 60.0):
        vision.count("detect", took_s)
    agent.count("publish", 0.03)
    for _ in range(2):
        metrics.vision_progress(VisionProgress(1.0, latencies=vision.totals()))
        metrics.stages(agent.totals().items())
    found = samples(metrics)
    assert found["checkout_stage_seconds_bucket{0.001,detect}"] == 1
    assert found["checkout_stage_seconds_bucket{0.005,detect}"] == 2
    assert found["checkout_stage_seconds_bucket{5.0,detect}"] == 2
    assert found["checkout_stage_seconds_count{detect}"] == 3
    assert found["checkout_stage_seconds_sum{detect}"] == pytest.approx(60.0045)
    assert found["checkout_stage_seconds_count{publish}"] == 1


def test_a_restarted_vision_process_measures_on() -> None:
    metrics = Metrics()
    for passes in (5, 2):
        vision = Stopwatch[VisionStage]()
        for _ in range(passes):
            vision.count("track", 0.5)
        metrics.vision_progress(VisionProgress(1.0, latencies=vision.totals()))
    found = samples(metrics)
    assert found["checkout_stage_seconds_count{track}"] == 7
    assert found["checkout_stage_seconds_sum{track}"] == pytest.approx(3.5)


def test_silent_loops_are_shown_with_their_silence() -> None:
    metrics = Metrics()
    metrics.loops({"decision": 0.5, "capture/till": 12.0})
    assert samples(metrics)["checkout_loop_silent_seconds{capture/till}"] == 12.0


def test_two_agents_in_one_process_do_not_share_anything() -> None:
    first, second = Metrics(), Metrics()
    first.broker(connected=True, connects=5)
    assert samples(second)["checkout_broker_connects_total{}"] == 0


def test_reasons_that_are_new_in_every_report_do_not_grow_the_page() -> None:
    metrics = Metrics()
    for number in range(200):
        metrics.vision_progress(VisionProgress(float(number), rejected={f"made-up-{number}": 1}))
    lines = [key for key in samples(metrics) if key.startswith("checkout_vision_crops_rejected")]
    assert len(lines) <= 33


def test_a_made_up_number_of_batches_does_not_hold_the_agent_up() -> None:
    metrics = Metrics()
    metrics.vision_progress(VisionProgress(1.0, batch_sizes=(0, 2**53, 2**53)))
    assert samples(metrics)["checkout_vision_batch_crops_count{}"] == 10_000
