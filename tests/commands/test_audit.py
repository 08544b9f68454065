from __future__ import annotations

import csv
import datetime
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

from agent.audit.archive import AuditArchive
from agent.commands.audit import AuditOptions, audit_topics, report
from agent.config.load import LoadedConfig, load_config
from agent.errors import InputError
from tests.audit.audited import sales


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedConfig:
    config = tmp_path / "config.yaml"
    settings = {"audit": {"path": "audit.sqlite3", "time_zone": "Europe/London"}}
    config.write_text(yaml.safe_dump(settings))
    with AuditArchive(tmp_path / "audit.sqlite3") as archive:
        archive.add(*sales(45, 5), *sales(2, 1, register_id="till-<2>"))
    return load_config(config)


def test_the_table_names_registers_shifts_and_few_sales(
    loaded: LoadedConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert report(AuditOptions(), loaded) == 0
    shown = capsys.readouterr().out
    assert "till-1 06-14" in shown
    assert "90%" in shown
    assert "too few to tell" in shown


def test_plot_and_csv_are_written(loaded: LoadedConfig, tmp_path: Path) -> None:
    plot, table = tmp_path / "plot.svg", tmp_path / "table.csv"
    report(AuditOptions(plot=plot, csv=table), loaded)
    ElementTree.parse(plot)  # noqa: S314  (our own file): well-formed, names escaped
    with table.open(newline="") as stream:
        rows = {row["name"]: row for row in csv.DictReader(stream) if row["grouping"] == "register"}
    assert (rows["till-1"]["challenge_due"], rows["till-1"]["id_recorded"]) == ("50", "45")
    assert float(rows["till-1"]["low_ratio"]) < 0.9 < float(rows["till-1"]["high_ratio"])
    assert rows["till-<2>"]["note"] == "too few to tell"


def test_days_are_chosen_in_local_time(
    loaded: LoadedConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    day = datetime.date(2026, 11, 24)
    report(AuditOptions(since=day, until=day), loaded)
    assert "till-1" in capsys.readouterr().out
    report(AuditOptions(since=day + datetime.timedelta(days=1)), loaded)
    assert "no age-restricted sale" in capsys.readouterr().out


def test_days_in_the_wrong_order_are_refused(loaded: LoadedConfig) -> None:
    options = AuditOptions(since=datetime.date(2026, 11, 24), until=datetime.date(2026, 11, 1))
    with pytest.raises(InputError, match="after --until"):
        report(options, loaded)


def test_without_an_archive_the_command_says_what_to_run(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("audit: {path: none.sqlite3}\n")
    with pytest.raises(InputError, match="audit collect"):
        report(AuditOptions(), load_config(config))


def test_a_plot_that_cannot_be_written_is_an_error_in_words(
    loaded: LoadedConfig, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="give another file"):
        report(AuditOptions(plot=tmp_path / "none" / "plot.svg"), loaded)


def test_all_registers_of_one_store_are_collected() -> None:
    assert audit_topics("checkout", "north") == "checkout/v1/north/+/event/sale-audit"
