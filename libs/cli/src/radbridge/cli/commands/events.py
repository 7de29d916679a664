"""``radbridge events`` and ``radbridge dlq``: the event log and its dead letters."""

from contextlib import suppress
from enum import StrEnum
from typing import Annotated, Any

import orjson
import typer

from radbridge.cli.client import DEFAULT_DATA, DEFAULT_URL, Data, SuiteClient, Url
from radbridge.cli.output import Json, emit, fail, print_json

Topic = Annotated[str, typer.Option(help="Topic, for example `report`.")]
Group = Annotated[str, typer.Option(help="Consumer group: the service's name.")]


class Projecting(StrEnum):
    """The groups that project and nothing else."""

    PORTAL = "portal"
    RECOGNITION = "recognition"


Rebuildable = Annotated[Projecting, typer.Option("--group", help="The group whose projection is made again.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    events = typer.Typer(help="The event log.", no_args_is_help=True)
    events.command()(tail)
    events.command(name="show")(show_event)
    events.command(name="replay")(replay_events)
    events.command(name="rebuild")(rebuild)
    app.add_typer(events, name="events")
    dlq = typer.Typer(help="Messages that a group could not handle.", no_args_is_help=True)
    dlq.command(name="list")(list_dead)
    dlq.command(name="show")(show_dead)
    dlq.command(name="replay")(replay_dead)
    app.add_typer(dlq, name="dlq")


def tail(
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; may be repeated.")] = None,
    from_beginning: Annotated[bool, typer.Option(help="Begin with the oldest event.")] = False,
    follow: Annotated[bool, typer.Option(help="Go on as events arrive.")] = True,
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Print events as they arrive; with --json as JSON Lines. Personal data stays sealed."""
    params = {"topic": topic or [], "from_beginning": from_beginning, "follow": follow}
    with SuiteClient(url, data) as client, suppress(KeyboardInterrupt):
        for line in client.lines("/api/portal/v1/events", **params):
            _print_event(orjson.loads(line), as_json=as_json)


def show_event(
    event_id: Annotated[str, typer.Argument(metavar="ID")],
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Show one event and its place in the log."""
    with SuiteClient(url, data) as client:
        found: dict[str, Any] = client.get(f"/api/portal/v1/events/{event_id}")
    emit(found, as_json=as_json, text=lambda: _indented(found))


def replay_events(
    topic: Topic,
    group: Group,
    event_id: Annotated[list[str] | None, typer.Option(help="Only this event; may be repeated.")] = None,
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Let one group handle events again; versions decide what comes of it."""
    with SuiteClient(url, data) as client:
        body = {"topic": topic, "group": group, "event_ids": event_id}
        found: dict[str, Any] = client.post("/api/portal/v1/events/replay", body)
    emit(found, as_json=as_json, text=lambda: f"{found['replayed']} events put back for {group}")


def rebuild(group: Rebuildable, url: Url = DEFAULT_URL, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Empty what a group projects and make it again from every event; nothing is sent."""
    with SuiteClient(url, data) as client:
        found: dict[str, Any] = client.request("POST", f"/api/{group.value}/v1/rebuild", timeout=None)

    def text() -> str:
        return (
            f"{group.value}: {found['events']} events read, {found['applied']} applied, {found['skipped']} skipped, "
            f"{found['left_dead']} dead letters left, {found['failed']} failed"
        )

    emit(found, as_json=as_json, text=text)


def list_dead(
    topic: Topic = "", group: Group = "", url: Url = DEFAULT_URL, data: Data = DEFAULT_DATA, as_json: Json = False
) -> None:
    """List dead letters, of all topics and groups or of one."""
    letters = _letters(url, data, topic, group)

    def line(letter: dict[str, Any]) -> str:
        again = "  (put back)" if letter["replayed"] else ""
        return f"{letter['topic']} {letter['group']} {letter['number']}  {letter['died_at']}  {letter['reason']}{again}"

    emit(letters, as_json=as_json, text=lambda: "\n".join(map(line, letters)) or "no dead letters")


def show_dead(
    number: Annotated[int, typer.Argument(help="Its number among the dead letters of topic and group.")],
    topic: Topic,
    group: Group,
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Show one dead letter whole."""
    found = next((letter for letter in _letters(url, data, topic, group) if letter["number"] == number), None)
    if found is None:
        fail(f"no dead letter {number} of {topic} and {group}", as_json=as_json)
    emit(found, as_json=as_json, text=lambda: _indented(found))


def replay_dead(
    topic: Topic,
    group: Group,
    number: Annotated[list[int] | None, typer.Option(help="Only this one; may be repeated.")] = None,
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Put dead letters back for their group alone: those named, or all that were never put back."""
    with SuiteClient(url, data) as client:
        body = {"topic": topic, "group": group, "numbers": number}
        found: dict[str, Any] = client.post("/api/portal/v1/dead-letters/replay", body)
    emit(found, as_json=as_json, text=lambda: f"{found['replayed']} dead letters put back for {group}")


def _letters(url: str, data: Data, topic: str, group: str) -> list[dict[str, Any]]:
    with SuiteClient(url, data) as client:
        found: list[dict[str, Any]] = client.get("/api/portal/v1/dead-letters", topic=topic, group=group)[
            "dead_letters"
        ]
    return found


def _print_event(event: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(event)
    else:
        print(f"{event['time']}  {event['type']:<40}  {event['subject']}  v{event['version']}", flush=True)


def _indented(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
