"""The event log as operators see it: what passes, what could not be handled, and putting either back for one group."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from radbridge.contracts.envelope import EnvelopeError, Event, from_headers
from radbridge.contracts.topics import BY_NAME, TOPICS, replay_topic
from radbridge.runtime.bus.protocol import EventLog, Message, Record
from radbridge.runtime.deadletters import DeadLetter, list_dead, replay_dead
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources

Administrator = Annotated[Principal, Depends(require("admin"))]

_PAGE = 500
_QUEUE = 1000
_KEEP_ALIVE_S = 10.0
_LOOK_UP_S = 0.5
"""How often a silent tail looks whether the service stops."""


class EventReplay(BaseModel):
    """Events to be handled again by one group. The versions of the aggregates decide what comes of it."""

    topic: str
    group: str
    event_ids: list[str] | None = Field(default=None, description="None: every event of the topic")


class DeadLetterReplay(BaseModel):
    """Dead letters to be put back."""

    topic: str
    group: str
    numbers: list[int] | None = Field(default=None, description="None: all that were never put back")


class Replayed(BaseModel):
    """How many messages were put back."""

    replayed: int


@dataclass(frozen=True, slots=True)
class _Place:
    topic: str
    partition: int
    offset: int


def router(resources: Resources) -> APIRouter:
    """Routes below ``/api/portal/v1`` for the event log."""
    api = APIRouter(prefix="/api/portal/v1", tags=["events"])
    log = resources.log

    @api.get("/events", response_class=StreamingResponse)
    async def tail(
        _: Administrator,
        topic: Annotated[list[str] | None, Query()] = None,
        from_beginning: bool = False,
        follow: bool = True,
    ) -> StreamingResponse:
        """Events as JSON Lines: those that come from now on, or all. Personal data stays sealed. Where the log fails,
        the answer breaks off before its end."""
        names = topic or [known.name for known in TOPICS if known.name != "presence"]
        for name in names:
            if name not in BY_NAME:
                raise Problem(404, "No such topic", f"topic {name}")
        lines = _lines(log, names, resources.stopping, from_beginning=from_beginning, follow=follow)
        return StreamingResponse(lines, media_type="application/x-ndjson", headers={"cache-control": "no-store"})

    @api.get("/events/{event_id}")
    async def show(event_id: str, _: Administrator) -> dict[str, Any]:
        """One event with its place in the log."""
        for known in TOPICS:
            async for record in _all(log, known.name):
                event = _event(record)
                if event is not None and event.id == event_id:
                    return _json(event, _Place(record.topic, record.partition, record.offset))
        raise Problem(404, "No such event", f"event {event_id} is not in the log")

    @api.post("/events/replay")
    async def replay(request: EventReplay, _: Administrator) -> Replayed:
        """Let one group handle events again; other groups do not notice."""
        _check_group(request.topic, request.group)
        wanted = set(request.event_ids) if request.event_ids is not None else None
        count = 0
        batch: list[Message] = []
        async for record in _all(log, request.topic):
            event = _event(record)
            if event is None or (wanted is not None and event.id not in wanted):
                continue
            batch.append(Message(replay_topic(request.topic, request.group), record.key, record.value, record.headers))
            if len(batch) == _PAGE:
                await log.append(batch)
                count, batch = count + len(batch), []
        await log.append(batch)
        return Replayed(replayed=count + len(batch))

    @api.get("/dead-letters")
    async def dead_letters(_: Administrator, topic: str = "", group: str = "") -> dict[str, Any]:
        """Messages that a group could not handle, with the reason."""
        found: list[DeadLetter] = []
        for known in TOPICS:
            for consumer in known.consumers:
                if topic in ("", known.name) and group in ("", consumer):
                    found += await list_dead(log, known.name, consumer)
        return {"dead_letters": [_letter(letter) for letter in found]}

    @api.post("/dead-letters/replay")
    async def replay_letters(request: DeadLetterReplay, _: Administrator) -> Replayed:
        """Put dead letters back for their group alone."""
        _check_group(request.topic, request.group)
        return Replayed(replayed=await replay_dead(log, request.topic, request.group, request.numbers))

    return api


def _check_group(topic: str, group: str) -> None:
    known = BY_NAME.get(topic)
    if known is None or group not in known.consumers:
        raise Problem(404, "No such consumer", f"group {group} does not read topic {topic}")


async def _all(log: EventLog, topic: str) -> AsyncIterator[Record]:
    after: dict[int, int] = {}
    while page := await log.read(topic, after=after, limit=_PAGE):
        for record in page:
            after[record.partition] = record.offset
            yield record


async def _lines(
    log: EventLog, topics: list[str], stopping: asyncio.Event, *, from_beginning: bool, follow: bool
) -> AsyncIterator[bytes]:
    """Raises what following one of the topics raises, so that nobody takes the rest for all that there is."""
    queue: asyncio.Queue[Record | Exception | None] = asyncio.Queue(_QUEUE)

    async def pump(topic: str) -> None:
        try:
            async for record in log.follow(topic, from_beginning=from_beginning):
                if record is not None:
                    await queue.put(record)
                elif not follow:
                    break
        except Exception as error:
            await queue.put(error)
        else:
            await queue.put(None)

    pumps = [asyncio.create_task(pump(topic)) for topic in topics]
    open_topics = len(pumps)
    try:
        silent = 0.0
        while open_topics and not stopping.is_set():
            try:
                async with asyncio.timeout(_LOOK_UP_S):
                    record = await queue.get()
            except TimeoutError:
                silent += _LOOK_UP_S
                if silent >= _KEEP_ALIVE_S:
                    silent = 0.0
                    yield b"\n"
                continue
            if record is None:
                open_topics -= 1
                continue
            if isinstance(record, Exception):
                raise record
            event = _event(record)
            if event is not None:
                yield orjson.dumps(_json(event, _Place(record.topic, record.partition, record.offset))) + b"\n"
    finally:
        for task in pumps:
            task.cancel()


def _event(record: Record) -> Event | None:
    try:
        return from_headers(record.headers, record.value)
    except EnvelopeError:
        return None


def _json(event: Event, place: _Place) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "source": event.source,
        "subject": event.subject,
        "time": event.time.isoformat(),
        "version": event.version,
        "traceparent": event.traceparent,
        "topic": place.topic,
        "partition": place.partition,
        "offset": place.offset,
        "data": orjson.loads(event.data),
    }


def _letter(letter: DeadLetter) -> dict[str, Any]:
    place = _Place(letter.origin_topic, letter.origin_partition, letter.origin_offset)
    return {
        "number": letter.number,
        "topic": letter.topic,
        "group": letter.group,
        "key": letter.key,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "died_at": letter.died_at.isoformat(),
        "replayed": letter.replayed,
        "event": _json(letter.event, place) if letter.event else None,
    }
