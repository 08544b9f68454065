"""What is looked at again and again while something runs for long."""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

SHARED_MEMORY = "/dev/shm/"


@dataclass(frozen=True, slots=True)
class Sample:
    """One look.

    Attributes:
        done: Frames or visits so far.
        agent_mb: Proportional set size of the agent process, files mapped left out; `vision_mb`,
            `capture_mb`: of the processes that see, 0 where all is one process.
        open_files: File descriptors of all processes; `threads`: of all processes.
        memfds: Descriptors of shared memory in all processes.
        named_segments: Files of /dev/shm that a process has mapped.
        outbox_rows: Messages that the broker has not acknowledged; `outbox_kb`: the whole file's,
            those in their resend window too.
        events: Delivered to a subscriber so far.
    """

    at_s: float
    done: int
    agent_mb: float
    vision_mb: float
    capture_mb: float
    threads: int
    open_files: int
    memfds: int
    named_segments: int
    outbox_rows: int
    outbox_kb: float
    events: int


@dataclass(frozen=True, slots=True)
class Held:
    """What processes hold together."""

    memory_mb: float = 0.0
    threads: int = 0
    open_files: int = 0
    memfds: int = 0
    named_segments: int = 0

    def __add__(self, other: Held) -> Held:
        return Held(
            self.memory_mb + other.memory_mb,
            self.threads + other.threads,
            self.open_files + other.open_files,
            self.memfds + other.memfds,
            self.named_segments + other.named_segments,
        )


def held_by(process: psutil.Process) -> Held:
    """Return what one process holds; nothing when it is gone."""
    with contextlib.suppress(psutil.Error, OSError):
        links = _links(Path(f"/proc/{process.pid}/fd"))
        return Held(
            _proportional_kb(process.pid) / 1e3,
            process.num_threads(),
            len(links),
            sum("memfd:" in link for link in links),
            len(_segments(process.pid)),
        )
    return Held()


def _proportional_kb(process_id: int) -> int:
    """Return the proportional set size of what is no file.

    A library's pages are shared with every program on the machine that uses it too: measured
    with them, the vision process was 232, 254 or 318 MB, as other Pythons came and went.
    """
    rollup = Path(f"/proc/{process_id}/smaps_rollup").read_text()
    sizes = {line.split()[0]: line.split()[1] for line in rollup.splitlines()[1:]}
    return int(sizes["Pss_Anon:"]) + int(sizes["Pss_Shmem:"])


def _links(folder: Path) -> list[str]:
    links = []
    for entry in folder.iterdir():
        with contextlib.suppress(OSError):  # closed just now
            links.append(os.readlink(entry))  # noqa: PTH115 (memfds are no paths)
    return links


def _segments(process_id: int) -> set[str]:
    maps = Path(f"/proc/{process_id}/maps").read_text(errors="replace")
    return {line.split()[-1] for line in maps.splitlines() if SHARED_MEMORY in line}


def write_csv(samples: Sequence[Sample], path: Path) -> None:
    """Write one line a sample."""
    names = [each.name for each in fields(Sample)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([getattr(sample, name) for name in names] for sample in samples)
