"""The settings file: bombs, anchors, duplicate keys, wrong encodings, wrong values."""

from __future__ import annotations

from collections.abc import Sequence

from agent.config.load import load_config
from agent.errors import ConfigError
from tests.fuzz.targets.target import REPOSITORY, Target, of_file

BOMBS = (
    b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    b"a: " + b"[" * 1000,
    b"a: " + b"{b: " * 500,
    b"mqtt: {port: 1}\nmqtt: {port: 2}\n",
    "mqtt: {host: a}".encode("utf-16"),
    "mqtt: {host: a}".encode("utf-8-sig"),
    b"mqtt: !!python/object/apply:os.system ['true']\n",
    b"base: &b {port: 1}\nmqtt:\n  <<: *b\n",
    b"--- {}\n--- {}\n",
    b'store_id: "\\ud800"\nregister_id: 0x1F\nmqtt: {keepalive_s: 1_000, backoff_max_s: .inf}\n',
)


def seeds() -> Sequence[bytes]:
    """Return the sections of the shipped file without their comments, and bombs."""
    text = (REPOSITORY / "config.yaml").read_text(encoding="utf-8")
    lines = [line.split(" #")[0].rstrip() for line in text.splitlines()]
    bare = [line for line in lines if line and not line.startswith("#")]
    sections: list[str] = []
    for line in bare:
        if line.startswith((" ", "-")) and sections:
            sections[-1] += f"{line}\n"
        else:
            sections.append(f"{line}\n")
    return [*(section.encode() for section in sections), *BOMBS]


TARGET = Target(
    name="settings",
    cases=600,
    modules=(
        "agent.config.strict_yaml",
        "agent.config.load",
        "agent.config.faults",
        "agent.config.credentials",
        "agent.config.vision",
        "agent.config.decision",
    ),
    seeds=seeds,
    opened=of_file("config.yaml", lambda path: load_config(path, {}), ConfigError),
)
