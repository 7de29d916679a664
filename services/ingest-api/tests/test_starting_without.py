"""A start while the event log or the database is away: what is served, and what a hospital reads."""

import asyncio
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from radbridge.contracts.dialects.shanxi_v2_1 import envelope
from radbridge.contracts.dialects.shanxi_v2_1.examples import HOSPITAL_CODE, ExampleExam, exam_record
from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.events.session import SessionEnded
from radbridge.ingest_api.api.shanxi import PATHS
from radbridge.ingest_api.main import SERVICE
from radbridge.runtime import readiness
from radbridge.runtime.bus.open import open_log
from radbridge.runtime.clock import utc_now
from radbridge.runtime.directory import Institution
from radbridge.runtime.host import running as host_running
from radbridge.runtime.security.sessions import COOKIE, Session
from radbridge.runtime.testing import Running, eventually, running_service, wait_ready
from tests.support.cut_log import CutLog


@pytest.fixture
async def log(tmp_path: Path) -> AsyncGenerator[CutLog]:
    log = CutLog(open_log(f"sqlite:///{tmp_path}/events.db"))
    yield log
    await log.close()


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_running, "_LOG_PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(readiness, "_SETTLING_SECONDS", 0.2)
    monkeypatch.setattr(readiness, "_CHECK_SECONDS", 60)  # what is there may be slow: only the log is away


def exam_push(hospital: Institution, number: str) -> bytes:
    exam = ExampleExam(examined_at=datetime.now(UTC) - timedelta(hours=1), number=number)
    return envelope.seal_envelope(
        exam_record(exam), hospital_code=hospital.code, key=hospital.sm4_key, timestamp=int(time.time())
    ).to_json()


async def until_started(running: Running) -> None:
    async def started() -> bool:
        return running.host.readiness.started

    await eventually(started)


async def degraded(running: Running) -> set[str]:
    """The checks that fail while the service is ready; waits until it is."""

    async def is_ready() -> bool:
        return (await running.client.get("/readyz")).status_code == 200

    await eventually(is_ready)
    checks = (await running.client.get("/readyz")).json()["services"]["ingest-api"]
    return {check["name"] for check in checks if not check["ok"]}


async def register(log: CutLog, folder: Path) -> Institution:
    """Run the service once, so that it knows a hospital and keeps a copy of it."""
    async with running_service(SERVICE, folder, log=log) as running:
        hospital = await running.add_institution(code=HOSPITAL_CODE)

        async def is_copied() -> bool:
            return bool(await running.resources.database.fetch("SELECT 1 FROM institution_copy"))

        await eventually(is_copied)
    return hospital


async def test_pushes_are_accepted_after_a_start_without_the_event_log(log: CutLog, tmp_path: Path) -> None:
    hospital = await register(log, tmp_path)
    log.away = True
    async with running_service(SERVICE, tmp_path, log=log, wait_until_ready=False) as running:
        await until_started(running)
        answer = await running.client.post("/exam-sync", content=exam_push(hospital, "E1"))
        assert answer.json()["code"] == 1, answer.text
        assert (await running.resources.outbox.backlog()).count == 1
        assert await degraded(running) == {"event log", "institution directory"}
        log.away = False
        await wait_ready(running.host)
        assert [body.exam_number for _, body in await running.events(ExamRegistered)] == ["E1"]
        async with asyncio.timeout(60):
            await running.resources.directory.caught_up()


async def test_only_what_pushes_need_is_required(log: CutLog, tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path, log=log) as running:
        assert {check.name for check in running.host.readiness.checks if check.required} == {"database", "objects"}
        log.away = True
        assert await degraded(running) == {"event log"}
        log.away = False


async def test_a_first_start_waits_for_the_event_log(log: CutLog, tmp_path: Path) -> None:
    log.away = True
    async with running_service(SERVICE, tmp_path, log=log, wait_until_ready=False) as running:

        async def says_why() -> bool:
            return "topics: BusUnavailable" in (await running.client.get("/readyz")).text

        await eventually(says_why)
        assert (await running.client.post("/exam-sync", content=b"{}")).status_code == 503
        log.away = False
        await wait_ready(running.host)


async def test_a_push_while_the_start_waits_for_the_database_learns_the_reason(tmp_path: Path) -> None:
    settings = {"database_url": "postgresql+asyncpg://nobody:secret@127.0.0.1:1/none"}
    async with running_service(SERVICE, tmp_path, settings=settings, wait_until_ready=False) as running:

        async def is_away() -> bool:
            return running.host.readiness.database_is_away

        await eventually(is_away)
        for path in PATHS:
            answer = await running.client.post(path, content=b"{}")
            assert (answer.status_code, answer.json()["code"]) == (200, 0)
            assert "数据库" in answer.json()["message"]
        assert (await running.client.get("/readyz")).status_code == 503
        assert (await running.admin.get("/api/ingest-api/v1/pushes")).status_code == 503


async def test_who_logged_out_stays_out_after_a_start_without_the_event_log(log: CutLog, tmp_path: Path) -> None:
    await register(log, tmp_path)

    async def status(running: Running, cookie: str) -> int:
        answer = await running.client.get("/api/ingest-api/v1/institutions", headers={"cookie": f"{COOKIE}={cookie}"})
        return answer.status_code

    def new_session(running: Running) -> str:
        admin = Session(subject="admin", name="admin", roles=frozenset({"admin"}))
        return running.resources.authenticator.sessions.issue(admin)

    async with running_service(SERVICE, tmp_path, log=log) as running:
        left, staying = new_session(running), new_session(running)
        session = running.resources.authenticator.sessions.verify(left)
        assert session is not None
        assert session.expires_at is not None
        end = SessionEnded(session_id=session.id, ended_at=utc_now(), expires_at=session.expires_at)
        await running.publish(end, service="portal")

        async def is_out() -> bool:
            return await status(running, left) == 401

        await eventually(is_out)
        assert await status(running, staying) == 200
    log.away = True
    async with running_service(SERVICE, tmp_path, log=log, wait_until_ready=False) as running:
        await until_started(running)
        assert await status(running, left) == 401
        assert await status(running, staying) == 401
        assert await status(running, new_session(running)) == 200
        assert (await running.admin.get("/api/ingest-api/v1/institutions")).status_code == 200
        log.away = False

        async def is_back() -> bool:
            return await status(running, staying) == 200

        await eventually(is_back)
        assert await status(running, left) == 401
    async with running_service(SERVICE, tmp_path, log=log) as running:
        async with asyncio.timeout(60):  # the start itself waits for this a little only
            await running.resources.authenticator.ended_sessions.caught_up()
        assert (await status(running, left), await status(running, staying)) == (401, 200)
