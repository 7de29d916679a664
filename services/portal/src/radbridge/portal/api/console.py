"""What operators look at: the services, the exams, and each exam's journey, live."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter

from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.events.presence import InstanceSeen
from radbridge.contracts.topics import ALL_SERVICES
from radbridge.portal import store
from radbridge.portal.changes import Changes
from radbridge.portal.domain.exam_page import START, Position, position
from radbridge.portal.domain.journey import Step, tell
from radbridge.portal.domain.summary import ExamSummary, summarise
from radbridge.runtime.audit import ReadTrail
from radbridge.runtime.clock import from_micros, to_micros
from radbridge.runtime.database.protocol import DatabaseUnavailable, Row, Transaction
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.hospital import institution_of
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources

Operator = Annotated[Principal, Depends(require("admin", "operator"))]

POLL_S = 0.5
KEEP_ALIVE_S = 15.0
SERVICES_EVERY_S = 3.0


def router(resources: Resources) -> APIRouter:
    """Routes below ``/api/portal/v1`` for the console."""
    api = APIRouter(prefix="/api/portal/v1", tags=["console"])
    trail = ReadTrail(resources.audit, clock=resources.clock)

    async def shown_journey(exam_id: str, reader: Principal) -> dict[str, Any] | None:
        """The journey, once it is written down who looks at it."""
        found = await resources.database.read(lambda tx: _journey(tx, exam_id))
        if found is None:
            return None
        row, journey = found
        await trail.record(
            actor=reader.actor,
            action="console.exam",
            institution_id=row["institution_id"],
            exam_ids=[exam_id],
        )
        return journey

    def goes_on(request: Request) -> bool:
        """Whether a stream goes on: not beyond the service, nor beyond the session that asked for it."""
        return not resources.stopping.is_set() and resources.authenticator.from_request(request) is not None

    @api.get("/services")
    async def services(_: Operator) -> dict[str, Any]:
        """Which service processes are alive and ready, from their heartbeats."""
        return _services(resources)

    @api.get("/exams")
    async def exams(
        _: Operator,
        q: Annotated[str, Query(max_length=128)] = "",
        hospital: str = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[
            str | None, Query(description="What a page called `next`; or a moment, in microseconds since 1970")
        ] = None,
    ) -> dict[str, Any]:
        """Exams by newest event. ``q``: exam, report or accession number, study UID, or the start of an item's name."""
        behind = _position(before)
        institution = institution_of(resources.directory, hospital) if hospital else None

        async def work(tx: Transaction) -> list[ExamSummary]:
            rows = await store.list_exams(
                tx,
                query=q.replace("\0", "").strip(),
                institution_id=institution.id if institution else None,
                behind=behind,
                limit=limit,
            )
            return [await _summary(tx, row) for row in rows]

        found = await resources.database.read(work)
        last = found[-1] if len(found) == limit else None
        following = str(Position(to_micros(last.updated_at), last.exam_id)) if last else None
        return {"exams": [_json(s) for s in found], "next": following}

    @api.get("/exams/{exam_id}")
    async def exam(exam_id: str, operator: Operator) -> dict[str, Any]:
        """One exam's journey, told from events alone."""
        found = await shown_journey(exam_id, operator)
        if found is None:
            raise Problem(404, "No such exam", f"exam_id {exam_id} is not known")
        return found

    @api.get("/exams/{exam_id}/stream")
    async def exam_stream(exam_id: str, request: Request, operator: Operator) -> StreamingResponse:
        """The journey as server-sent events: at once, and again whenever a step was added."""

        async def changes() -> AsyncIterator[bytes | None]:
            steps = -1
            while True:
                found = await _patiently(lambda: shown_journey(exam_id, operator))
                if found is not None and len(found["steps"]) != steps:
                    steps = len(found["steps"])
                    yield _event("journey", found)
                else:
                    yield None

        return _stream(request, lambda: goes_on(request), changes())

    @api.get("/stream")
    async def stream(request: Request, _: Operator) -> StreamingResponse:
        """Changed exams and the services' state as server-sent events."""

        async def changes() -> AsyncIterator[bytes | None]:
            changed = Changes(resources.database)
            shown: dict[str, Any] | None = None
            waited = SERVICES_EVERY_S
            while True:
                sent = False
                for exam_id in await _patiently(changed.exams) or []:
                    summary = await _patiently(
                        lambda exam_id=exam_id: resources.database.read(
                            lambda tx, exam_id=exam_id: _summary_of(tx, exam_id)
                        )
                    )
                    if summary is not None:
                        yield _event("exam", _json(summary))
                        sent = True
                waited += POLL_S
                if waited >= SERVICES_EVERY_S:
                    waited = 0.0
                    now = _services(resources)
                    if now != shown:
                        shown = now
                        yield _event("services", now)
                        sent = True
                if not sent:
                    yield None

        return _stream(request, lambda: goes_on(request), changes())

    return api


def _position(before: str | None) -> Position:
    try:
        return START if before is None else position(before)
    except ValueError as error:
        raise Problem(422, detail=f"before: {error}") from None


async def _patiently(read: Callable[[], Awaitable[Any]]) -> Any:
    """A stream outlives a database that is away for a while."""
    try:
        return await read()
    except DatabaseUnavailable:
        return None


def _stream(request: Request, goes_on: Callable[[], bool], changes: AsyncIterator[bytes | None]) -> StreamingResponse:
    """Server-sent events (WHATWG HTML 9.2) from an endless iterator; ``None`` means nothing new."""

    async def body() -> AsyncIterator[bytes]:
        silent = 0.0
        async for change in changes:
            if not goes_on() or await request.is_disconnected():
                return
            if change is not None:
                silent = 0.0
                yield change
                continue
            if silent >= KEEP_ALIVE_S:
                silent = 0.0
                yield b": keep-alive\n\n"
            await asyncio.sleep(POLL_S)
            silent += POLL_S

    return StreamingResponse(
        body(), media_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"}
    )


def _event(name: str, data: object) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


async def _summary(tx: Transaction, row: Row) -> ExamSummary:
    facts = await store.facts_of_exam(tx, row["exam_id"])
    return summarise(
        ExamRegistered.model_validate_json(row["body"]),
        voided=bool(row["voided"]),
        updated_at=from_micros(row["changed_at"]),
        facts=facts,
    )


async def _summary_of(tx: Transaction, exam_id: str) -> ExamSummary | None:
    row = await store.exam_row(tx, exam_id)
    return None if row is None else await _summary(tx, row)


async def _journey(tx: Transaction, exam_id: str) -> tuple[Row, dict[str, Any]] | None:
    row = await store.exam_row(tx, exam_id)
    if row is None:
        return None
    steps = tell(await store.facts_of_exam(tx, exam_id))
    shown = TypeAdapter(list[Step]).dump_python(steps, mode="json")
    return row, {"exam": _json(await _summary(tx, row)), "steps": shown}


def _json(summary: ExamSummary) -> dict[str, Any]:
    values: dict[str, Any] = TypeAdapter(dict[str, Any]).dump_python(asdict(summary), mode="json")
    return values


def _services(resources: Resources) -> dict[str, Any]:
    alive = resources.presence_view.alive()
    # whoever does not even hear itself hears nothing: the event log is away, not everybody else
    hears = any((i.service, i.instance_id) == (resources.service, resources.instance_id) for i in alive)
    views: list[dict[str, Any]] = []
    for name in ALL_SERVICES:
        instances = [i for i in alive if i.service == name]
        views.append(
            {
                "service": name,
                "state": _state(instances) if hears else "unknown",
                "instances": [
                    {"instance_id": i.instance_id, "ready": i.ready, "degraded": i.degraded}
                    for i in sorted(instances, key=lambda i: i.instance_id)
                ],
            }
        )
    return {"services": views}


def _state(instances: Sequence[InstanceSeen]) -> str:
    """What a service as a whole can do."""
    ready = [instance for instance in instances if instance.ready]
    if not instances:
        return "down"
    if not ready:
        return "starting"
    return "up" if any(not instance.degraded for instance in ready) else "degraded"
