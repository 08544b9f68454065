"""The command line as a contract: results, and what wrong input gets."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import yaml

from tests.brokers import Mosquitto, free_port
from tests.end_to_end.command_line import checkout_agent, json_lines


def test_estimate_gives_the_documented_line(portrait: Path) -> None:
    finished = checkout_agent("estimate", portrait, "--jsonl")

    assert finished.returncode == 0, finished.stderr
    (row,) = json_lines(finished.stdout)
    assert row.keys() == {"file", "width_px", "height_px", "faces", "error"}
    assert (row["file"], row["width_px"], row["height_px"]) == (str(portrait), 512, 512)
    (face,) = row["faces"]
    left, top, width, height = face["box_px"]
    assert 150 < left < 250
    assert 50 < top < 150
    assert 60 < width < 160
    assert 60 < height < 160
    assert face["detection_score"] > 0.7
    assert 18 < face["age_years"] < 50
    assert 2 < face["sd_years"] < 15
    quantiles = face["quantiles_years"]
    assert quantiles["5"] < quantiles["50"] < quantiles["95"]
    assert 0 <= face["p_under_ratio"]["18"] <= face["p_under_ratio"]["25"] <= 1
    assert face["decisions"]["alcohol"] in {"challenge", "unsure", "none"}


def picture(path: Path) -> npt.NDArray[np.uint8]:
    """Return (height, width, 3), BGR."""
    return np.asarray(cv2.imread(str(path)), np.uint8)


def test_estimate_puts_the_largest_face_first(portrait: Path, tmp_path: Path) -> None:
    large = picture(portrait)
    scene = np.full((700, 1200, 3), 127, np.uint8)
    scene[50:306, 20:276] = cv2.resize(large, (256, 256))
    scene[100:612, 600:1112] = large
    path = tmp_path / "two.png"
    cv2.imwrite(str(path), scene)

    (row,) = json_lines(checkout_agent("estimate", path, "--jsonl").stdout)

    widths = [face["box_px"][2] for face in row["faces"]]
    assert len(widths) == 2
    assert widths[0] > 1.5 * widths[1]


def test_a_face_that_fills_the_picture_is_found(portrait: Path, tmp_path: Path) -> None:
    path = tmp_path / "close-up.jpg"
    cv2.imwrite(str(path), picture(portrait)[70:180, 165:275])

    (row,) = json_lines(checkout_agent("estimate", path, "--jsonl").stdout)

    assert len(row["faces"]) == 1


def test_estimate_goes_on_after_an_unreadable_file(portrait: Path, tmp_path: Path) -> None:
    empty, text, missing = tmp_path / "empty.jpg", tmp_path / "text.png", tmp_path / "missing.png"
    empty.touch()
    text.write_text("no picture")

    finished = checkout_agent("estimate", empty, text, missing, tmp_path, portrait, "--jsonl")

    assert finished.returncode == 1
    *bad, good = json_lines(finished.stdout)
    assert [bool(row["error"]) for row in bad] == [True] * 4
    assert good["error"] is None
    assert len(good["faces"]) == 1
    assert "Traceback" not in finished.stderr


def test_a_tiny_picture_has_no_face(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    cv2.imwrite(str(path), np.zeros((1, 1, 3), np.uint8))

    (row,) = json_lines(checkout_agent("estimate", path, "--jsonl").stdout)

    assert (row["faces"], row["error"]) == ([], None)


@pytest.fixture
def bad_inputs(tmp_path: Path) -> dict[str, Path]:
    """Return files that no command can use."""
    inputs = {name: tmp_path / name for name in ("empty.mp4", "text.mp4", "key.yaml", "type.yaml")}
    inputs["empty.mp4"].touch()
    inputs["text.mp4"].write_text("this is no video\n" * 100)
    inputs["key.yaml"].write_text("mqtt: {hots: 127.0.0.1}\n")
    inputs["type.yaml"].write_text("mqtt: {port: soon}\n")
    inputs["missing.mp4"] = tmp_path / "missing.mp4"
    return inputs


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["replay", "missing.mp4"], "no such file", 66),
        (["replay", "empty.mp4"], "empty.mp4", 66),
        (["replay", "text.mp4"], "no video stream", 66),
        (["replay", "clip", "--config", "key.yaml"], "mqtt.hots", 78),
        (["replay", "clip", "--config", "type.yaml"], "mqtt.port: got", 78),
        (["replay", "clip", "--start-at", "yesterday"], "--start-at", 66),
        (["replay", "clip", "--sales", "key.yaml"], "key.yaml", 78),
        (["replay", "clip", "--jsonl", "/nowhere/out.jsonl"], "--jsonl", 66),
        (["run", "--config", "missing.yaml"], "missing.yaml", 78),
        (["check-config", "type.yaml"], "mqtt.port: got", 78),
        (["estimate"], "Missing argument", 2),
    ],
)
def test_wrong_input_gets_one_clear_line(
    arguments: list[str],
    words: str,
    code: int,
    bad_inputs: dict[str, Path],
    carphone_clip: Path,
) -> None:
    files = bad_inputs | {"clip": carphone_clip}

    finished = checkout_agent(*(files.get(word, word) for word in arguments))

    assert finished.returncode == code, finished.stderr
    assert words in finished.stderr
    assert "Traceback" not in finished.stdout + finished.stderr
    if code != 2:  # typer draws a box round its own
        assert len(finished.stderr.strip().splitlines()) == 1


def test_a_truncated_recording_gives_the_frames_it_has(carphone_clip: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", carphone_clip, "-c", "copy", whole], check=True, timeout=60
    )
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    finished = checkout_agent("replay", cut, "--jsonl", tmp_path / "out.jsonl")

    assert finished.returncode == 66
    assert "Traceback" not in finished.stderr
    frames = next(line for line in finished.stderr.splitlines() if "│ frames" in line)
    assert 10 < int(frames.split("│")[2]) < 120


def test_a_broker_that_is_not_there_is_said_in_one_line(
    carphone_clip: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"mqtt": {"port": free_port()}}))

    finished = checkout_agent("replay", carphone_clip, "--config", config)

    assert finished.returncode == 69
    (line,) = finished.stderr.strip().splitlines()
    assert "--embedded-broker" in line


@pytest.mark.mosquitto
def test_a_wrong_password_is_said_without_the_password(carphone_clip: Path, tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker", passwords={"till": "right"}).start()
    secret = tmp_path / "password"
    secret.write_text("planted-secret")
    secret.chmod(0o600)
    config = tmp_path / "config.yaml"
    mqtt = {"port": broker.port, "username": "till", "password_file": str(secret)}
    config.write_text(yaml.safe_dump({"mqtt": mqtt}))

    finished = checkout_agent("replay", carphone_clip, "--config", config)

    broker.stop()
    assert finished.returncode == 69
    assert "refuses us" in finished.stderr
    assert "planted-secret" not in finished.stdout + finished.stderr


def test_a_port_in_use_is_said(carphone_clip: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = tmp_path / "config.yaml"
        config.write_text(
            yaml.safe_dump(
                {
                    "observe": {"http_port": taken.getsockname()[1]},
                    "cameras": [{"source": str(carphone_clip)}],
                    "outbox": {"path": str(tmp_path / "outbox.sqlite3")},
                }
            )
        )
        finished = checkout_agent("run", "--config", config)

    assert finished.returncode == 78
    assert "observe.http_port" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_doctor_tells_what_is_wrong_and_what_to_do(carphone_clip: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "cameras": [
                    {"id": "good", "source": str(carphone_clip)},
                    {"id": "gone", "source": str(tmp_path / "gone.mp4")},
                ],
                "mqtt": {"port": free_port()},
            }
        )
    )

    finished = checkout_agent("doctor", "--config", config)

    assert finished.returncode == 1
    lines = {line.split(":")[0].split(maxsplit=1)[1]: line for line in finished.stdout.splitlines()}
    assert lines["config"].startswith("ok")
    assert lines["model"].startswith("ok")
    assert "research use" in lines["licence"]
    assert lines["camera good"].startswith("ok")
    assert lines["camera gone"].startswith("fault")
    assert lines["sandbox"].startswith("ok")
    assert next(line for name, line in lines.items() if "broker" in name).startswith("fault")


def test_the_shipped_settings_are_good(repository: Path) -> None:
    finished = checkout_agent("check-config", repository / "config.yaml")

    assert finished.returncode == 0, finished.stderr


def test_every_command_has_a_help_that_teaches() -> None:
    for command in ("run", "replay", "estimate", "doctor", "check-config", "schema", "demo"):
        finished = checkout_agent(command, "--help")
        assert finished.returncode == 0
        assert "Usage" in finished.stdout
