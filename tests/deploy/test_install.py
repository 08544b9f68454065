"""install.sh, run below a folder of its own."""

from __future__ import annotations

import os
import site
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def script(repository: Path) -> Path:
    return repository / "deploy/install.sh"


def install(script: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the installer with the packages that are here instead of the registry's."""
    environment = {
        **os.environ,
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONPATH": os.pathsep.join(site.getsitepackages()),
    }
    return subprocess.run(
        [str(script), "--python", sys.executable, *options],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def files_below(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "venv" not in path.parts
    }


@pytest.mark.shellcheck
def test_the_scripts_are_clean(repository: Path, script: Path) -> None:
    done = subprocess.run(
        ["shellcheck", str(script), str(script.with_name("lock.sh")), str(repository / ".ci/run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""


def test_a_dry_run_shows_every_step_and_does_none(script: Path, tmp_path: Path) -> None:
    done = install(script, "--dry-run", "--root", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert f"would run: {sys.executable} -m venv --clear {tmp_path}/opt" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_packages_are_those_of_the_lock_file_unless_told_otherwise(
    script: Path, tmp_path: Path
) -> None:
    locked = install(script, "--dry-run", "--root", str(tmp_path)).stdout
    assert f"--require-hashes --requirement {script.parents[1] / 'requirements.lock'}" in locked
    assert "--no-deps" in locked
    unlocked = install(script, "--dry-run", "--unlocked", "--root", str(tmp_path)).stdout
    assert "--require-hashes" not in unlocked
    assert "--no-deps" not in unlocked


def test_a_dry_run_of_the_real_system_names_user_and_service(script: Path) -> None:
    done = install(script, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "would run: systemctl enable --quiet checkout-agent" in done.stdout
    assert not Path("/opt/checkout-agent").exists()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--wrong",), "install.sh: unknown option --wrong: see --help"),
        (("--root",), "install.sh: --root needs a value: see --help"),
        (
            ("--package", "/none.whl"),
            "install.sh: --package: /none.whl does not exist: give a wheel or a checkout",
        ),
        (
            ("--root", "/nowhere", "--python", "/none"),
            "install.sh: --python: /none cannot be run: give the path of Python 3.11, 3.12 or 3.13",
        ),
    ],
)
def test_wrong_options_give_one_line(script: Path, options: tuple[str, ...], line: str) -> None:
    done = install(script, *options)
    assert (done.returncode, done.stderr) == (1, f"{line}\n")


@pytest.mark.slow
def test_installing_twice_keeps_the_stores_settings(
    script: Path, wheel: Path, tmp_path: Path
) -> None:
    options = ("--root", str(tmp_path), "--package", str(wheel), "--unlocked")
    first = install(script, *options)
    assert first.returncode == 0, first.stdout + first.stderr
    installed = files_below(tmp_path)
    assert installed >= {
        "etc/checkout-agent/config.yaml",
        "etc/checkout-agent/environment",
        "etc/systemd/system/checkout-agent.service",
    }
    settings = tmp_path / "etc/checkout-agent/config.yaml"
    assert "  path: /var/lib/checkout-agent/outbox.sqlite3" in settings.read_text()
    settings.write_text(settings.read_text().replace("register_id: till-1", "register_id: till-9"))
    second = install(script, *options)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "register_id: till-9" in settings.read_text()
    assert files_below(tmp_path) == installed
    settings.write_text("register_id: Till 9\n")
    refused = install(script, *options)
    assert refused.returncode == 1
    assert "install.sh: the settings are refused" in refused.stderr
