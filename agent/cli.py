"""The command line: `checkout-agent`. Every command's help is its manual."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agent.commands.audit_arguments import audit_app
from agent.commands.insights_arguments import app as insights_app
from agent.errors import AgentError

app = typer.Typer(
    name="checkout-agent",
    help="Real-time age checks at supermarket registers: camera in, MQTT alerts out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(insights_app, name="insights")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Settings file; none: built-in defaults.", metavar="FILE"),
]


@app.command()
def run(
    config: Annotated[
        Path, typer.Option("--config", "-c", help="Settings file.", metavar="FILE")
    ] = Path("config.yaml"),
    debug_view: Annotated[
        bool,
        typer.Option(
            "--debug-view",
            help="Show the live picture with boxes, zones and reasons on a page of this machine, "
            "to aim the camera; ends by itself after 15 minutes (debug_view.duration_s).",
        ),
    ] = False,
) -> None:
    """Run the daemon: cameras in, MQTT out, until SIGTERM (clean stop within 5 s).

    With --debug-view it prints an address with a token that opens the page; from another
    machine: ssh -L 8092:127.0.0.1:8092 REGISTER. No picture is stored, no other option and no
    message switches it on, and the state message tells the store that somebody looks.
    """
    from agent.commands.run import run as run_daemon
    from agent.config.load import load_config

    raise typer.Exit(run_daemon(load_config(config), debug_view))


@app.command()
def replay(
    videos: Annotated[list[Path], typer.Argument(help="Recordings; several: several cameras.")],
    config: ConfigOption = None,
    embedded_broker: Annotated[
        bool, typer.Option("--embedded-broker", help="Start a broker inside, on a free port.")
    ] = False,
    realtime: Annotated[
        bool, typer.Option("--realtime", help="Pace the recording like a camera.")
    ] = False,
    start_at: Annotated[
        str,
        typer.Option(help="Wall time of the first frame, RFC 3339.", metavar="RFC3339"),
    ] = "2026-01-01T12:00:00Z",
    jsonl: Annotated[
        str | None,
        typer.Option(help="Write every message as a JSON line; - is stdout.", metavar="FILE|-"),
    ] = None,
    sales: Annotated[
        Path | None,
        typer.Option(help="YAML script of till messages in video time.", metavar="FILE"),
    ] = None,
) -> None:
    """Run the whole pipeline on recordings, every frame, in the video's own time.

    Without --config and --embedded-broker nothing is sent anywhere: use --jsonl.
    """
    from agent.commands.replay import ReplayOptions
    from agent.commands.replay import replay as run_replay
    from agent.config.load import load_config

    options = ReplayOptions(
        videos=tuple(videos),
        embedded_broker=embedded_broker,
        realtime=realtime,
        start_at=start_at,
        jsonl=jsonl,
        sales=sales,
        broker_from_config=config is not None,
    )
    raise typer.Exit(run_replay(options, load_config(config)))


@app.command()
def estimate(
    files: Annotated[list[Path], typer.Argument(help="Photographs: JPEG, PNG, WebP, …")],
    config: ConfigOption = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON line a file.")] = False,
) -> None:
    """Estimate the ages on your own photographs; exit code 1 when a file is unreadable."""
    from agent.commands.estimate import estimate as run_estimate
    from agent.commands.native_noise import native_noise_hidden
    from agent.config.load import load_config
    from agent.sandbox import forbid_network

    loaded = load_config(config)
    forbid_network()
    with native_noise_hidden():
        code = run_estimate(files, loaded.config, jsonl)
    raise typer.Exit(code)


@app.command()
def doctor(config: ConfigOption = None) -> None:
    """Check config, model, camera, broker, disk and clock; say what to do about each."""
    from agent.commands.doctor import doctor as run_doctor

    raise typer.Exit(run_doctor(config))


@app.command()
def display(
    config: Annotated[
        Path, typer.Option("--config", "-c", help="Settings file.", metavar="FILE")
    ] = Path("config.yaml"),
) -> None:
    """Serve the cashier's display: a web page that says when to ask for ID.

    It listens to the broker itself, so it may run on another machine than the agent.
    """
    from agent.commands.display import display as run_display
    from agent.config.load import load_config

    raise typer.Exit(run_display(load_config(config)))


@app.command("check-config")
def check_config(file: Annotated[Path, typer.Argument(help="Settings file.")]) -> None:
    """Check a settings file; exit code 78 and one line a fault when it is refused."""
    from agent.commands.terminal import plain
    from agent.config.load import load_config

    load_config(file)
    Console().print(plain(f"{file}: good"), soft_wrap=True)


@app.command()
def schema(
    folder: Annotated[Path, typer.Argument(help="Where the JSON Schemas and asyncapi.yaml go.")],
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 when they differ.")
    ] = False,
) -> None:
    """Write the JSON Schema of every message and one AsyncAPI 3 document."""
    from agent.commands.schema import schema as write_schema

    raise typer.Exit(write_schema(folder, check=check))


@app.command()
def demo(
    stay: Annotated[
        bool, typer.Option("--stay", help="Play it again and again until Ctrl-C.")
    ] = False,
) -> None:
    """Replay a real clip with three sales: till, agent, subscriber and the cashier's display."""
    from agent.commands.demo import demo as run_demo

    raise typer.Exit(run_demo(stay))


@app.command("simulate-pos")
def simulate_pos(
    script: Annotated[
        Path | None,
        typer.Argument(help="YAML script of till messages; none: type them at a prompt."),
    ] = None,
    config: ConfigOption = None,
    linger_s: Annotated[
        float, typer.Option(help="Longest wait for the last audit after the script.", min=0)
    ] = 5.0,
) -> None:
    """Speak for a till over MQTT: a scripted scenario in real time, or typed live.

    Shows what the agent answers: alerts and sale audits. The script's format is that of
    replay --sales. At the prompt: open, scan alcohol beer x2, remove alcohol beer, id,
    id display, refuse, close, sale NUMBER, help, quit.
    """
    from agent.commands.simulate_pos import simulate
    from agent.config.load import load_config

    raise typer.Exit(simulate(script, load_config(config), linger_s))


app.add_typer(audit_app, name="audit")


def main() -> None:
    """Run the command line; an error is one line on stderr, never a traceback."""
    try:
        app()
    except AgentError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"checkout-agent: {line}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)


if __name__ == "__main__":
    main()
