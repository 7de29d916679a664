"""The journeys and lists of ``portal`` are the same after they were made again; patients' tries stay."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from radbridge.contracts.envelope import make_event, to_headers
from radbridge.contracts.events.base import EventBody
from radbridge.contracts.events.exam import ExamRegistered, ExamVoided
from radbridge.contracts.events.images import ImagesStored
from radbridge.contracts.events.notification import NotificationDelivered, NotificationIssued
from radbridge.contracts.events.patient import PatientLinked
from radbridge.contracts.events.recognition import ExamMarked, ExamReminded
from radbridge.contracts.events.report import ReportReceived, ReportSigned
from radbridge.contracts.schemas.generate import example
from radbridge.contracts.topics import TOPICS, dead_letter_topic
from radbridge.portal import store
from radbridge.portal.main import SERVICE
from radbridge.runtime.bus.protocol import Message
from radbridge.runtime.clock import utc_now
from radbridge.runtime.database.protocol import Row, Transaction
from radbridge.runtime.testing import Running, running_service

TABLES = ("fact", "fact_key", "exam", "exam_key", "link")
FACTS = [topic.name for topic in TOPICS if topic.name not in ("institution", "presence", "audit")]


class Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = utc_now() - timedelta(days=60)

    def __call__(self) -> datetime:
        return self.now


class History:
    """Events of a journey, a minute after one another."""

    def __init__(self, running: Running, clock: Time) -> None:
        self._running = running
        self._clock = clock

    async def add(self, kind: type[EventBody], service: str, version: int = 1, **members: Any) -> None:
        """Put the next event on the log, and let the service handle it."""
        self._clock.now += timedelta(minutes=1)
        body = kind.model_validate({**example(kind), **members})
        event = make_event(body, service=service, version=version, time=self._clock.now)
        message = Message(body.TOPIC, event.subject, event.data, tuple(to_headers(event)))
        await self._running.log.append([message])
        await self._running.settled()


async def populate(running: Running, clock: Time) -> None:
    """The report and its link before the exam, older events that come late, a dead letter, and a failed try."""
    history = History(running, clock)
    await history.add(ReportReceived, "ingest-api")
    await history.add(ReportSigned, "signing")
    await history.add(NotificationIssued, "notify")
    await history.add(ExamRegistered, "ingest-api")
    await history.add(ExamRegistered, "ingest-api", 3, accession_numbers=["A-3"])
    await history.add(ExamRegistered, "ingest-api", 2, accession_numbers=["A-2"])
    await history.add(ImagesStored, "dicom-edge")
    await history.add(PatientLinked, "mpi")
    await history.add(ExamReminded, "recognition")
    await history.add(ExamMarked, "recognition")
    await history.add(NotificationDelivered, "notify", 2)
    await history.add(ExamRegistered, "ingest-api", exam_id="gone", exam_number="gone")
    await history.add(ExamVoided, "ingest-api", 2, exam_id="gone")
    await running.log.append([Message("exam", "exam-9", b"no event")])
    await running.settled()
    digest = str(example(NotificationIssued)["code_digest"])
    await running.resources.database.write(lambda tx: store.count_failed_try(tx, digest))


async def state(running: Running) -> Mapping[str, list[dict[str, Any]]]:
    """Every row of the service's tables."""

    async def work(tx: Transaction) -> dict[str, list[dict[str, Any]]]:
        rows = {table: await tx.fetch(f"SELECT * FROM {table}") for table in TABLES}
        return {table: sorted(map(_lasting, rows[table]), key=repr) for table in TABLES}

    return await running.resources.database.read(work)


def _lasting(row: Row) -> dict[str, Any]:
    """A row without the count of when a change was noticed here, which goes on in a rebuild."""
    return {name: value for name, value in dict(row).items() if name != "change_number"}


async def published(running: Running) -> dict[str, int]:
    """Messages on every fact topic and on this group's dead letters."""
    await running.resources.outbox.drained()
    names = [*FACTS, dead_letter_topic("exam", "portal")]
    return {name: len(await running.log.read(name)) for name in names}


async def rebuilt_as_before(running: Running, clock: Time) -> None:
    """Two months later, when the consumer's memory of event ids has passed, a rebuild gives what there was."""
    await populate(running, clock)
    clock.now += timedelta(days=60)
    before, on_log = await state(running), await published(running)
    assert len(before["fact"]) == 13
    assert [link["failed_tries"] for link in before["link"]] == [1]
    assert {exam["exam_id"]: exam["voided"] for exam in before["exam"]}["gone"] == 1
    answer = await running.admin.post("/api/portal/v1/rebuild")
    assert answer.json() == {
        "group": "portal", "events": 14, "applied": 13, "skipped": 0, "left_dead": 1, "failed": 0,
    }  # fmt: skip
    assert await state(running) == before
    assert await published(running) == on_log
    again = await running.admin.post("/api/portal/v1/rebuild")
    assert again.json()["applied"] == 13
    assert await state(running) == before


async def test_the_state_after_a_rebuild_is_the_state_before(tmp_path: Path) -> None:
    clock = Time()
    async with running_service(SERVICE, tmp_path, clock=clock) as running:
        await rebuilt_as_before(running, clock)


@pytest.mark.real
async def test_a_rebuild_on_postgresql_gives_the_same_state(tmp_path: Path, postgres_database: str) -> None:
    clock, settings = Time(), {"database_url": postgres_database}
    async with running_service(SERVICE, tmp_path, clock=clock, settings=settings) as running:
        await rebuilt_as_before(running, clock)
