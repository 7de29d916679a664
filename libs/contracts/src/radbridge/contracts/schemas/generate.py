"""Schemas and the AsyncAPI document as data."""

import inspect
import json
from pathlib import Path
from typing import Any

from radbridge.contracts.envelope import SCHEMA_BASE
from radbridge.contracts.events.base import EventBody
from radbridge.contracts.topics import TOPICS, Topic

FOLDER = Path(__file__).parent
EXAMPLES = FOLDER / "examples"
ASYNCAPI = "asyncapi.yaml"

_HEADERS: dict[str, Any] = {
    "type": "object",
    "description": "CloudEvents 1.0 attributes, Kafka binding, binary content mode.",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_aggregateversion"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid"},
        "ce_source": {"type": "string"},
        "ce_type": {"type": "string"},
        "ce_subject": {"type": "string"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_dataschema": {"type": "string", "format": "uri"},
        "ce_aggregateversion": {"type": "string", "description": "Decimal count of the aggregate's events."},
        "content-type": {"type": "string", "const": "application/json"},
        "traceparent": {"type": "string", "description": "W3C Trace Context."},
    },
}


def event_classes() -> list[type[EventBody]]:
    """Every event of every topic, by type."""
    return sorted({body for topic in TOPICS for body in topic.events}, key=lambda body: body.event_type())


def event_schema(body: type[EventBody]) -> dict[str, Any]:
    """JSON Schema (2020-12) of an event's body."""
    schema = body.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{SCHEMA_BASE}{body.event_type()}.json",
        **schema,
        "title": body.event_type(),
    }


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of all topics."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "RadBridge events",
            "version": "1",
            "description": "What happened in a regional imaging exchange, as CloudEvents on Kafka topics.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {
            f"{service}-{'sends' if action == 'send' else 'receives'}-{topic.name}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "tags": [{"name": service}],
            }
            for topic in TOPICS
            for action, services in (("send", topic.producers), ("receive", topic.consumers))
            for service in services
        },
        "components": {
            "messages": {body.event_type(): _message(body) for body in event_classes()},
            "schemas": {"headers": _HEADERS},
        },
    }


def files() -> dict[str, str]:
    """Name and content of every generated file."""
    found = {f"{body.event_type()}.json": _text(event_schema(body)) for body in event_classes()}
    found[ASYNCAPI] = _yaml(asyncapi())
    return found


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": f"Key: {topic.key}.",
        "messages": {
            body.event_type(): {"$ref": f"#/components/messages/{body.event_type()}"} for body in topic.events
        },
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": _retention(topic),
            }
        },
    }


def _retention(topic: Topic) -> dict[str, Any]:
    return {
        "forever": {"cleanup.policy": ["delete"], "retention.ms": -1},
        "compact": {"cleanup.policy": ["compact"]},
        "day": {"cleanup.policy": ["delete"], "retention.ms": 86_400_000},
    }[topic.retention.value]


def _message(body: type[EventBody]) -> dict[str, Any]:
    return {
        "name": body.event_type(),
        "summary": (inspect.getdoc(body) or "").splitlines()[0],
        "headers": {"$ref": "#/components/schemas/headers"},
        "payload": {"$ref": f"./{body.event_type()}.json"},
        "examples": [{"payload": example(body)}],
    }


def example(body: type[EventBody]) -> dict[str, Any]:
    """The example message of an event."""
    loaded: dict[str, Any] = json.loads((EXAMPLES / f"{body.event_type()}.json").read_text("utf-8"))
    return loaded


def _yaml(value: object) -> str:
    import yaml  # a tool of development, which nothing needs at run time

    return str(yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=120))


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
