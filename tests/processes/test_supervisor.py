"""The supervisor with real capture processes, real streams and a vision process that counts."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.config.load import LoadedConfig, load_config
from agent.config.vision import CameraSection, CaptureSection
from agent.errors import ChildError, SourceError
from agent.processes.keepers import Patience, SupervisorRecord
from agent.processes.options import ChildCommands, SupervisorOptions
from agent.processes.supervisor import Supervisor
from agent.records import (
    AgeEstimate,
    CameraStatus,
    CaptureEnded,
    CaptureProgress,
    Frame,
    VisionProgress,
    VisionRestarted,
)
from tests.streams import http_streams

COUNTING_VISION = (
    sys.executable,
    str(Path(__file__).parents[1] / "streams" / "vision_stand_in.py"),
)
OPTIONS = SupervisorOptions(
    commands=ChildCommands(vision=COUNTING_VISION), random_ratio=lambda: 0.0
)
CAPTURE = CaptureSection(
    open_timeout_s=4.0,
    read_timeout_s=2.0,
    stall_after_s=1.5,
    kill_after_s=2.5,
    backoff_initial_s=0.2,
    backoff_max_s=2.0,
)


class Watched:
    """A supervisor and everything that it has said so far."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.records: list[SupervisorRecord] = []
        supervisor.start()

    def until(self, condition: Callable[[], object], within_s: float = 15.0) -> float:
        """Poll until it is so; return how long that took."""
        began_s = time.monotonic()
        while not condition():
            assert time.monotonic() - began_s < within_s, self.states()
            self.records += self.supervisor.poll(0.05)
        return time.monotonic() - began_s

    def states(self, camera_id: str = "c0") -> list[str]:
        return [status.state for status in self.statuses(camera_id)]

    def statuses(self, camera_id: str = "c0") -> list[CameraStatus]:
        return [
            record
            for record in self.records
            if isinstance(record, CameraStatus) and record.camera_id == camera_id
        ]

    def frames_seen(self) -> int:
        last = [record for record in self.records if isinstance(record, VisionProgress)]
        return last[-1].frames if last else 0

    def has_finished(self) -> bool:
        return any(isinstance(each, VisionProgress) and each.finished for each in self.records)

    def has_lost_vision(self) -> bool:
        return any(isinstance(each, VisionRestarted) for each in self.records)

    def is_online(self, camera_id: str = "c0") -> bool:
        return self.states(camera_id)[-1:] == ["online"]


Watching = Callable[..., Watched]


def loaded(sources: list[str], **camera_keys: str) -> LoadedConfig:
    cameras = tuple(
        CameraSection(id=f"c{number}", source=source, **camera_keys)
        for number, source in enumerate(sources)
    )
    plain = load_config(None)
    config = plain.config.model_copy(update={"cameras": cameras, "capture": CAPTURE})
    return dataclasses.replace(plain, config=config)


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    started: list[Supervisor] = []

    def start(
        config: LoadedConfig, mode: str = "live", options: SupervisorOptions = OPTIONS
    ) -> Watched:
        options = dataclasses.replace(options, runtime_folder=tmp_path)
        supervisor = Supervisor(config, SystemClock(), mode, options=options)  # type: ignore[arg-type]
        started.append(supervisor)
        return Watched(supervisor)

    yield start
    for supervisor in started:
        process_ids = supervisor.process_ids.values()
        began_s = time.monotonic()
        supervisor.stop(4.0)
        assert time.monotonic() - began_s < 5.0
        assert not [pid for pid in process_ids if Path(f"/proc/{pid}").exists()]
    assert list(tmp_path.iterdir()) == []


def test_a_camera_that_hangs_is_noticed_killed_and_started_again_while_another_goes_on(
    watching: Watching,
) -> None:
    with (
        http_streams.serving(http_streams.hangs_after_a_second) as bad,
        http_streams.serving(http_streams.good) as good,
    ):
        sources = [f"http://127.0.0.1:{server.port}/" for server in (bad, good)]
        watched = watching(loaded(sources))
        watched.until(lambda: watched.is_online("c0") and watched.is_online("c1"))
        assert watched.until(lambda: "stalled" in watched.states()) < 5.0
        watched.until(lambda: watched.states()[-2:] == ["offline", "online"])
        assert watched.states("c1") == ["offline", "online"]
        assert watched.supervisor.restarts["capture/c0"] >= 1
        assert watched.supervisor.restarts["capture/c1"] == 0
        frames = watched.frames_seen()
        watched.until(lambda: watched.frames_seen() > frames + 10)


def test_a_capture_process_that_is_frozen_is_killed(watching: Watching) -> None:
    with http_streams.serving(http_streams.good) as server:
        watched = watching(loaded([f"http://127.0.0.1:{server.port}/"]))
        watched.until(watched.is_online)
        frozen = watched.supervisor.process_ids["capture/c0"]
        os.kill(frozen, signal.SIGSTOP)
        assert watched.until(lambda: watched.states()[-1] == "stalled") < 5.0
        watched.until(lambda: watched.states()[-1] == "offline")
        assert "hung" in watched.statuses()[-1].detail
        watched.until(watched.is_online)
        assert not Path(f"/proc/{frozen}").exists()


def test_a_silent_camera_is_noticed_within_five_seconds_and_tried_with_back_off(
    watching: Watching,
) -> None:
    with http_streams.serving(http_streams.silent) as server:
        watched = watching(loaded([f"http://127.0.0.1:{server.port}/"]))
        assert watched.until(lambda: "stalled" in watched.states(), within_s=5.0) < 5.0
        watched.until(lambda: watched.states()[-1] == "offline")
        watched.until(lambda: server.connections >= 2)
        assert watched.states() == ["offline", "stalled", "offline"]
        assert "cannot be opened" in watched.statuses()[-1].detail


def test_a_camera_that_sends_garbage_is_offline_and_says_why(watching: Watching) -> None:
    with http_streams.serving(http_streams.garbage) as server:
        watched = watching(loaded([f"http://127.0.0.1:{server.port}/"]))
        watched.until(lambda: watched.states()[1:] and watched.states()[-1] == "offline")
        assert f"http://127.0.0.1:{server.port}/" in watched.statuses()[-1].detail


def test_a_camera_that_goes_away_comes_back_by_itself(watching: Watching) -> None:
    with http_streams.serving(http_streams.good) as server:
        watched = watching(loaded([f"http://127.0.0.1:{server.port}/"]))
        watched.until(watched.is_online)
    watched.until(lambda: watched.states()[-1] == "offline")
    with http_streams.serving(http_streams.good, port=server.port):
        watched.until(watched.is_online)
        frames = watched.frames_seen()
        watched.until(lambda: watched.frames_seen() > frames)


def test_a_killed_vision_process_is_replaced_and_gets_frames_again(watching: Watching) -> None:
    with http_streams.serving(http_streams.good) as server:
        watched = watching(loaded([f"http://127.0.0.1:{server.port}/"]))
        watched.until(lambda: watched.frames_seen() > 3)
        os.kill(watched.supervisor.process_ids["vision"], signal.SIGKILL)
        watched.until(watched.has_lost_vision)
        (record,) = [each for each in watched.records if isinstance(each, VisionRestarted)]
        assert "SIGKILL" in record.detail
        watched.records.clear()
        assert watched.until(lambda: watched.frames_seen() > 3) < 10.0
        assert watched.supervisor.restarts == {"vision": 1, "capture/c0": 0}


def test_a_vision_process_that_hangs_is_killed(watching: Watching) -> None:
    options = dataclasses.replace(OPTIONS, patience=Patience(start_s=10.0, silence_s=0.5))
    with http_streams.serving(http_streams.good) as server:
        watched = watching(loaded([f"http://127.0.0.1:{server.port}/"]), options=options)
        watched.until(lambda: watched.frames_seen() > 3)
        os.kill(watched.supervisor.process_ids["vision"], signal.SIGSTOP)
        watched.until(watched.has_lost_vision)
        watched.records.clear()
        watched.until(lambda: watched.frames_seen() > 3)


def test_no_child_is_told_or_says_a_password(
    watching: Watching, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CAMERA_PASSWORD", "PLANTED")
    caplog.set_level("DEBUG")
    with http_streams.serving(http_streams.garbage) as server:
        source = f"http://127.0.0.1:{server.port}/user={{username}}_pass={{password}}"
        config = loaded([source], username="joe", password_env="CAMERA_PASSWORD")
        watched = watching(config)
        watched.until(lambda: "capture/c0" in watched.supervisor.process_ids)
        process = Path("/proc") / str(watched.supervisor.process_ids["capture/c0"])
        assert b"PLANTED" not in (process / "environ").read_bytes()
        assert b"PLANTED" not in (process / "cmdline").read_bytes()
        watched.until(lambda: len(watched.states()) > 1 and watched.states()[-1] == "offline")
    assert "PLANTED" not in repr(watched.records) + caplog.text


def test_a_missing_password_is_that_cameras_failure_and_mended_when_it_comes(
    watching: Watching, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("secret") / "password"
    with http_streams.serving(http_streams.good) as server:
        config = loaded([f"http://127.0.0.1:{server.port}/"], username="joe", password_file=secret)  # type: ignore[arg-type]
        watched = watching(config)
        watched.until(lambda: len(watched.states()) > 0)
        assert "create it" in watched.statuses()[-1].detail
        secret.write_text("word\n")
        secret.chmod(0o600)
        watched.until(watched.is_online)


def test_a_replay_gives_every_frame_of_every_recording_in_the_same_order(
    watching: Watching, carphone_clip: Path
) -> None:
    runs = []
    for _ in range(2):
        watched = watching(loaded([str(carphone_clip)] * 2), "replay")
        watched.until(watched.has_finished, within_s=30)
        progress = [record for record in watched.records if isinstance(record, VisionProgress)]
        runs.append([(record.at_s, record.faces, record.visits) for record in progress])
        ends = [record for record in watched.records if isinstance(record, CaptureEnded)]
        assert {record.camera_id for record in ends} == {"c0", "c1"}
        watched.supervisor.stop(3.0)
    assert runs[0] == runs[1]
    assert len(runs[0]) == 241


def test_a_replay_is_finished_only_when_every_recording_has_told_its_end(
    watching: Watching,
) -> None:
    hasty = scripted("""
        import sys, time
        from agent import wire
        from agent.records import VisionProgress
        print(wire.encode(VisionProgress(1.0, finished=True)).decode(), flush=True)
        sys.stdin.read()
    """)
    slow = scripted("""
        import time
        from agent import wire
        from agent.records import CaptureEnded
        time.sleep(0.5)
        print(wire.encode(CaptureEnded("c0", 1.0, warning="truncated")).decode(), flush=True)
    """)
    options = SupervisorOptions(commands=ChildCommands(capture=slow, vision=hasty))
    watched = watching(loaded(["film.mp4"]), "replay", options)
    watched.until(watched.has_finished)
    ends = [each for each in watched.records if isinstance(each, CaptureEnded)]
    assert [end.warning for end in ends] == ["truncated"]
    assert watched.records[-1] == VisionProgress(1.0, finished=True)


def test_a_bad_recording_ends_a_replay_with_its_reason(
    watching: Watching, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = tmp_path_factory.mktemp("clips") / "empty.mp4"
    empty.touch()
    watched = watching(loaded([str(empty)]), "replay")
    with pytest.raises(SourceError, match="is empty"):
        watched.until(lambda: False)


def scripted(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", textwrap.dedent(code))


def test_a_replay_whose_vision_dies_ends_with_its_last_words(
    watching: Watching, carphone_clip: Path
) -> None:
    dying = scripted("""
        from agent.errors import ModelError
        raise ModelError("weights are missing: install again")
    """)
    options = SupervisorOptions(commands=ChildCommands(vision=dying))
    watched = watching(loaded([str(carphone_clip)]), "replay", options)
    with pytest.raises(ChildError, match=r"exit code 1: weights are missing: install again$"):
        watched.until(lambda: False)


def test_what_a_child_may_not_say_is_refused_and_counted(watching: Watching) -> None:
    lying = scripted("""
        import sys, time
        from agent import wire
        from agent.records import *
        ages = AgeDistribution((1.0, *[0.0] * 100))
        records = [AgeEstimate("c0", "visit", 0.0, 1.0, ages), CaptureProgress("c1", 0.0, 9, 0)]
        lines = [wire.encode(record) for record in records]
        lines += [b"not json", b"x" * 70000, wire.encode(CaptureProgress("c0", 0.0, 1, 0))]
        sys.stdout.buffer.write(b"\\n".join(lines) + b"\\n")
        sys.stdout.flush()
        time.sleep(60)
    """)
    commands = ChildCommands(capture=lying, vision=COUNTING_VISION)
    watched = watching(loaded(["0"]), options=SupervisorOptions(commands=commands))
    watched.until(watched.is_online)
    assert watched.supervisor.protocol_errors == 4
    assert not any(isinstance(record, AgeEstimate | Frame) for record in watched.records)
    progress = [record for record in watched.records if isinstance(record, CaptureProgress)]
    assert [record.camera_id for record in progress] == ["c0"]


def test_children_that_ignore_everything_are_killed_in_time(watching: Watching) -> None:
    stubborn = scripted("""
        import signal, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            print("x" * 1000, flush=True)
    """)
    commands = ChildCommands(capture=stubborn, vision=stubborn)
    watched = watching(loaded(["0"]), options=SupervisorOptions(commands=commands))
    watched.until(lambda: watched.supervisor.protocol_errors > 0)
    process_ids = watched.supervisor.process_ids.values()
    began_s = time.monotonic()
    watched.supervisor.stop(1.0)
    assert time.monotonic() - began_s < 2.5
    assert not [pid for pid in process_ids if Path(f"/proc/{pid}").exists()]


def test_nothing_outlives_an_agent_that_is_killed(tmp_path: Path, carphone_clip: Path) -> None:
    agent = scripted(f"""
        import time
        from tests.processes.test_supervisor import *
        options = dataclasses.replace(OPTIONS, runtime_folder=Path({str(tmp_path)!r}))
        supervisor = Supervisor(loaded([{str(carphone_clip)!r}]), SystemClock(), options=options)
        supervisor.start()
        while not any(isinstance(r, CameraStatus) and r.state == "online"
                      for r in supervisor.poll(0.1)):
            pass
        print(*supervisor.process_ids.values(), flush=True)
        time.sleep(60)
    """)
    root = Path(__file__).parents[2]
    with subprocess.Popen(agent, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        children = [int(word) for word in process.stdout.readline().split()]
        process.kill()
    assert len(children) == 2
    until_s = time.monotonic() + 3
    while any(is_running(child) for child in children) and time.monotonic() < until_s:
        time.sleep(0.02)
    assert not [child for child in children if is_running(child)]
    (left_over,) = tmp_path.iterdir()
    swept = Supervisor(
        loaded(["0"]),
        SystemClock(),
        options=SupervisorOptions(
            commands=ChildCommands(capture=("/bin/cat",), vision=("/bin/cat",)),
            runtime_folder=tmp_path,
        ),
    )
    swept.start()
    assert not left_over.exists()
    swept.stop(1.0)


def is_running(process_id: int) -> bool:
    try:
        status = Path(f"/proc/{process_id}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"
