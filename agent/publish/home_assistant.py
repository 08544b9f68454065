"""What Home Assistant is told of a register: its MQTT device discovery, one message. Pure.

The format is Home Assistant's, not ours: one retained message on
`<discovery_prefix>/device/<object_id>/config` with the device, the origin of the message and
the components, each with a topic that the agent speaks on anyway and a template that picks the
value. Nothing in it says more than those topics do: no picture, no age but the groups.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from agent.outcomes import Advice
from agent.publish.topics import OFFLINE, ONLINE, TOPICS, TopicKey, TopicTree

#: Of a visit without evidence; beside the groups of the settings.
UNKNOWN_GROUP = "unknown"
ORIGIN = "checkout-agent"
#: Both events come again when a broker or agent was restarted: `event_id` tells duplicates.
_ASK = '{"event_type": "{{ value_json.advice }}", "reason": "{{ value_json.reason }}", "event_id": "{{ value_json.event_id }}"}'  # noqa: E501  (one template)
_AGE_GROUP = '{"event_type": "{{ value_json.group }}", "event_id": "{{ value_json.event_id }}"}'
_CAMERA = "{{ 'ON' if value_json.state == 'online' else 'OFF' }}"
_PROBLEM = "{{ 'ON' if value_json.degraded or value_json.stopped else 'OFF' }}"

Component = dict[str, Any]


def discovery_topic(discovery_prefix: str, tree: TopicTree) -> str:
    """Return where Home Assistant looks for this register."""
    return f"{discovery_prefix}/device/{tree.client_id}/config"


def components(
    tree: TopicTree, cameras: Sequence[str], groups: Sequence[str]
) -> dict[str, Component]:
    """Return the register's entities by their id.

    Args:
        tree: The register's topics.
        cameras: Ids from the settings.
        groups: Names of the age groups.
    """
    seen: dict[str, Component] = {
        f"camera_{camera}": _binary_sensor(
            f"Camera {camera}", "connectivity", tree.path(TopicKey.CAMERA_STATUS, camera), _CAMERA
        )
        for camera in cameras
    }
    seen["problem"] = _binary_sensor("Problem", "problem", tree.path(TopicKey.STATE), _PROBLEM)
    seen["ask_for_id"] = _event(
        "Ask for ID", "mdi:card-account-details", tree.path(TopicKey.ALERT), _ASK, get_args(Advice)
    )
    seen["age_group"] = _event(
        "Age group", "mdi:account-group", tree.path(TopicKey.AGE_GROUP), _AGE_GROUP,
        (*groups, UNKNOWN_GROUP),
    )  # fmt: skip
    return {
        name: {**component, "unique_id": f"{tree.client_id}_{name}"}
        for name, component in seen.items()
    }


def discovery_payload(
    tree: TopicTree, version: str, present: Mapping[str, Component], gone: Mapping[str, str]
) -> bytes:
    """Return the message.

    Args:
        tree: The register's topics.
        version: Of the agent.
        present: The entities, from `components`.
        gone: Platforms of entities that were announced once and are no more, by id; a component
            with nothing but its platform takes an entity away.
    """
    removed = {name: {"platform": platform} for name, platform in gone.items()}
    payload = {
        "device": {
            "identifiers": [tree.client_id],
            "name": f"Register {tree.store_id} {tree.register_id}",
            "manufacturer": "Checkout agent",
            "model": "Register camera",
            "sw_version": version,
        },
        "origin": {"name": ORIGIN, "sw_version": version},
        "components": {**present, **removed},
        "availability_topic": tree.path(TopicKey.AVAILABILITY),
        "payload_available": ONLINE,
        "payload_not_available": OFFLINE,
        "qos": TOPICS[TopicKey.ALERT].qos,
    }
    return json.dumps(payload, ensure_ascii=False).encode()


def _binary_sensor(name: str, device_class: str, topic: str, template: str) -> Component:
    return {
        "platform": "binary_sensor",
        "name": name,
        "device_class": device_class,
        "entity_category": "diagnostic",
        "state_topic": topic,
        "value_template": template,
    }


def _event(
    name: str, icon: str, topic: str, template: str, event_types: Sequence[str]
) -> Component:
    return {
        "platform": "event",
        "name": name,
        "icon": icon,
        "state_topic": topic,
        "value_template": template,
        "event_types": list(event_types),
    }
