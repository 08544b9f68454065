"""The command line of `checkout-agent audit`."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer

audit_app = typer.Typer(
    rich_markup_mode="rich",
)

_ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Settings file; none: built-in defaults.", metavar="FILE"),
]
_DAY = ["%Y-%m-%d"]


@audit_app.callback(invoke_without_command=True)
def audit(context: typer.Context) -> None:
    """How conscientiously age-restricted goods are sold; alone it is `audit report`.

    By register, shift and hour, never by person.
    """
    if context.invoked_subcommand is None:
        report()


@audit_app.command()
def report(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="JSON lines (replay --jsonl, mosquitto_sub -F %J); none: the archive."),
    ] = None,
    config: _ConfigOption = None,
    since: Annotated[
        datetime.datetime | None, typer.Option(formats=_DAY, help="First day, local time.")
    ] = None,
    until: Annotated[
        datetime.datetime | None, typer.Option(formats=_DAY, help="Last day, local time.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table as CSV.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the plot as SVG.")] = None,
) -> None:
    """Print the store's table with 95 % intervals: few sales are no proof, and it says so."""
    from agent.commands.audit import AuditOptions
    from agent.commands.audit import report as run_report
    from agent.config.load import load_config

    options = AuditOptions(
        files=tuple(files or ()),
        since=since.date() if since else None,
        until=until.date() if until else None,
        csv=csv,
        plot=plot,
    )
    raise typer.Exit(run_report(options, load_config(config)))


@audit_app.command()
def collect(config: _ConfigOption = None) -> None:
    """Keep the sale audits of all registers of the store in one file; run it as a service."""
    import sys

    from agent.commands.audit import collect as run_collect
    from agent.config.load import load_config
    from agent.observe.logs import set_up_logging

    loaded = load_config(config)
    set_up_logging(loaded.config.observe, sys.stderr)
    raise typer.Exit(run_collect(loaded))
