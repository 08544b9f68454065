"""What the demo prints: a line for every message, for every new screen, and what it meant."""

from __future__ import annotations

import json
import threading
from typing import Any

from rich.console import Console
from rich.markup import escape

from agent.display.wording import Words
from agent.publish.topics import OFFLINE

_COLOUR = {"alert": "[bold yellow]", "pos/sale": "[dim]", "display/confirm": "[dim]"}
#: Said once when a scene begins, and of no use to somebody who watches.
_UNTOLD = frozenset({"state", "display/hello"})
_MEANING = {
    "conscientious": "the agent asked for ID, and the cashier checked it",
    "missed_challenge": "the agent asked for ID, and nobody checked",
    "not_due": "the customer looks old enough, so nothing was asked",
    "no_evidence": "restricted goods, and the agent had seen nobody",
}


class Witness:
    """Prints what a subscriber and the cashier see; safe to call from any thread.

    Args:
        console: Where it prints.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._audits: dict[str, str] = {}
        self._over = threading.Event()

    def begin(self) -> None:
        """Forget the last scene."""
        self._audits.clear()
        self._over.clear()

    def message(self, topic: str, content: bytes) -> None:
        """Print what came on a topic."""
        short = topic.split("/", 4)[-1]
        if short in _UNTOLD:
            return
        text = content.decode()
        if short == "availability":
            self._print(short, text)
            if text == OFFLINE:
                self._over.set()
            return
        fields: dict[str, Any] = json.loads(text)
        if short == "event/sale-audit":
            self._audits[fields["sale_id"]] = fields["result"]
        self._print(short, summary(short, fields))

    def screen(self, words: Words) -> None:
        """Print what the cashier reads now."""
        colour = "[bold black on yellow]" if words.kind == "ask" else "[bold]"
        more = f" ({escape(words.reason)})" if words.reason else ""
        self.console.print(
            f"[magenta]{'display shows':20}[/magenta] {colour}{words.headline}[/]{more}"
        )

    def end(self, settle_s: float) -> None:
        """Wait for the last message, then say what the sales have shown."""
        self._over.wait(settle_s)
        self.console.print("\n[bold]What you have seen[/bold]")
        for sale_id, result in sorted(self._audits.items()):
            self.console.print(f"{sale_id}: {result}: {_MEANING[result]}")
        self.console.print("The agent only ever adds a question for ID; doubt asks.")

    def _print(self, short: str, text: str) -> None:
        self.console.print(f"[cyan]{short:20}[/cyan] {_COLOUR.get(short, '')}{escape(text)}")


def summary(short: str, fields: dict[str, Any]) -> str:
    """Return a message in words.

    Args:
        short: Its topic below the register's.
        fields: Its content.
    """
    match short:
        case "alert":
            return (
                f"{fields['sale_id']}: {fields['advice'].upper()}, {fields['reason']}: ask for ID"
            )
        case "pos/sale":
            item = fields.get("item")
            goods = f" {item['product_id']} ({item['category']})" if item else ""
            return f"{fields['sale_id']}: {fields['type']}{goods}"
        case "display/confirm":
            return f"{fields['sale_id']}: {fields['action']}"
        case "event/sale-audit":
            due = "a challenge was due" if fields["challenge_due"] else "no challenge was due"
            by = fields["id_checked_by"] or "nobody"
            return f"{fields['sale_id']}: {fields['result']} ({due}; ID checked by {by})"
        case "event/age-group":
            return _age_group(fields)
        case _:
            return f"{fields['state']} {fields['detail']}"


def _age_group(fields: dict[str, Any]) -> str:
    groups = ", ".join(
        f"{each['group']}: {each['probability_ratio']:.0%}"
        for each in fields["group_probabilities"]
    )
    return f"{fields['group']} after {fields['dwell_s']:.1f} s, {fields['crops']} crops ({groups})"
