"""A till that sells without pause, by a seeded script: the ground truth of the campaign.

It does what a good point of sale does: a message is kept until the broker has it and a while
longer, since a killed broker loses what it has acknowledged, and is sent again, with the same
`message_id`, on every connect.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion

from tests.brokers import HOST

#: Longer than any pause between two saves of the broker that loses what is in between.
RESEND_WINDOW_S = 15.0


@dataclass
class Step:
    """One message; `sent` is its last try."""

    payload: bytes
    said_at_s: float
    sent: MQTTMessageInfo | None = None


@dataclass
class Sale:
    """A restricted sale: once it is closed, exactly one sale-audit is due."""

    sale_id: str
    opened_at_s: float = 0.0
    closed_at_s: float | None = None


@dataclass
class Till:
    """Sells on `<prefix>/pos/sale` from a thread of its own."""

    port: int
    topic: str
    seed: int = 0
    sales: list[Sale] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._steps: list[Step] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._between_sales = threading.Lock()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="till")
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda *_: self._send_again()
        self._client.connect(HOST, self.port, keepalive=5)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._sell_on)

    def start(self) -> None:
        """Begin to sell."""
        self._thread.start()

    def stop(self) -> None:
        """Close the sale that is open, then sell no more."""
        self._stopping.set()
        self._thread.join()

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def open(self) -> Sale:
        """Open a sale and put alcohol on the belt."""
        with self._lock:
            sale = Sale(f"s{self.seed}-{len(self.sales)}", time.monotonic())
            self.sales.append(sale)
        item = {"product_id": "beer", "category": "alcohol", "restricted": True}
        self._say(sale, "opened")
        self._say(sale, "item_scanned", item=item)
        return sale

    def finish(self, sale: Sale, checked: bool) -> None:
        """Record an ID check or none, and end the sale."""
        if checked:
            self._say(sale, "id_checked")
        self._say(sale, "closed")
        sale.closed_at_s = time.monotonic()

    def _sell_on(self) -> None:
        while not self._stopping.is_set():
            with self._between_sales:
                sale = self.open()
                self._stopping.wait(self._random.uniform(0.1, 0.8))
                self.finish(sale, checked=self._random.random() < 0.5)
            self._stopping.wait(self._random.uniform(0.05, 0.4))

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """Begin no sale within a `with`; the one that is open is closed first."""
        with self._between_sales:
            yield

    def _say(self, sale: Sale, kind: str, **more: Any) -> None:  # noqa: ANN401
        with self._lock:
            message = {
                "schema_version": 1,
                "message_id": f"m{self.seed}-{len(self._steps)}",
                "sale_id": sale.sale_id,
                "type": kind,
                "occurred_at": datetime.datetime.now(datetime.UTC).isoformat(),
                **more,
            }
            step = Step(json.dumps(message).encode(), time.monotonic())
            self._steps.append(step)
            self._send(step)

    def _send_again(self) -> None:
        with self._lock:
            after_s = time.monotonic() - RESEND_WINDOW_S
            for step in self._steps:
                if step.said_at_s >= after_s or step.sent is None or not step.sent.is_published():
                    self._send(step)

    def _send(self, step: Step) -> None:
        if self._client.is_connected():
            step.sent = self._client.publish(self.topic, step.payload, qos=1)
