"""The open sales in one small file that is always whole: written beside, then renamed."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from agent.errors import OutboxError

_log = logging.getLogger(__name__)

#: 64 sales of 500 steps each need 4 MB.
MAX_FILE_BYTES = 32_000_000


class FileSaleStore:
    """Survives `kill -9` and a power cut. Holds sale and message ids, nothing of a face.

    Args:
        path: Of the file; its folder is made when it is missing.
        fsync: Whether a power cut may not lose the last step.
    """

    def __init__(self, path: Path, fsync: bool = True) -> None:
        self._path = path
        self._fsync = fsync

    def load(self) -> str | None:
        """Return what was saved last; None when there is nothing, or nothing readable."""
        try:
            with self._path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
            if len(content) > MAX_FILE_BYTES:
                _log.error("sales_unreadable path=%s error=too_large", self._path)
                return None
            return content.decode("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            _log.error("sales_unreadable path=%s error=%s", self._path, error)
            return None

    def save(self, text: str) -> None:
        """Replace what was saved.

        Raises:
            OutboxError: The file cannot be written; the old one is whole.
        """
        try:
            self._replace(text)
        except OSError as error:
            raise OutboxError(
                f"{self._path}: open sales cannot be saved ({error.strerror}): "
                "make room, or give the agent the right to write there"
            ) from error

    def _replace(self, text: str) -> None:
        folder = self._path.parent
        folder.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_name(f"{self._path.name}.new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if self._fsync:
                os.fsync(descriptor)
        beside.replace(self._path)
        if self._fsync:
            _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
