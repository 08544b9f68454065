"""What Home Assistant's documentation demands of a device discovery, checked independently.

After https://www.home-assistant.io/integrations/mqtt/ (device discovery payload),
/binary_sensor.mqtt/ and /event.mqtt/, and what `homeassistant.components.mqtt` does with a
message: it renders `value_template` with `value_json`, and compares or parses the result.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

#: `dev`, `o`, `cmps`, `p` are allowed short forms of these.
REQUIRED = {"device", "origin", "components"}
SHARED = {
    "availability_topic", "payload_available", "payload_not_available", "state_topic", "qos",
    "encoding", "command_topic",
}  # fmt: skip
DEVICE_KEYS = {
    "identifiers", "connections", "name", "manufacturer", "model", "model_id", "sw_version",
    "hw_version", "serial_number", "suggested_area", "via_device", "configuration_url",
}  # fmt: skip
ENTITY_KEYS = {
    "platform", "unique_id", "name", "state_topic", "value_template", "icon", "entity_category",
}  # fmt: skip
PLATFORM_KEYS = {
    "binary_sensor": {"device_class", "off_delay", "expire_after"},
    "event": {"device_class", "event_types"},
}
CLASSES = {"binary_sensor": {"connectivity", "problem", "running"}, "event": {"button"}}
_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined)


def check_topic(topic: str, discovery_prefix: str) -> None:
    """Raise AssertionError for a topic that Home Assistant would not take as a device's."""
    pattern = rf"{re.escape(discovery_prefix)}/device/[a-zA-Z0-9_-]+/config"
    assert re.fullmatch(pattern, topic), topic


def check_discovery(payload: dict[str, Any]) -> None:
    """Raise AssertionError for a payload that Home Assistant would refuse or ignore in part."""
    assert payload.keys() >= REQUIRED, payload.keys()
    assert payload.keys() - REQUIRED <= SHARED
    device = payload["device"]
    assert device.keys() <= DEVICE_KEYS
    assert device.get("identifiers") or device.get("connections"), "nothing identifies the device"
    assert payload["origin"]["name"]
    assert payload["qos"] in {0, 1, 2}
    unique: list[str] = []
    for component in payload["components"].values():
        if component.keys() == {"platform"}:
            assert component["platform"] in PLATFORM_KEYS
            continue  # takes an entity away
        check_component(component)
        unique.append(component["unique_id"])
    assert len(set(unique)) == len(unique)


def check_component(component: dict[str, Any]) -> None:
    """Raise AssertionError for an entity that cannot be set up as it is meant."""
    platform = component["platform"]
    assert platform in PLATFORM_KEYS
    assert component.keys() - ENTITY_KEYS <= PLATFORM_KEYS[platform]
    assert component["unique_id"]
    assert not set("+#") & set(component["state_topic"])
    assert component.get("device_class", next(iter(CLASSES[platform]))) in CLASSES[platform]
    assert component.get("entity_category", "diagnostic") in {"diagnostic", "config"}
    if platform == "event":
        assert component["event_types"]
        assert all(isinstance(each, str) for each in component["event_types"])


@dataclass
class HomeAssistant:
    """Shows what its entities would: `states` of sensors, `events` in order, by unique id."""

    payload: dict[str, Any]
    available: bool = False
    states: dict[str, str] = field(default_factory=dict)
    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def hear(self, topic: str, content: bytes) -> None:
        """Take a message as the broker brings it, live."""
        if topic == self.payload["availability_topic"]:
            self.available = content.decode() == self.payload["payload_available"]
        for name, component in self.payload["components"].items():
            if component.get("state_topic") == topic:
                self._update(name, component, content.decode())

    def _update(self, name: str, component: dict[str, Any], content: str) -> None:
        template = _ENVIRONMENT.from_string(component["value_template"])
        rendered = template.render(value=content, value_json=json.loads(content))
        if component["platform"] == "binary_sensor":
            assert rendered in {
                component.get("payload_on", "ON"),
                component.get("payload_off", "OFF"),
            }
            self.states[name] = rendered.lower()
            return
        attributes = json.loads(rendered)
        kind = attributes.pop("event_type")
        assert kind in component["event_types"], kind
        self.events.append((name, kind, attributes))
