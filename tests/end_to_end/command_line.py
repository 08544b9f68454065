"""Runs `checkout-agent` as a process of its own, as a user would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from agent.commands.demo import MAX_FALSE_PASS_RATIO

AGENT = (sys.executable, "-m", "agent.cli")
REPOSITORY = Path(__file__).parents[2]
#: The clip's man looks as old as the usual threshold; with this one rounding decides nothing.
CLIP_CHALLENGE = {"max_false_pass_ratio": MAX_FALSE_PASS_RATIO}


def checkout_agent(
    *arguments: str | Path, timeout_s: float = 110.0
) -> subprocess.CompletedProcess[str]:
    """Return the finished command with what it wrote."""
    return subprocess.run(
        [*AGENT, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        cwd=REPOSITORY,
        check=False,
    )


def json_lines(text: str) -> list[dict[str, Any]]:
    """Return the lines of a JSON Lines text."""
    return [json.loads(line) for line in text.splitlines()]


def kinds(lines: list[dict[str, Any]]) -> list[list[str]]:
    """Return of each message what must never change: topic, and the decision in it."""
    return [[_short(line["topic"]), *_decision(line["payload"])] for line in lines]


def _short(topic: str) -> str:
    return topic.split("/", 4)[-1]


def _decision(payload: dict[str, Any]) -> list[str]:
    names = ("sale_id", "advice", "reason", "result", "group", "state", "stopped")
    return [str(payload[name]) for name in names if payload.get(name) is not None]


def without_ids(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages without what is random in each run."""
    return [
        {**line, "payload": {k: v for k, v in line["payload"].items() if k != "event_id"}}
        for line in lines
    ]
