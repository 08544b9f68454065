"""`checkout-agent simulate-pos`: speaks for a till over MQTT, and shows what comes back."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from agent import assemble
from agent.config.load import LoadedConfig
from agent.errors import InputError
from agent.outcomes import SaleMessage
from agent.publish.companion import Companion, Subscriptions
from agent.publish.till import till_message
from agent.publish.topics import TopicKey, TopicTree
from agent.sales_script import SalesScript, load_sales_script
from agent.till_prompt import HELP, TypedTill

_ANSWERS = (TopicKey.ALERT, TopicKey.SALE_AUDIT)
#: Longest sleep between two steps, so that an end of the connection is noticed.
_NAP_S = 0.2
PROMPT = "till> "


def simulate(script: Path | None, loaded: LoadedConfig, linger_s: float) -> int:
    """Send a script's messages in real time, or what is typed; return the exit code.

    Args:
        script: YAML, as for `replay --sales`; None: typed lines from standard input.
        loaded: The broker, the store and the register.
        linger_s: Listen for the last audit so long after the end of a script.

    Raises:
        AgentError: The script is refused, or the broker.
    """
    steps = load_sales_script(script) if script is not None else None
    console = Console(highlight=False, soft_wrap=True)
    tree = assemble.topic_tree(loaded.config)
    run = secrets.token_hex(3)
    answers = Answers(console)
    subscriptions = Subscriptions([tree.path(key) for key in _ANSWERS], answers.show)
    section = loaded.config.mqtt
    client_id = f"{tree.client_id}.till.{run}"
    companion = Companion(section, client_id, loaded.mqtt_password(), subscriptions)
    companion.start()
    till = Till(companion, tree, console, answers)
    try:
        if steps is not None:
            play(till, SalesScript(steps, time.time()), run)
            listen(companion, answers, linger_s)
        else:
            till_prompt = TypedTill(loaded.config.challenge.categories, time.time, f"sim-{run}")
            converse(till, till_prompt, _lines(console), console)
            if not sys.stdin.isatty():
                listen(companion, answers, linger_s)
    finally:
        companion.stop()
    return 0


class Answers:
    """Shows what the agent says, and knows which audits are still to come."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._restricted: set[str] = set()
        self._awaited: set[str] = set()

    @property
    def all_came(self) -> bool:
        """Whether every restricted sale that was closed has been audited."""
        return not self._awaited

    def expect(self, message: SaleMessage) -> None:
        """Note a step that was sent."""
        if message.restricted and message.step == "item_scanned":
            self._restricted.add(message.sale_id)
        if message.step == "closed" and message.sale_id in self._restricted:
            self._awaited.add(message.sale_id)

    def show(self, topic: str, content: bytes) -> None:
        """Print an alert or an audit; called in the client's thread."""
        try:
            answer: Any = json.loads(content)
            text = _answer(topic, answer)
        except (ValueError, KeyError, TypeError, RecursionError):
            text = escape(f"{topic}: {content[:100]!r}")
        else:
            if topic.endswith("/sale-audit"):
                self._awaited.discard(str(answer["sale_id"]))
        self._console.print(text)


class Till:
    """Sends steps of sales and says so."""

    def __init__(
        self, companion: Companion, tree: TopicTree, console: Console, answers: Answers
    ) -> None:
        self._companion = companion
        self._tree = tree
        self._console = console
        self._answers = answers

    def send(self, message: SaleMessage) -> None:
        """Send one step.

        Raises:
            InputError: It breaks the published schema.
            BrokerError: The broker does not take it.
        """
        try:
            key, content = till_message(message)
        except ValueError as error:
            first = " ".join(str(error).split())[:200]
            raise InputError(f"{message.sale_id}: no valid message: {first}") from error
        self._companion.publish(self._tree.path(key), content)
        self._answers.expect(message)
        goods = f" {message.quantity} x {message.product_id} ({message.category})"
        what = f"{message.step}{goods if message.category else ''}"
        by = " at the display" if message.source == "display" else ""
        self._console.print(f"[dim]sent[/dim]  {escape(f'{message.sale_id}: {what}{by}')}")


def listen(companion: Companion, answers: Answers, longest_s: float) -> None:
    """Wait for the audits of the closed sales."""
    end_s = time.monotonic() + longest_s
    while not answers.all_came and time.monotonic() < end_s:
        companion.wait(_NAP_S)


def play(till: Till, script: SalesScript, run: str) -> None:
    """Send a script's steps at their times, the first one at once.

    Message ids get the run's name: the agent ignores an id it has seen before.
    """
    first_s = script.next_at_s
    started_s = time.monotonic() - (first_s or 0.0)
    while (next_s := script.next_at_s) is not None:
        wait_s = started_s + next_s - time.monotonic()
        if wait_s > 0:
            time.sleep(min(wait_s, _NAP_S))
            continue
        for _, message in script.take_until(next_s):
            till.send(replace(message, message_id=f"{run}-{message.message_id}"[:64]))


def converse(till: Till, typed: TypedTill, lines: Iterable[str], console: Console) -> None:
    """Send what is typed until `quit` or the end of the input."""
    console.print(HELP)
    for line in lines:
        word = line.strip().lower()
        if word in ("quit", "exit"):
            return
        if word in ("help", "?"):
            console.print(HELP)
            continue
        try:
            for message in typed.read(line):
                till.send(message)
        except InputError as error:
            console.print(f"[yellow]{escape(str(error))}[/yellow]")


def _lines(console: Console) -> Iterable[str]:
    """Give the typed lines; the prompt only where somebody sits."""
    if not sys.stdin.isatty():
        yield from sys.stdin
        return
    while True:
        try:
            yield console.input(PROMPT)
        except EOFError:
            return


def _answer(topic: str, answer: dict[str, Any]) -> str:
    sale = escape(str(answer["sale_id"] or "this visit"))
    if topic.endswith("/alert"):
        reason = str(answer["reason"]).replace("_", " ")
        return f"[bold yellow]ALERT[/bold yellow] {sale}: ask for ID ({reason})"
    due = "due" if answer["challenge_due"] else "not due"
    by = answer["id_checked_by"] or "nobody"
    result = str(answer["result"]).replace("_", " ")
    return f"[cyan]AUDIT[/cyan] {sale}: {result} (challenge {due}; ID checked by {by})"
