"""The daemon as a process of its own, as systemd would start it, for tests that break it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.brokers import wait_until

REPOSITORY = Path(__file__).parents[1]
#: Python's start, the networks and the first connect, on a machine with other work to do.
READY_S = 60.0
_KINDS = {
    "vision": "agent.vision",
    "capture": "agent.capture.process",
    "viewer": "agent.viewer.process",
}


@dataclass
class RunningAgent:
    """`checkout-agent run` with its files in `folder`.

    Attributes:
        settings: Of the settings file.
        environment: Added to this process's own.
        options: Of the command `run`.
    """

    folder: Path
    settings: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def start(self) -> RunningAgent:
        """Start it, again with the same files; returns at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(yaml.safe_dump(dict(self.settings)))
        with (self.folder / "agent.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "agent.cli",
                    "run",
                    "--config",
                    str(self.config),
                    *self.options,
                ],
                cwd=REPOSITORY,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
            )
        return self

    def wait_for_log(self, pattern: str, timeout_s: float = READY_S) -> None:
        """Wait until its log has a match."""
        assert wait_until(lambda: re.search(pattern, self.log), timeout_s), self.log[-8000:]

    @property
    def log(self) -> str:
        """All that it and its children have written."""
        return (self.folder / "agent.log").read_text(errors="replace")

    @property
    def log_bytes(self) -> int:
        """How long its log is, for `log_since`."""
        return (self.folder / "agent.log").stat().st_size

    def log_since(self, offset_bytes: int) -> str:
        """What has been added to its log since it was so long."""
        with (self.folder / "agent.log").open("rb") as log:
            log.seek(offset_bytes)
            return log.read().decode(errors="replace")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def children(self, kind: str) -> list[psutil.Process]:
        """Return the living processes of a kind, a key of `_KINDS`, oldest first."""
        named: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            named = psutil.Process(self.pid).children()
        return sorted((each for each in named if _is(each, kind)), key=lambda each: each.pid)

    def kill_child(self, kind: str, number: signal.Signals = signal.SIGKILL) -> bool:
        """Send a signal to one of the children; return whether there was one."""
        for child in self.children(kind)[:1]:
            child.send_signal(number)
            return True
        return False

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def end_if_alive(self) -> None:
        """Leave nothing behind, whatever the test came to."""
        if self.runs:
            self.kill()

    def stop(self) -> int:
        """SIGTERM; return the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(20)


def _is(child: psutil.Process, kind: str) -> bool:
    try:
        return _KINDS[kind] in child.cmdline()
    except psutil.NoSuchProcess:
        return False
