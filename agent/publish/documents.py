"""JSON Schemas and the AsyncAPI document, made from the payload classes and the topic table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel

from agent.publish.topics import OFFLINE, ONLINE, TOPICS, TREE_VERSION, Topic, TopicKey

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LEVELS = {
    "prefix": "First level, `mqtt.prefix` in the settings.",
    "store": "`store_id` in the settings.",
    "register": "`register_id` in the settings.",
    "camera_id": "`cameras[].id` in the settings.",
}


def make_documents() -> dict[str, str]:
    """Return every document by its file name."""
    documents = {f"{key}.json": _json(make_schema(key)) for key in TOPICS if TOPICS[key].payload}
    documents["asyncapi.yaml"] = yaml.safe_dump(
        make_asyncapi(), sort_keys=False, allow_unicode=True, width=100
    )
    return documents


def make_schema(key: TopicKey) -> dict[str, Any]:
    """Return the JSON Schema of a topic's payload.

    Raises:
        ValueError: The topic's payload is a bare word.
    """
    topic = TOPICS[key]
    if topic.payload is None:
        raise ValueError(f"{key}: has no JSON payload")
    # What a consumer may rely on (serialization), and what a sender may leave out (validation).
    schema = topic.payload.model_json_schema(
        mode="serialization" if topic.direction == "out" else "validation"
    )
    return {"$schema": _DIALECT, "$id": f"{key}.json", **schema}


def make_asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3 document, written from the agent's side."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Checkout agent",
            "version": TREE_VERSION.removeprefix("v") + ".0.0",
            "description": (
                "What the agent of one register publishes and listens to over MQTT. "
                "Delivery is at least once: `event_id` (inbound: `message_id`) tells duplicates."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {key.value: _channel(key, topic) for key, topic in TOPICS.items()},
        "operations": dict(_operation(key, topic) for key, topic in TOPICS.items()),
        "components": {"messages": {key.value: _message(key) for key in TOPICS}},
    }


def _channel(key: TopicKey, topic: Topic) -> dict[str, Any]:
    levels = [level for level in _LEVELS if level != "camera_id" or level in topic.path]
    return {
        "address": f"{{prefix}}/{TREE_VERSION}/{{store}}/{{register}}/{topic.path}",
        "description": topic.description,
        "parameters": {level: {"description": _LEVELS[level]} for level in levels},
        "messages": {key.value: {"$ref": f"#/components/messages/{key.value}"}},
    }


def _operation(key: TopicKey, topic: Topic) -> tuple[str, dict[str, Any]]:
    verb = "send" if topic.direction == "out" else "receive"
    return f"{verb}-{key.value}", {
        "action": verb,
        "channel": {"$ref": f"#/channels/{key.value}"},
        "messages": [{"$ref": f"#/channels/{key.value}/messages/{key.value}"}],
        "bindings": {"mqtt": {"qos": topic.qos, "retain": topic.retain, "bindingVersion": "0.2.0"}},
    }


def _message(key: TopicKey) -> dict[str, Any]:
    model = TOPICS[key].payload
    if model is None:
        word = {"type": "string", "enum": [ONLINE, OFFLINE]}
        return {"name": key.value, "contentType": "text/plain", "payload": word}
    # Without a schemaFormat: AsyncAPI's own default, which its tools support best.
    return {
        "name": key.value,
        "summary": _summary(model),
        "payload": {"$ref": f"./{key}.json"},
    }


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def drifted(written: dict[str, str]) -> Iterator[str]:
    """Yield the names of documents that are missing, left over or not what would be made now."""
    made = make_documents()
    for name in sorted(made.keys() | written.keys()):
        if made.get(name) != written.get(name):
            yield name
