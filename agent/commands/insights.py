"""`checkout-agent insights`: collect baskets, report what age groups buy, learn offers."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console

from agent import assemble
from agent.clock import SystemClock
from agent.config.load import LoadedConfig
from agent.config.vision import EstimateSection
from agent.errors import InsightsError
from agent.estimate.artefact import find_model, models_folder
from agent.insights.collector import Collector
from agent.insights.confusion import GroupConfusion, load_confusion
from agent.insights.counts import count_baskets
from agent.insights.duck import require_duckdb
from agent.insights.offers import learn_offers
from agent.insights.page import make_page
from agent.insights.report import Report, make_report
from agent.insights.store import BasketStore
from agent.insights.tables import csv_text, print_report
from agent.observe.logs import set_up_logging

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How a report is shown."""

    min_baskets: int
    csv: bool
    html: Path | None
    top: int
    uncorrected: bool


def collect(loaded: LoadedConfig, out: Path, merge_interval_s: float) -> int:
    """Collect baskets until SIGTERM or SIGINT; return the exit code.

    Raises:
        ExtraError: DuckDB is not installed.
        InsightsError: The folder cannot be used.
    """
    require_duckdb()
    set_up_logging(loaded.config.observe, sys.stderr)
    stopping = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    store = BasketStore(out)
    try:
        store.merge()  # what a killed collector has left in the journal
        collector = Collector(
            loaded.config.mqtt, loaded.mqtt_password, store, SystemClock(), merge_interval_s
        )
        collector.run(stopping.is_set, lambda seconds: _pause(stopping, seconds))
    finally:
        store.close()
    collected = collector.collected
    _log.info("collected baskets=%d refused=%d", collected.baskets, collected.refused)
    return 0


def _pause(stopping: threading.Event, seconds: float) -> None:
    stopping.wait(seconds)


def report(folder: Path, options: ReportOptions) -> int:
    """Print what each age group buys; return the exit code.

    Raises:
        ExtraError: DuckDB is not installed.
        InsightsError: There are no baskets, or the page cannot be written.
    """
    made = _report(folder, options.min_baskets, corrected=not options.uncorrected)
    if options.html is not None:
        _write(options.html, make_page(made, options.top))
    if options.csv:
        sys.stdout.write(csv_text(made))
    else:
        print_report(made, options.top, Console())
    return 0


def offers(
    folder: Path,
    out: Path,
    min_baskets: int,
    products: int,
    restricted: Collection[str],
    *,
    corrected: bool,
) -> int:
    """Learn the offer table and write it; return the exit code.

    Raises:
        ExtraError: DuckDB is not installed.
        InsightsError: There are no baskets, or the table cannot be written.
    """
    made = _report(folder, min_baskets, corrected=corrected)
    table = learn_offers(made, products, restricted)
    _write(out, table.model_dump_json(indent=2) + "\n")
    listed = sum(len(group.products) for group in table.groups)
    Console(soft_wrap=True, highlight=False).print(
        f"{out}: {listed} products for {len(table.groups)} age groups; "
        "name the file in offers.table of the agents' settings"
    )
    return 0


def _report(folder: Path, min_baskets: int, *, corrected: bool) -> Report:
    counts = count_baskets(folder)
    confusion = _confusion(counts.groups) if corrected else None
    return make_report(counts, confusion, min_baskets)


def _confusion(groups: tuple[str, ...]) -> GroupConfusion | None:
    section = EstimateSection()
    digest = assemble.weights_digest(find_model(section))
    return load_confusion(models_folder(section) / section.model, groups, digest)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InsightsError(f"{file}: {error.strerror}: give another file") from error
