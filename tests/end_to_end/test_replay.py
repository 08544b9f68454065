"""The main job, with real pixels, real weights and a real broker."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.brokers import Consumer, Mosquitto, wait_until
from tests.end_to_end.command_line import (
    CLIP_CHALLENGE,
    checkout_agent,
    json_lines,
    kinds,
    without_ids,
)

GOLDEN = Path(__file__).parent / "golden"
SALES = GOLDEN / "sales.yaml"
#: Rounding of an int8 network may move a probability by so much.
PROBABILITY_TOLERANCE = 0.03


def replayed(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    finished = checkout_agent("replay", *arguments)
    assert finished.returncode == 0, finished.stderr
    return finished


@pytest.mark.mosquitto
def test_a_clip_gives_the_golden_messages_through_mosquitto(
    carphone_clip: Path, tmp_path: Path
) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    consumer = Consumer(broker.port)
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"challenge": CLIP_CHALLENGE, "mqtt": {"port": broker.port}}))

    written = tmp_path / "messages.jsonl"
    replayed(carphone_clip, "--config", config, "--sales", SALES, "--jsonl", written)

    assert wait_until(lambda: b"offline" in [each.payload for each in consumer.messages])
    consumer.close()
    broker.stop()
    golden = json.loads((GOLDEN / "carphone.json").read_text())
    assert kinds(json_lines(written.read_text())) == golden
    # The broker hands on what is urgent first, so only the order within a topic is the same.
    received = [
        {"topic": each.topic, "payload": each.json}
        for each in consumer.messages
        if not each.topic.endswith("availability")
    ]
    assert by_topic(kinds(received)) == by_topic(golden)
    assert all(each.qos == 1 for each in consumer.messages)


def by_topic(messages: list[list[str]]) -> dict[str, list[list[str]]]:
    """Return the messages of each topic; of a retained one only the last, the rest may lapse."""
    topics: dict[str, list[list[str]]] = {}
    for topic, *decision in messages:
        topics.setdefault(topic, []).append(decision)
    return {
        topic: said[-1:] if topic == "state" or topic.endswith("status") else said
        for topic, said in topics.items()
    }


def test_two_replays_give_the_same_lines(carphone_clip: Path) -> None:
    runs = [
        json_lines(replayed(carphone_clip, "--sales", SALES, "--jsonl", "-").stdout)
        for _ in range(2)
    ]

    first, second = (without_ids(run) for run in runs)
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert_nearly_equal(one, other)
    ids = [line["payload"]["event_id"] for run in runs for line in run]
    assert len(set(ids)) == len(ids)


def test_tensorflow_decides_as_openvino_does(carphone_clip: Path, tmp_path: Path) -> None:
    runs = []
    for runtime in ("openvino", "tensorflow"):
        config = tmp_path / f"{runtime}.yaml"
        estimate = {"runtime": runtime, "device": "cpu"}
        config.write_text(yaml.safe_dump({"challenge": CLIP_CHALLENGE, "estimate": estimate}))
        # No broker is there: --jsonl alone goes on, and says so.
        run = replayed(carphone_clip, "--sales", SALES, "--jsonl", "-", "--config", config)
        assert "--jsonl alone" in run.stderr
        runs.append(kinds(json_lines(run.stdout)))

    assert ["event/age-group", "25-34"] in runs[0]
    assert runs[0] == runs[1]


def test_the_start_time_dates_the_messages(carphone_clip: Path) -> None:
    lines = json_lines(
        replayed(carphone_clip, "--jsonl", "-", "--start-at", "2027-03-01T08:00:00+01:00").stdout
    )

    assert lines[0]["payload"]["occurred_at"] == "2027-03-01T07:00:00.000Z"


def test_batches_form_over_four_cameras(carphone_clip: Path) -> None:
    finished = replayed(*[carphone_clip] * 4, "--jsonl", "-")

    table = finished.stderr
    batches = next(line for line in table.splitlines() if "batches" in line)
    sizes = {int(pair.split(":")[0]) for pair in batches.split("│")[2].split(",")}
    assert max(sizes) >= 3
    groups = [line for line in json_lines(finished.stdout) if line["topic"].endswith("age-group")]
    cameras = [line["payload"]["camera_id"] for line in groups]
    assert sorted(cameras) == ["till", "video-2", "video-3", "video-4"]
    # The same film four times: whoever shares a batch must not change what is estimated.
    for line in groups[1:]:
        for one, other in zip(
            groups[0]["payload"]["group_probabilities"],
            line["payload"]["group_probabilities"],
            strict=True,
        ):
            assert one["probability_ratio"] == pytest.approx(other["probability_ratio"], abs=1e-3)


def test_the_embedded_broker_takes_a_replay(carphone_clip: Path) -> None:
    finished = replayed(carphone_clip, "--embedded-broker", "--jsonl", "-")

    assert "embedded broker at mqtt://127.0.0.1:" in finished.stderr
    assert kinds(json_lines(finished.stdout))[-2][0] == "camera/till/status"


def test_people_from_behind_are_no_visit(shared_dir: Path) -> None:
    clip = shared_dir / "videos" / "intel_one-by-one.mp4"

    lines = json_lines(replayed(clip, "--jsonl", "-").stdout)

    assert not [line for line in lines if line["topic"].endswith("age-group")]


def assert_nearly_equal(one: object, other: object) -> None:
    """Compare two messages; only probabilities may differ, and little."""
    if isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_nearly_equal(one[key], other[key])
    elif isinstance(one, list) and isinstance(other, list):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_nearly_equal(left, right)
    elif isinstance(one, float):
        assert one == pytest.approx(other, abs=PROBABILITY_TOLERANCE)
    else:
        assert one == other
