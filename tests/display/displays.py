"""A display under test: the real server and page, an agent that only says what it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent import ids
from agent.clock import SystemClock
from agent.config.messaging import MqttSection
from agent.display.board import Board
from agent.display.link import MqttLink
from agent.display.pages import Pages
from agent.display.server import make_server
from agent.display.service import DisplayService
from agent.outcomes import Advice, Alert, AlertReason, SaleAudit
from agent.publish.events import CameraPart, StatePayload, rfc3339
from agent.publish.publisher import outcome_message, state_message
from agent.publish.topics import TopicTree
from tests.brokers import HOST, wait_until

TREE = TopicTree("checkout", "demo-store", "till-1")
BASE = "checkout/v1/demo-store/till-1"


class AgentStandIn:
    """Says what the agent says, and answers a greeting as it does: alerts, then the state."""

    def __init__(self, port: int, heartbeat_s: float = 0.5) -> None:
        self.cameras: dict[str, str] = {"till": "online"}
        self.standing: dict[str, Alert] = {}
        self.greetings = 0
        self.confirmed: list[dict[str, Any]] = []
        self.silent = False
        self._heartbeat_s = heartbeat_s
        self._client = self._make_client()
        self._client.connect(HOST, port, keepalive=5)
        self._client.loop_start()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        assert wait_until(self._client.is_connected)

    def _make_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2, TREE.client_id, protocol=MQTTProtocolVersion.MQTTv5
        )
        client.will_set(f"{BASE}/availability", b"offline", qos=1, retain=True)
        client.reconnect_delay_set(1, 1)
        client.on_connect = self._greet_broker
        client.on_message = self._hear
        return client

    def _greet_broker(self, client: Client, *_: object) -> None:
        client.subscribe(f"{BASE}/display/+", qos=1)
        client.publish(f"{BASE}/availability", b"online", qos=1, retain=True)
        self._say_everything()

    def _hear(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if message.topic.endswith("hello"):
            self.greetings += 1
            self._say_everything()
        else:
            told = json.loads(message.payload)
            self.confirmed.append(told)
            if told["action"] == "id_checked":
                self.standing.pop(told["sale_id"], None)

    def _say_everything(self) -> None:
        if not self.silent:
            for alert in list(self.standing.values()):
                self._say_alert(alert)
            self.say_state()

    def _live(self) -> None:
        while not self._stopping.wait(self._heartbeat_s):
            if not self.silent and self._client.is_connected():
                self.say_state()

    def say_state(self) -> None:
        """Publish the state as it is."""
        cameras = tuple(CameraPart(camera_id=k, state=v) for k, v in self.cameras.items())
        payload = StatePayload(
            event_id=ids.new_event_id(), occurred_at=rfc3339(time.time()), agent_version="0",
            model=None, config_digest="0", cameras=cameras,
        )  # fmt: skip
        content = state_message(payload).payload.model_dump_json()
        self.say("state", content.encode(), retain=True)

    def ask(
        self, sale_id: str, reason: AlertReason = "looks_under_challenge_age",
        category: str = "alcohol",
    ) -> Alert:  # fmt: skip
        """Issue an alert and keep issuing it until `settle`."""
        advice: Advice = (
            "challenge" if reason in ("looks_under_challenge_age", "several_people") else "unsure"
        )
        now_s = time.time()
        alert = Alert(
            ids.new_event_id(), sale_id, advice, reason, category, 25, 1, now_s, now_s + 60.0
        )  # fmt: skip
        self.standing[sale_id] = alert
        self._say_alert(alert)
        return alert

    def _say_alert(self, alert: Alert) -> None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = 60
        content = outcome_message(alert).payload.model_dump_json().encode()
        self._client.publish(f"{BASE}/alert", content, qos=1, properties=properties)

    def audit(self, sale_id: str) -> None:
        """End a sale as the agent does."""
        self.standing.pop(sale_id, None)
        audit = SaleAudit(
            ids.new_event_id(), sale_id, ("alcohol",), True, "challenge", 1.0, None, False,
            "missed_challenge", time.time(),
        )  # fmt: skip
        self.say("event/sale-audit", outcome_message(audit).payload.model_dump_json().encode())

    def till(self, sale_id: str, step: str, category: str | None = None) -> None:
        """Play the point of sale."""
        if step == "closed":
            self.standing.pop(sale_id, None)
        content: dict[str, Any] = {
            "schema_version": 1, "message_id": ids.new_event_id(), "sale_id": sale_id,
            "type": step, "occurred_at": rfc3339(time.time()),
        }  # fmt: skip
        if category is not None:
            content["item"] = {
                "product_id": "p1", "category": category, "restricted": True, "quantity": 1
            }  # fmt: skip
        self.say("pos/sale", json.dumps(content).encode())

    def say(self, below: str, content: bytes, *, retain: bool = False) -> None:
        """Publish anything."""
        self._client.publish(f"{BASE}/{below}", content, qos=1, retain=retain)

    def die(self) -> None:
        """Cut the connection without a goodbye: the broker tells the last will."""
        self._stop()
        sock = self._client.socket()
        self._client.loop_stop()
        if sock is not None:
            sock.close()

    def close(self) -> None:
        """Leave; what stood is over, so that the next test begins with nothing."""
        self._stop()
        for sale_id in list(self.standing):
            self.till(sale_id, "closed")
        self._client.disconnect()
        self._client.loop_stop()

    def _stop(self) -> None:
        self._stopping.set()
        self._thread.join()


class RunningDisplay:
    """The display's server in a thread of its own."""

    def __init__(
        self, broker_port: int, token: str | None = None, stale_after_s: float = 6.0,
        port: int = 0,
    ) -> None:  # fmt: skip
        section = MqttSection(port=broker_port, backoff_initial_s=0.1, backoff_max_s=0.5)
        board = Board(stale_after_s, alert_lifetime_s=60.0)
        self.service = DisplayService(
            board, SystemClock(), partial(MqttLink, section, TREE, lambda: (None, None))
        )
        self._listening = socket.create_server((HOST, port))
        self.port = int(self._listening.getsockname()[1])
        pages = Pages(self.service, "en", "demo-store · till-1")
        self._server = make_server(pages.app(token), self.service)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert wait_until(lambda: self._server.started)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/"

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        async with self.service.running():
            await self._server.serve(sockets=[self._listening])

    def stop(self) -> None:
        """End the server; its port is free afterwards."""
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._listening.close()


@contextlib.contextmanager
def display(
    broker_port: int,
) -> Iterator[RunningDisplay]:
    """A display for the length of a `with`."""
    running = RunningDisplay(broker_port)
    try:
        yield running
    finally:
        running.stop()


def fetch(url: str, timeout_s: float = 5.0) -> bytes:
    """Return what a plain client gets."""
    with urllib.request.urlopen(url, timeout=timeout_s) as answer:  # noqa: S310 (our own)
        return bytes(answer.read())
