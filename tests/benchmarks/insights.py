"""How long a report over a million baskets takes: `python -m tests.benchmarks.insights`."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import typer

from agent.commands.insights import ReportOptions, report
from agent.insights.duck import database

HOURS = 100
_PROBABILITIES = (
    "[[0.02, 0.06, 0.35, 0.47, 0.07, 0.02, 0.01], [0.0, 0.01, 0.06, 0.33, 0.43, 0.15, 0.02],"
    " [0.0, 0.0, 0.0, 0.01, 0.07, 0.33, 0.59]]"
)


def write_baskets(folder: Path, baskets: int, hours: int = HOURS, products: int = 1000) -> None:
    """Write random baskets of five products on average, as the collector would."""
    with database() as connection:
        connection.execute("SELECT setseed(0.5)").fetchall()
        for hour in range(hours):
            file = folder / f"baskets-2026-01-{hour // 24 + 1:02}T{hour % 24:02}.parquet"
            connection.sql(
                f"""
                SELECT uuid()::VARCHAR AS event_id,
                    TIMESTAMPTZ '2026-01-01 00:00:00Z' + INTERVAL {hour} HOUR AS occurred_at,
                    'shop' AS store_id, 'till-' || (i % 20) AS register_id,
                    [{{'category': 'goods', 'product_id': 'p' || product, 'quantity': 1}}
                        FOR product IN list_distinct([(random() * random() * {products})::INTEGER
                        FOR k IN range(1 + i % 9)])] AS lines,
                    ['0-9', '10-17', '18-24', '25-34', '35-49', '50-64', '65+'] AS groups,
                    {_PROBABILITIES}[1 + i % 3] AS probabilities
                FROM range({baskets // hours}) AS r(i)
                """  # noqa: S608 (numbers of our own)
            ).write_parquet(str(file), compression="zstd")


def main(baskets: int = 1_000_000) -> None:
    """Write them, report, print the seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_baskets(folder, baskets)
        size_mb = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
        started_s = time.perf_counter()
        report(folder, ReportOptions(20, False, folder / "page.html", 3, False))
        seconds = time.perf_counter() - started_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    typer.echo(f"{baskets} baskets, {size_mb:.0f} MB: {seconds:.1f} s, {peak_mb:.0f} MB peak")


if __name__ == "__main__":
    typer.run(main)
