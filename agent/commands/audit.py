"""`checkout-agent audit`: how conscientiously age-restricted goods are sold in this store."""

from __future__ import annotations

import datetime
import logging
import time
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from agent.audit.archive import AuditArchive
from agent.audit.export import terminal_table, write_csv
from agent.audit.plot import svg
from agent.audit.sales import AuditedSale, parse_audit, read_json_lines
from agent.audit.summary import Shifts, summarise
from agent.config.audit import AuditSection
from agent.config.load import LoadedConfig
from agent.errors import InputError, ProtocolError
from agent.publish.companion import Companion, Subscriptions
from agent.publish.topics import TOPICS, TREE_VERSION, TopicKey

_log = logging.getLogger(__name__)
#: How often old audits are deleted, and how often the collector looks up.
_PRUNE_EVERY_S = 3600.0
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """What the command line asked for.

    Attributes:
        files: JSON lines; none: the collected archive.
        since: First day, local time.
        until: Last day, local time; in it.
        csv: File for a spreadsheet.
        plot: SVG file.
    """

    files: tuple[Path, ...] = ()
    since: datetime.date | None = None
    until: datetime.date | None = None
    csv: Path | None = None
    plot: Path | None = None


def report(options: AuditOptions, loaded: LoadedConfig) -> int:
    """Print the store's table, and write plot and CSV when asked for; return the exit code.

    Raises:
        AgentError: A file cannot be read or written.
    """
    section = loaded.config.audit
    shifts = _shifts(section)
    sales = _read(options, section, _span(options, shifts))
    console = Console()
    if not sales:
        console.print("no age-restricted sale was audited in that time")
        return 0
    lines = summarise(sales, shifts)
    title = _title(sales, shifts)
    console.print(terminal_table(lines, title))
    try:
        if options.csv is not None:
            with options.csv.open("w", newline="", encoding="utf-8") as stream:
                write_csv(lines, stream)
        if options.plot is not None:
            options.plot.write_text(svg(lines, title), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}: give another file") from error
    return 0


def collect(loaded: LoadedConfig, stop_after_s: float | None = None) -> int:
    """Keep every sale audit of the store's registers, until SIGINT; return the exit code.

    The broker keeps what is missed while this does not run; an audit that comes twice counts once.

    Args:
        loaded: The broker, the store, and where the archive is.
        stop_after_s: None: never.

    Raises:
        BrokerError: The broker cannot be reached at the start.
        OutboxError: The archive cannot be written.
    """
    config = loaded.config
    with AuditArchive(config.audit.path) as archive:
        subscriptions = Subscriptions(
            [audit_topics(config.mqtt.prefix, config.store_id)], _Collector(archive), durable=True
        )
        client_id = f"{config.mqtt.prefix}.{config.store_id}.audit"  # no name holds a dot
        companion = Companion(config.mqtt, client_id, loaded.mqtt_password(), subscriptions)
        companion.start()
        _log.info("audit_collecting path=%s", config.audit.path)
        try:
            _keep(companion, archive, config.audit.max_age_s, stop_after_s)
        finally:
            companion.stop()
    return 0


def audit_topics(prefix: str, store_id: str) -> str:
    """Return the topic filter of all registers of a store."""
    return f"{prefix}/{TREE_VERSION}/{store_id}/+/{TOPICS[TopicKey.SALE_AUDIT].path}"


class _Collector:
    """Takes messages; a broken one is said and passed over, for it would come again for ever."""

    def __init__(self, archive: AuditArchive) -> None:
        self._archive = archive

    def __call__(self, topic: str, content: bytes) -> None:
        try:
            sale = parse_audit(topic, content)
        except ProtocolError as error:
            _log.warning("audit_refused %s", error)
            return
        self._archive.add(sale)


def _keep(
    companion: Companion, archive: AuditArchive, max_age_s: float, stop_after_s: float | None
) -> None:
    started_s, prune_at_s = time.monotonic(), 0.0
    while not companion.wait(_LOOK_EVERY_S):
        now_s = time.monotonic()
        if now_s >= prune_at_s:
            prune_at_s = now_s + _PRUNE_EVERY_S
            archive.delete_before(time.time() - max_age_s)
        if stop_after_s is not None and now_s - started_s >= stop_after_s:
            return


def _shifts(section: AuditSection) -> Shifts:
    zone = zoneinfo.ZoneInfo(section.time_zone) if section.time_zone else None
    return Shifts(section.shift_start_hours, zone)


def _span(options: AuditOptions, shifts: Shifts) -> tuple[float, float]:
    """Return the days asked for as seconds since 1970."""

    def midnight(day: datetime.date) -> float:
        return datetime.datetime.combine(day, datetime.time(), shifts.zone).timestamp()

    since = float("-inf") if options.since is None else midnight(options.since)
    one_day = datetime.timedelta(days=1)
    until = float("inf") if options.until is None else midnight(options.until + one_day)
    if since >= until:
        raise InputError(f"--since {options.since} is after --until {options.until}")
    return since, until


def _read(
    options: AuditOptions, section: AuditSection, span: tuple[float, float]
) -> list[AuditedSale]:
    since, until = span
    if options.files:
        audits = (sale for file in options.files for sale in read_json_lines(file))
        once = {sale.event_id: sale for sale in audits}
        return [sale for sale in once.values() if since <= sale.occurred_wall_s < until]
    if not section.path.exists():
        raise InputError(
            f"{section.path}: nothing collected yet: let `checkout-agent audit collect` run, "
            "or name files of JSON lines"
        )
    with AuditArchive(section.path) as archive:
        return archive.sales(since, until)


def _title(sales: Sequence[AuditedSale], shifts: Shifts) -> str:
    stores = ", ".join(sorted({sale.store_id for sale in sales}))
    times = [sale.occurred_wall_s for sale in sales]
    first, last = (shifts.local(moment).date() for moment in (min(times), max(times)))
    days = f"{first}" if first == last else f"{first} to {last}"
    return f"Age-restricted sales, {stores}, {days}"
