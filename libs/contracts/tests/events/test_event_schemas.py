"""The checked-in schemas are those of the code, examples obey them, and a breaking change is noticed."""

import copy
import json
from typing import Any

import jsonschema
import pytest

from radbridge.contracts.envelope import EnvelopeError, from_headers, make_event, to_headers
from radbridge.contracts.events.base import EventBody
from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.schemas.compatibility import breaking_changes
from radbridge.contracts.schemas.generate import EXAMPLES, FOLDER, event_classes, event_schema, example, files
from radbridge.contracts.topics import ALL_SERVICES, BY_EVENT_TYPE, TOPICS, Topic

EVENTS = event_classes()


def named(body: type[EventBody]) -> str:
    return body.NAME


def test_the_checked_in_files_are_those_of_the_code() -> None:
    assert {
        path.name: path.read_text("utf-8") for path in FOLDER.iterdir() if path.suffix in (".json", ".yaml")
    } == files()


def test_no_example_stands_alone() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.json")} == {body.event_type() for body in EVENTS}


@pytest.mark.parametrize("body", EVENTS, ids=named)
def test_examples_obey_their_schema_and_survive_a_round_trip(body: type[EventBody]) -> None:
    shown = example(body)
    jsonschema.validate(shown, event_schema(body), cls=jsonschema.Draft202012Validator)
    parsed = body.model_validate(shown)
    assert body.model_validate_json(parsed.model_dump_json()) == parsed
    assert json.loads(parsed.model_dump_json()) == shown


@pytest.mark.parametrize("body", EVENTS, ids=named)
def test_unknown_members_of_newer_producers_are_ignored(body: type[EventBody]) -> None:
    assert body.model_validate({**example(body), "added_later": 1}) == body.model_validate(example(body))


@pytest.mark.parametrize("body", EVENTS, ids=named)
def test_an_event_travels_in_headers_and_back(body: type[EventBody]) -> None:
    event = make_event(body.model_validate(example(body)), service="mpi", version=7, traceparent="00-a-b-01")
    assert from_headers(to_headers(event), event.data) == event


def test_the_same_event_made_twice_is_the_same_event() -> None:
    body = ExamRegistered.model_validate(example(ExamRegistered))
    first, second, next_version = (make_event(body, service="ingest-api", version=v) for v in (1, 1, 2))
    assert first.id == second.id
    assert first.id != next_version.id


@pytest.mark.parametrize(
    "missing", ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_aggregateversion"]
)
def test_a_message_without_an_attribute_is_refused_by_name(missing: str) -> None:
    event = make_event(ExamRegistered.model_validate(example(ExamRegistered)), service="ingest-api", version=1)
    headers = [header for header in to_headers(event) if header[0] != missing]
    with pytest.raises(EnvelopeError, match=missing):
        from_headers(headers, event.data)


def change_required(schema: dict[str, Any]) -> None:
    schema["required"].append("body_part")


def change_removed(schema: dict[str, Any]) -> None:
    del schema["properties"]["exam_number"]


def change_type(schema: dict[str, Any]) -> None:
    schema["properties"]["status"] = {"type": "integer"}


def change_nested_type(schema: dict[str, Any]) -> None:
    schema["$defs"]["PatientRef"]["properties"]["sealed"] = {"type": "object"}


def change_nullable(schema: dict[str, Any]) -> None:
    schema["properties"]["performed_at"] = {"type": "string", "format": "date-time"}


@pytest.mark.parametrize("change", [change_required, change_removed, change_type, change_nested_type, change_nullable])
def test_a_breaking_change_is_noticed(change: Any) -> None:
    old = event_schema(ExamRegistered)
    new = copy.deepcopy(old)
    change(new)
    assert breaking_changes(old, new)


def test_growth_breaks_nothing() -> None:
    old = event_schema(ExamRegistered)
    new = copy.deepcopy(old)
    new["properties"]["added"] = {"type": "string", "default": ""}
    assert breaking_changes(old, new) == []


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_topics_name_services_that_exist(topic: Topic) -> None:
    assert topic.producers
    assert {*topic.producers, *topic.consumers} <= set(ALL_SERVICES)
    assert all(BY_EVENT_TYPE[body.event_type()] is body and topic.name == body.TOPIC for body in topic.events)
