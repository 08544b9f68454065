from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.decide.sale_file import MAX_FILE_BYTES, FileSaleStore
from agent.errors import OutboxError
from tests.decide.factories import Till


def test_what_was_saved_is_loaded_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "var" / "sales.json"
    store = FileSaleStore(path)
    assert store.load() is None
    store.save("one")
    store.save("two")
    assert FileSaleStore(path).load() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["sales.json"]


def test_a_duty_survives_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sales.json"
    before = Till(store=FileSaleStore(path))
    before.see(20, 1.0)
    before.pos("item_scanned", 1.1)
    after = Till(store=FileSaleStore(path), now_s=2.0)
    after.register.reissue()
    assert [alert.event_id for alert in after.alerts] == [before.alerts[0].event_id]


def test_the_file_is_whole_whenever_the_writer_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "sales.json"
    code = (
        "import sys; from pathlib import Path; from agent.decide.sale_file import FileSaleStore\n"
        "store = FileSaleStore(Path(sys.argv[1]), fsync=False); number = 0\n"
        "store.save('0' * 100_000); print('writing', flush=True)\n"
        "while True: number += 1; store.save(str(number % 10) * 100_000)\n"
    )
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        process.send_signal(signal.SIGKILL)
        process.communicate()
        text = FileSaleStore(path).load()
        assert text is not None
        assert len(text) == 100_000
        assert len(set(text)) == 1


def test_an_unreadable_file_is_nothing_and_said_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "sales.json"
    path.write_bytes(b"\xff\xfe\x00")
    assert FileSaleStore(path).load() is None
    assert "sales_unreadable" in caplog.text


def test_a_file_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OutboxError, match="make room"):
        FileSaleStore(blocked / "sales.json").save("x")
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208  (names are what is compared)


def test_a_file_that_no_agent_has_written_is_not_read_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "sales.json"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert FileSaleStore(path).load() is None
    assert "too_large" in caplog.text
