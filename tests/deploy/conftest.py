"""The wheel, built once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def source(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is packaged, so that no build folder is left behind in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for folder in ("agent", "models"):
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(repository / folder, source / folder, ignore=skip)
    for file in ("setup.py", "pyproject.toml"):
        shutil.copy(repository / file, source)
    return source


@pytest.fixture(scope="session")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout."""
    target = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
    return next(target.glob("*.whl"))
