"""`checkout-agent doctor`: is everything there, and what to do when it is not."""

from __future__ import annotations

import datetime
import os
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console

from agent import assemble
from agent.capture.probe import probe_camera
from agent.commands.terminal import plain
from agent.config.load import LoadedConfig, load_config
from agent.errors import AgentError
from agent.publish.probe import probe_broker
from agent.sandbox import forbid_network

#: Room for the largest outbox and its journal.
DISK_MARGIN_RATIO = 2.0
#: A wall clock before this build was made is wrong.
EARLIEST_PLAUSIBLE = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
_COLOURS = {"ok": "green", "warning": "yellow", "fault": "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `remedy` says what to do."""

    subject: str
    verdict: Literal["ok", "warning", "fault"]
    text: str
    remedy: str = ""


def doctor(path: Path | None) -> int:
    """Print a line for each check; return 0, or 1 when something is at fault."""
    console = Console(soft_wrap=True)
    faulty = False
    for finding in _findings(path):
        faulty |= finding.verdict == "fault"
        colour = _COLOURS[finding.verdict]
        remedy = f" -> {finding.remedy}" if finding.remedy else ""
        line = plain(f"{finding.subject}: {finding.text}{remedy}")
        console.print(plain(f"{finding.verdict:8}", colour), line, highlight=False)
    return 1 if faulty else 0


def _findings(path: Path | None) -> Iterator[Finding]:
    try:
        loaded = load_config(path)
    except AgentError as error:
        for line in str(error).splitlines():
            yield Finding("config", "fault", line, "mend the named key")
        return
    yield Finding("config", "ok", str(path) if path else "built-in defaults")
    checks: list[Callable[[LoadedConfig], Iterator[Finding]]] = [
        _model,
        _cameras,
        _broker,
        _disk,
        _clock,
        _sandbox,
    ]
    for check in checks:
        yield from check(loaded)


def _model(loaded: LoadedConfig) -> Iterator[Finding]:
    try:
        entry = assemble.verified_model(loaded.config.estimate)
    except AgentError as error:
        yield Finding("model", "fault", str(error))
        return
    yield Finding("model", "ok", assemble.model_description(entry))
    if entry.licence.usage != "commercial use":
        yield Finding(
            "licence",
            "warning",
            f"{entry.licence.usage}: {entry.licence.reason}",
            "train on data whose licence allows your use before you sell with it",
        )


def _cameras(loaded: LoadedConfig) -> Iterator[Finding]:
    for camera in loaded.config.cameras:
        subject = f"camera {camera.id}"
        try:
            yield Finding(subject, "ok", probe_camera(assemble.capture_settings(loaded, camera)))
        except AgentError as error:
            yield Finding(subject, "fault", str(error), "check cable, address and password")


def _broker(loaded: LoadedConfig) -> Iterator[Finding]:
    mqtt = loaded.config.mqtt
    subject = f"broker {mqtt.host}:{mqtt.port}"
    try:
        client_id = f"{assemble.topic_tree(loaded.config).client_id}-doctor"
        probe_broker(mqtt, client_id, loaded.mqtt_password())
    except AgentError as error:
        yield Finding(subject, "fault", str(error), "start the broker or correct mqtt.*")
        return
    yield Finding(subject, "ok", f"accepts us with MQTT {mqtt.protocol}")


def _disk(loaded: LoadedConfig) -> Iterator[Finding]:
    outbox = loaded.config.outbox
    folder = outbox.path.absolute().parent
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    if not os.access(existing, os.W_OK):
        yield Finding(
            "disk", "fault", f"{existing} is not writable", "correct its owner, or outbox.path"
        )
        return
    free = shutil.disk_usage(existing).free
    needed = outbox.max_bytes * DISK_MARGIN_RATIO
    text = f"{free / 1e9:.1f} GB free at {existing}; the outbox may take {needed / 1e9:.1f} GB"
    if free < needed:
        yield Finding("disk", "warning", text, "make room, or lower outbox.max_bytes")
    else:
        yield Finding("disk", "ok", f"{text}; SQLite {sqlite3.sqlite_version}")


def _clock(loaded: LoadedConfig) -> Iterator[Finding]:
    now = datetime.datetime.now(datetime.UTC)
    text = now.isoformat(timespec="seconds")
    if now < EARLIEST_PLAUSIBLE:
        yield Finding("clock", "fault", text, "set the clock: timedatectl set-ntp true")
    else:
        yield Finding("clock", "ok", f"{text} on {socket.gethostname()}")


def _sandbox(loaded: LoadedConfig) -> Iterator[Finding]:
    # In a child: the filter cannot be taken off again.
    pid = os.fork()
    if pid == 0:
        try:
            forbid_network()
        except AgentError:
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0:
        yield Finding("sandbox", "ok", "the vision process will have no network")
    else:
        yield Finding(
            "sandbox", "fault", "seccomp is refused", "a Linux kernel with seccomp is needed"
        )
