"""What lies on disk: settings, the model's manifest, the outbox, open sales, scripted sales."""

from __future__ import annotations

import json
import logging
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import ReplayClock
from agent.config.load import load_config
from agent.config.messaging import OutboxSection
from agent.decide.moment import Moment
from agent.decide.sale_store import from_json
from agent.decide.thresholds import load_thresholds
from agent.errors import AgentError, ConfigError, ModelError
from agent.estimate.artefact import load_manifest
from agent.publish.outbox import Outbox
from agent.sales_script import load_sales_script
from tests.fuzz.inputs import SEED, SLOW_CASES, bounded, is_taken, mutants
from tests.fuzz.targets.outbox import parcel
from tests.fuzz.targets.outbox import use as use_outbox

SECTION = OutboxSection(path=Path("outbox.sqlite3"), max_rows=100)
SCRIPT = b"- {at_s: 1.0, sale_id: s1, type: opened}\n- {at_s: 2.0, sale_id: s1, type: closed}\n"
BOMBS = (
    b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    b"a: " + b"[" * 50_000,
    b"a: " + b"{b: " * 50_000,
    b"mqtt: {port: 1}\nmqtt: {port: 2}\n",
    "mqtt: {host: a}".encode("utf-16"),
    b"\xff\xfe\x00",
    b"mqtt: !!python/object/apply:os.system ['true']\n",
    b"x" * 300_000,
    b"? " * 5000,
    b"a: |\n" + b"  b\n" * 20_000,
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def each_written(
    path: Path, contents: Iterator[bytes], read: Callable[[], object], refusal: type[AgentError]
) -> int:
    """Write each content to the file and read it; return how many were taken."""
    taken = 0
    for content in contents:
        path.write_bytes(content)
        taken += is_taken(read, refusal)
    return taken


def test_changed_settings_are_taken_or_refused(repository: Path, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    good = [
        b"\n".join(section.splitlines()[:12])
        for section in (repository / "config.yaml").read_bytes().split(b"\n\n")
        if b":" in section
    ]
    read = lambda: load_config(path)  # noqa: E731
    assert each_written(path, mutants(good, SLOW_CASES), read, ConfigError) > 0
    assert each_written(path, iter(BOMBS), read, ConfigError) == 0


@bounded
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8")))
def test_settings_of_any_bytes_are_taken_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    is_taken(lambda: load_config(path), ConfigError)


def test_a_changed_manifest_is_taken_or_refused(repository: Path, tmp_path: Path) -> None:
    good = (repository / "models/manifest.json").read_bytes()
    path = tmp_path / "manifest.json"
    taken = each_written(
        path, mutants([good], SLOW_CASES), lambda: load_manifest(tmp_path), ModelError
    )
    assert taken < SLOW_CASES


def test_changed_thresholds_are_taken_or_refused(repository: Path, tmp_path: Path) -> None:
    good = (repository / "models/age_resnet50/thresholds.json").read_bytes()
    path = tmp_path / "thresholds.json"
    taken = each_written(
        path, mutants([good], SLOW_CASES), lambda: load_thresholds(path), ModelError
    )
    assert taken < SLOW_CASES


def test_a_changed_script_of_sales_is_taken_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "sales.yaml"
    taken = each_written(
        path, mutants([SCRIPT], SLOW_CASES), lambda: load_sales_script(path), ConfigError
    )
    assert taken < SLOW_CASES


def test_changed_open_sales_are_read_or_left_out() -> None:
    good = json.dumps(
        {
            "saved_at_s": 1.0, "saved_wall_s": 2.0, "schema_version": 1,
            "state": {"sales": {}, "ended": {"s": {"ended_at_s": 1.0, "sender_last_wall_s": 1.0}},
                      "seen": {"m": 1.0}},
        }
    )  # fmt: skip
    for content in mutants([good.encode()], SLOW_CASES * 10):
        state = from_json(content.decode(errors="replace"), Moment(5.0, 6.0))
        assert isinstance(state.sales, dict)


def test_an_outbox_with_changed_bytes_is_mended_or_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    outbox = Outbox(SECTION, ReplayClock(0.0), path)
    outbox.commit([parcel(number) for number in range(50)])
    outbox.close()
    good = path.read_bytes()
    for content in mutants([good], SLOW_CASES):
        for old in tmp_path.iterdir():
            old.unlink()
        path.write_bytes(content)
        use_outbox(path)


def test_rows_of_any_content_leave_the_outbox_usable(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    odd = (0, -1, 2**62, 0.5, float("inf"), "", "\0", "x" * 70_000, b"", b"\xff" * 9, "+/#")
    for number in range(SLOW_CASES):
        path = tmp_path / f"{number}.sqlite3"
        Outbox(SECTION, ReplayClock(0.0), path).close()
        database = sqlite3.connect(path)
        for _ in range(5):
            row = [chance.choice(odd) for _ in range(8)]
            try:
                database.execute(
                    "INSERT INTO outbox (event_id, topic, payload, qos, retain, priority,"
                    " expires_wall_s, committed_wall_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
            except sqlite3.Error:
                continue  # the table itself refuses it
        database.commit()
        database.close()
        use_outbox(path)
        path.unlink()
