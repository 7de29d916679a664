"""The console's live list, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import Request
from starlette.responses import StreamingResponse

from radbridge.contracts.envelope import make_event
from radbridge.contracts.events.audit import AccessRecorded
from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.schemas.generate import example
from radbridge.portal import store
from radbridge.portal.api import console, events
from radbridge.portal.changes import Changes
from radbridge.portal.main import SERVICE
from radbridge.runtime.bus.protocol import BusUnavailable, Record
from radbridge.runtime.testing import ADMIN_TOKEN, listening, running_service

EXAMS = 20


async def test_what_changed_together_is_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an endless pause between polls, all changes of one poll arrive still."""
    monkeypatch.setattr(console, "POLL_S", 3600)
    told: list[bytes] = []

    async def changes() -> AsyncIterator[bytes | None]:
        for number in range(EXAMS):
            yield b"%d" % number
        yield None

    async def receive() -> dict[str, str]:
        await asyncio.Event().wait()
        raise AssertionError

    stream = console._stream
    response: StreamingResponse = stream(Request({"type": "http"}, receive), lambda: True, changes())
    async with asyncio.timeout(60):
        async for part in response.body_iterator:
            told.append(bytes(part, "ascii") if isinstance(part, str) else bytes(part))
            if len(told) == EXAMS:
                break
    assert told == [b"%d" % number for number in range(EXAMS)]


async def test_a_stream_ends_with_the_session_that_asked_for_it(tmp_path: Path) -> None:
    async with (
        running_service(SERVICE, tmp_path) as running,
        listening(running.host.app) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as browser,
        asyncio.timeout(60),
    ):
        await browser.post("/api/portal/v1/session", json={"token": ADMIN_TOKEN})
        async with browser.stream("GET", "/api/portal/v1/stream") as stream:
            parts = stream.aiter_bytes()
            assert b"event: services" in await anext(parts)
            assert (await browser.delete("/api/portal/v1/session")).status_code == 204
            async for _ in parts:
                pass
        assert (await browser.get("/api/portal/v1/stream")).status_code == 401


async def test_the_list_names_every_exam(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        for number in range(3):
            body = ExamRegistered.model_validate({**example(ExamRegistered), "exam_id": f"exam-{number}"})
            await running.publish(body, service="ingest-api")
        await running.settled()
        found = (await running.admin.get("/api/portal/v1/exams")).json()["exams"]
    assert {exam["exam_id"] for exam in found} == {f"exam-{number}" for number in range(3)}


async def test_changes_are_followed_by_when_they_were_noticed(tmp_path: Path) -> None:
    """Also of events that happened long before those that were told already."""
    async with running_service(SERVICE, tmp_path) as running:

        async def happened(exam_id: str, days_ago: int) -> None:
            body = ExamRegistered.model_validate({**example(ExamRegistered), "exam_id": exam_id, "study_uids": []})
            body = body.model_copy(update={"accession_numbers": []})
            at = running.resources.clock() - timedelta(days=days_ago)
            event = make_event(body, service="ingest-api", version=1, time=at)
            await running.resources.database.write(lambda tx: store.save_exam(tx, event, body))
            await running.resources.database.write(lambda tx: store.add_fact(tx, event, body))

        await happened("known", 0)
        changed = Changes(running.resources.database)
        assert await changed.exams() == []
        await happened("late", 9)
        await happened("later", 99)
        found = await changed.exams()
        assert [exam_id for exam_id in found if exam_id != "known"] == ["late", "later"]
        assert await changed.exams() == []


@pytest.mark.parametrize(("query", "found"), [("10%", 1), ("10", 2), ("1_", 0), ("!", 0)])
async def test_signs_of_patterns_are_searched_as_they_stand(tmp_path: Path, query: str, found: int) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        for number, name in enumerate(("10% 增强", "100 平扫")):
            changed = {"exam_id": f"e{number}", "item_name": name}
            body = ExamRegistered.model_validate({**example(ExamRegistered), **changed})
            await running.publish(body, service="ingest-api")
        await running.settled()
        answer = await running.admin.get("/api/portal/v1/exams", params={"q": query})
    assert len(answer.json()["exams"]) == found


async def test_who_looks_at_an_exam_leaves_one_event_in_a_while(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        body = ExamRegistered.model_validate({**example(ExamRegistered), "exam_id": "exam-1"})
        await running.publish(body, service="ingest-api")
        await running.settled()
        for _ in range(2):
            assert (await running.admin.get("/api/portal/v1/exams/exam-1")).status_code == 200
        assert (await running.admin.get("/api/portal/v1/exams/nobodys")).status_code == 404
        seen = [body for _, body in await running.events(AccessRecorded)]
    assert [(body.actor, body.action, body.exam_ids) for body in seen] == [("admin", "console.exam", ["exam-1"])]


@pytest.mark.parametrize(("query", "status"), [("q=%00", 200), ("q=%25_", 200), ("before=" + "9" * 30, 422)])
async def test_odd_searches_are_answered(tmp_path: Path, query: str, status: int) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        assert (await running.admin.get(f"/api/portal/v1/exams?{query}")).status_code == status


async def test_a_silent_tail_ends_when_the_service_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also long before the next sign of life would be due."""
    monkeypatch.setattr(events, "_KEEP_ALIVE_S", 3600)
    async with running_service(SERVICE, tmp_path) as running:
        lines = events._lines
        tail = lines(running.log, ["exam"], running.resources.stopping, from_beginning=False, follow=True)
        asyncio.get_running_loop().call_soon(running.resources.stopping.set)
        async with asyncio.timeout(60):
            assert [line async for line in tail] == []


@pytest.mark.parametrize("follow", ["true", "false"])
async def test_a_tail_of_which_a_topic_fails_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, follow: str
) -> None:
    """Whoever reads it must not take what came for all that there is."""
    async with (
        running_service(SERVICE, tmp_path) as running,
        listening(running.host.app) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client,
        asyncio.timeout(60),
    ):
        as_it_is = running.log.follow

        async def failing(topic: str, *, from_beginning: bool = True) -> AsyncIterator[Record | None]:
            if topic == "report":
                raise BusUnavailable("the log is away")
            async for record in as_it_is(topic, from_beginning=from_beginning):
                yield record

        monkeypatch.setattr(running.log, "follow", failing)
        asked = {"topic": ["exam", "report"], "from_beginning": "true", "follow": follow}
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/api/portal/v1/events", params=asked, headers=headers)
