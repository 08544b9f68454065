"""`estimate` on pictures that nobody should send: an answer each, little memory, no traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.hostile_files import hostile_pictures
from tests.running_agent import REPOSITORY

#: Address space; without a picture the networks and their thread stacks take 3 GB of it.
LIMIT_BYTES = 6 * 2**30
#: Resident memory; 0.4 GB without a picture. The bombs, decoded, were 0.4 and 1.2 GB.
MAX_RESIDENT_BYTES = 1.0 * 2**30


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, portrait: Path) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pictures")
    files = {}
    for name, content in hostile_pictures(portrait).items():
        files[name] = folder / name
        files[name].parent.mkdir(exist_ok=True)
        files[name].write_bytes(content)
    files["bad-folder"] = folder
    files["bad-pipe"] = folder / "pipe"
    os.mkfifo(files["bad-pipe"])
    files["bad-loop"] = folder / "loop"
    files["bad-loop"].symlink_to("loop")
    files["bad-missing-\udcff"] = folder / "missing-\udcff"
    files["bad-device"] = Path("/dev/zero")
    return files


def estimate(*arguments: str) -> tuple[subprocess.CompletedProcess[str], int]:
    """Return what the command wrote, and its peak of resident memory in bytes."""
    finished = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(LIMIT_BYTES), "estimate", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=100,
        check=False,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    peak = re.search(r"peak_kib=(\d+)", finished.stderr)
    return finished, 1024 * int(peak[1]) if peak else 2**62


#: Limits itself and measures itself: `preexec_fn` would do the first only. Not ru_maxrss: that
#: begins with what the process had which started it, and the tests' own may be large.
_LIMITED = """
import atexit, resource, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
def tell():
    with open("/proc/self/status") as status:
        peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    print("peak_kib=" + peak, file=sys.stderr)
atexit.register(tell)
from agent import cli
cli.main()
"""


def test_every_hostile_picture_gets_its_answer_within_the_memory(
    pictures: dict[str, Path],
) -> None:
    finished, peak_bytes = estimate("--jsonl", "--", *map(str, pictures.values()))

    assert finished.returncode == 1, finished.stderr
    assert "Traceback" not in finished.stderr
    rows = [json.loads(line) for line in finished.stdout.splitlines()]
    assert [row["file"] for row in rows] == [str(path) for path in pictures.values()]
    answers = {name: row["error"] or "fine" for name, row in zip(pictures, rows, strict=True)}
    wrong = {
        name: answer for name, answer in answers.items() if ("good" in name) != (answer == "fine")
    }
    assert wrong == {}
    # One line each, and none of OpenCV's own.
    assert [answer for answer in answers.values() if "\n" in answer or "OpenCV(" in answer] == []
    assert "scale it down" in answers["bad-bomb.png"]
    assert "scale it down" in answers["bad-header-only.jpg"]
    faces = {name: len(row["faces"]) for name, row in zip(pictures, rows, strict=True)}
    assert [faces[f"good-{kind}"] for kind in ("alpha.png", "cmyk.jpg", "grey.jpg")] == [1, 1, 1]
    assert peak_bytes < MAX_RESIDENT_BYTES


def test_names_that_look_like_markup_or_are_no_text_are_shown_as_they_are(
    pictures: dict[str, Path],
) -> None:
    names = ["good-[/red] [bold]markup.jpg", "good-\udcff\udcfe.jpg", "bad-missing-\udcff"]
    finished, _ = estimate("--", *(str(pictures[name]) for name in names))

    assert finished.returncode == 1, finished.stderr
    assert "Traceback" not in finished.stderr
    shown = "".join(finished.stdout.split())
    assert "good-[/red][bold]markup.jpg" in shown
    assert r"good-\udcff\udcfe.jpg" in shown
    assert r"missing-\udcff:nosuchfile" in shown
