"""A small disk of its own for the agent's files, which can be filled and made read-only."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from pathlib import Path

_SIZE_BYTES = 24_000_000
_FILLER = "filler"
_CHUNK_BYTES = 65536


@functools.cache
def mounting_fault() -> str:
    """Return why no small disk can be had here, or empty."""
    with tempfile.TemporaryDirectory(prefix="mount-") as folder:
        done = _run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder)
        if done.returncode != 0:
            return f"a mounted tmpfs (as root): {done.stderr.strip()}"
        _run("umount", folder)
    return ""


class SmallDisk:
    """A tmpfs at `folder`, or the plain folder where nothing may be mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_mounted = not mounting_fault()
        folder.mkdir(parents=True)
        if self.is_mounted:
            self._mount("-t", "tmpfs", "-o", f"size={_SIZE_BYTES}", "tmpfs")

    def fill(self) -> None:
        """Leave no byte free."""
        with (self.folder / _FILLER).open("ab", buffering=0) as filler:
            for size_bytes in (_CHUNK_BYTES, 1):
                while _took(filler.fileno(), size_bytes):
                    pass

    def make_room(self) -> None:
        """Take the filler away."""
        (self.folder / _FILLER).unlink(missing_ok=True)

    def make_read_only(self) -> None:
        """Refuse every write; nobody may have a file open for writing."""
        self._mount("-o", "remount,ro")

    def make_writable(self) -> None:
        """Take writes again."""
        self._mount("-o", "remount,rw")

    def close(self) -> None:
        """Unmount it, whoever still uses it."""
        if self.is_mounted:
            _run("umount", "--lazy", str(self.folder))

    def _mount(self, *arguments: str) -> None:
        done = _run("mount", *arguments, str(self.folder))
        assert done.returncode == 0, done.stderr


def _took(descriptor: int, size_bytes: int) -> bool:
    try:
        return os.write(descriptor, b"\0" * size_bytes) > 0
    except OSError:
        return False


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))
