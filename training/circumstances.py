"""What a run was made with: commit, packages, data."""

from __future__ import annotations

import json
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PACKAGES = ("keras", "tensorflow", "numpy", "opencv-python", "mediapipe")


def circumstances(cache: Path) -> dict[str, Any]:
    """Return commit, packages, machine and data hash.

    Args:
        cache: Folder that `prepare` wrote.
    """
    return {
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "processor": platform.machine(),
        "packages": {name: version(name) for name in _PACKAGES},
        "data": json.loads((cache / "data.json").read_text()),
    }


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603  # constant arguments
            ["git", *arguments],  # noqa: S607  # the git of whoever trains
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
