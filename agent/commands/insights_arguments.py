"""The arguments of `checkout-agent insights …`; what they do stands in `insights`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="What age groups buy: collect baskets, report, learn offers.", no_args_is_help=True
)

Baskets = Annotated[Path, typer.Argument(help="Folder that `collect` has written.", metavar="DIR")]
SmallestCount = Annotated[
    int, typer.Option(min=1, help="Nothing is said about fewer baskets than this.", metavar="N")
]
Uncorrected = Annotated[
    bool, typer.Option("--uncorrected", help="Leave the model's known confusion of ages in.")
]


@app.command()
def collect(
    config: Annotated[
        Path, typer.Option("--config", "-c", help="Settings file: its `mqtt`.", metavar="FILE")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the Parquet files.", metavar="DIR")],
    merge_every_s: Annotated[
        float, typer.Option(min=1.0, help="Time between merges into Parquet.", metavar="S")
    ] = 300.0,
) -> None:
    """Write the baskets of all registers to Parquet, one file an hour, until SIGTERM.

    The broker keeps baskets while this is down; `kill -9` loses none and doubles none.
    """
    from agent.commands.insights import collect as run_collect
    from agent.config.load import load_config

    raise typer.Exit(run_collect(load_config(config), out, merge_every_s))


@app.command()
def report(
    folder: Baskets,
    min_baskets: SmallestCount = 20,
    csv: Annotated[bool, typer.Option("--csv", help="CSV instead of tables.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Also write a page with plots.", metavar="FILE")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Products shown of each group.")] = 10,
    uncorrected: Uncorrected = False,
) -> None:
    """Show what each age group buys: baskets, share, and how much more often than others."""
    from agent.commands.insights import ReportOptions
    from agent.commands.insights import report as run_report

    options = ReportOptions(min_baskets, csv, html, top, uncorrected)
    raise typer.Exit(run_report(folder, options))


@app.command()
def offers(
    folder: Baskets,
    out: Annotated[Path, typer.Option(help="The offer table.", metavar="FILE")],
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Settings file: its restricted categories."),
    ] = None,
    min_baskets: SmallestCount = 20,
    products: Annotated[int, typer.Option(min=1, help="Products of each group.")] = 10,
    uncorrected: Uncorrected = False,
) -> None:
    """Learn the table from which the agent makes offers (`offers.table`).

    Age-restricted categories of the settings are left out.
    """
    from agent.commands.insights import offers as run_offers
    from agent.config.load import load_config

    restricted = load_config(config).config.challenge.categories
    code = run_offers(folder, out, min_baskets, products, restricted, corrected=not uncorrected)
    raise typer.Exit(code)
