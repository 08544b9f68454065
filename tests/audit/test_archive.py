from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from agent.audit.archive import AuditArchive
from agent.errors import OutboxError
from tests.audit.audited import NOON_WALL_S, audited


def test_what_was_added_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "new" / "audit.sqlite3"
    sale = audited()
    with AuditArchive(path) as archive:
        assert archive.add(sale) == 1
    with AuditArchive(path) as archive:
        assert archive.sales(0, NOON_WALL_S + 1) == [sale]


def test_an_audit_that_comes_again_is_kept_once(tmp_path: Path) -> None:
    sale = audited()
    with AuditArchive(tmp_path / "audit.sqlite3") as archive:
        assert (archive.add(sale), archive.add(sale, audited())) == (1, 1)
        assert len(archive.sales(0, 4e9)) == 2


def test_the_end_of_a_span_is_not_in_it(tmp_path: Path) -> None:
    with AuditArchive(tmp_path / "audit.sqlite3") as archive:
        archive.add(audited())
        assert archive.sales(0, NOON_WALL_S) == []
        assert len(archive.sales(NOON_WALL_S, float("inf"))) == 1


def test_old_audits_are_deleted(tmp_path: Path) -> None:
    young = audited(occurred_wall_s=NOON_WALL_S + 1)
    with AuditArchive(tmp_path / "audit.sqlite3") as archive:
        archive.add(audited(), young)
        assert archive.delete_before(NOON_WALL_S + 1) == 1
        assert archive.sales(0, 4e9) == [young]


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite3"
    AuditArchive(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_no_archive_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite3"
    path.write_bytes(b"noise" * 1000)
    with pytest.raises(OutboxError, match=r"audit\.path"):
        AuditArchive(path)


def test_an_archive_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite3"
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(OutboxError, match="another version"):
        AuditArchive(path)


def test_a_file_whose_names_are_no_text_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "audit.sqlite3"
    AuditArchive(path).close()
    content = path.read_bytes()
    path.write_bytes(
        content.replace(b"CREATE INDEX by_time", b"CREATE \xff\xff\xff\xff\xff by_time")
    )
    with pytest.raises(OutboxError, match=r"set audit\.path"):
        AuditArchive(path)
