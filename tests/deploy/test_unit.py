"""The systemd unit: verified by systemd's own tools, and in step with the program."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from agent.config.load import load_config
from agent.errors import ConfigError

#: systemd's scale: below 2 is its best class but one; a camera and a network are needed.
MAX_EXPOSURE = 2.5


@pytest.fixture(scope="module")
def unit(repository: Path) -> Path:
    return repository / "deploy/systemd/checkout-agent.service"


@pytest.fixture(scope="module")
def assignments(unit: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in unit.read_text().splitlines() if "=" in line)
    return {key: value for key, _, value in lines if not key.startswith("#")}


@pytest.mark.systemd
def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path, tmp_path: Path) -> None:
    # The program is not installed here; its place is the only thing that differs.
    text = unit.read_text().replace("/opt/checkout-agent/venv/bin/checkout-agent", "/bin/true")
    copy = tmp_path / unit.name
    copy.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.systemd
def test_systemd_rates_the_unit_as_well_protected(unit: Path) -> None:
    report = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = re.search(r"exposure level .*: ([0-9.]+)", report)
    assert found, report
    assert float(found[1]) <= MAX_EXPOSURE


def test_refused_settings_are_not_started_again(assignments: dict[str, str]) -> None:
    assert assignments["RestartPreventExitStatus"] == str(ConfigError.exit_code)
    assert assignments["Restart"] == "always"


def test_one_process_that_is_too_large_does_not_end_the_others(
    assignments: dict[str, str],
) -> None:
    assert assignments["OOMPolicy"] == "continue"


def test_the_watchdog_is_slower_than_a_loop_that_counts_as_stalled(
    assignments: dict[str, str],
) -> None:
    assert assignments["Type"] == "notify"
    timeout_s = load_config(None, {}).config.observe.progress_timeout_s
    assert timeout_s * 2 < float(assignments["WatchdogSec"])


def test_no_picture_can_reach_a_disk_through_swap_or_a_dump(assignments: dict[str, str]) -> None:
    assert assignments["MemorySwapMax"] == "0"
    assert assignments["LimitCORE"] == "0"
    assert assignments["WatchdogSignal"] == "SIGKILL"


@pytest.mark.parametrize("setting", ["ProtectClock", "MemoryDenyWriteExecute", "PrivateDevices"])
def test_what_would_break_cameras_or_kernels_is_not_set(
    assignments: dict[str, str], setting: str
) -> None:
    assert setting not in assignments


def test_the_agent_runs_as_its_own_user_with_the_cameras(assignments: dict[str, str]) -> None:
    assert assignments["User"] == "checkout-agent"
    assert assignments["SupplementaryGroups"] == "video"
    assert assignments["DeviceAllow"] == "char-video4linux rw"
