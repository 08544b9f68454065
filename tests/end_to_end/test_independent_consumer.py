"""A consumer that shares nothing with the agent but the documents that it publishes.

`mosquitto_sub` receives; topics and schemas come from the AsyncAPI document as it is checked in.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.brokers import Mosquitto, wait_until
from tests.end_to_end.command_line import CLIP_CHALLENGE, checkout_agent

DOCUMENTS = Path(__file__).parents[2] / "agent" / "publish" / "schemas"
SALES = Path(__file__).parent / "golden" / "sales.yaml"
PREFIX, STORE, REGISTER = "chain-7", "store-12", "till-3"


class Contract:
    """Topics and payloads as the AsyncAPI document promises them."""

    def __init__(self) -> None:
        self._document = yaml.safe_load((DOCUMENTS / "asyncapi.yaml").read_text())
        self._channels = {
            name: re.compile(_pattern(channel["address"]))
            for name, channel in self._document["channels"].items()
        }

    def channel(self, topic: str) -> str:
        """Return the one channel that the topic belongs to."""
        [name] = [str(name) for name, each in self._channels.items() if each.fullmatch(topic)]
        return name

    def check(self, topic: str, payload: str) -> str:
        """Raise when a message is not what its channel promises; return the channel."""
        name = self.channel(topic)
        schema = self._payload_schema(name)
        is_json = schema.get("type") != "string"
        content: Any = json.loads(payload) if is_json else payload
        jsonschema.Draft202012Validator(
            schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
        ).validate(content)
        return name

    def _payload_schema(self, channel: str) -> dict[str, Any]:
        [reference] = self._document["channels"][channel]["messages"].values()
        name = reference["$ref"].removeprefix("#/components/messages/")
        payload = self._document["components"]["messages"][name]["payload"]
        if "$ref" not in payload:
            return dict(payload)
        return dict(json.loads((DOCUMENTS / payload["$ref"]).read_text()))


def _pattern(address: str) -> str:
    known = {"prefix": PREFIX, "store": STORE, "register": REGISTER}
    return re.sub(r"\{(\w+)\}", lambda name: known.get(name[1], "[^/]+"), address)


@pytest.mark.mosquitto
def test_every_message_of_a_replay_is_as_the_documents_promise(
    carphone_clip: Path, tmp_path: Path
) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    config = tmp_path / "config.yaml"
    settings = {"mqtt": {"port": broker.port, "prefix": PREFIX}}
    names = {"store_id": STORE, "register_id": REGISTER}
    config.write_text(yaml.safe_dump({**settings, **names, "challenge": CLIP_CHALLENGE}))
    lines = tmp_path / "received"
    with lines.open("wb") as file:
        subscriber = subprocess.Popen(
            ["mosquitto_sub", "-p", str(broker.port), "-V", "5", "-q", "1", "-t", "#", "-F", "%j"],
            stdout=file,
        )
    assert wait_until(lambda: "Received SUBSCRIBE" in broker.log)

    finished = checkout_agent("replay", carphone_clip, "--config", config, "--sales", SALES)
    assert finished.returncode == 0, finished.stderr
    subscriber.send_signal(signal.SIGTERM)
    subscriber.wait(10)
    broker.stop()

    contract = Contract()
    received = [json.loads(line) for line in lines.read_text().splitlines()]
    channels = Counter(contract.check(each["topic"], each["payload"]) for each in received)
    assert channels["event-sale-audit"] == 2
    assert channels["event-age-group"] == 1
    assert channels["alert"] >= 1
    assert channels["availability"] >= 2
    assert channels["state"] >= 2
    assert channels["camera-status"] >= 1
    expiring = {each["topic"].rsplit("/", 1)[-1] for each in received if "properties" in each}
    assert expiring == {"alert"}


def test_the_contract_refuses_what_it_does_not_promise() -> None:
    contract = Contract()
    register = f"{PREFIX}/v1/{STORE}/{REGISTER}"
    with pytest.raises(jsonschema.ValidationError):
        contract.check(f"{register}/pos/sale", "{}")
    with pytest.raises(jsonschema.ValidationError):
        contract.check(f"{register}/availability", "perhaps")
    with pytest.raises(ValueError, match="not enough values"):
        contract.channel(f"{register}/secret")
