"""The projection of ``recognition`` is the same after it was made again, whatever arrives meanwhile."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from radbridge.contracts.events.exam import ExamRegistered, ExamVoided
from radbridge.contracts.events.images import ImagesStored
from radbridge.contracts.events.patient import PatientLinked
from radbridge.contracts.events.report import ReportReceived, ReportSigned
from radbridge.contracts.schemas.generate import example
from radbridge.contracts.topics import TOPICS, dead_letter_topic
from radbridge.recognition import handlers, store
from radbridge.recognition.main import SERVICE
from radbridge.runtime.bus.protocol import EventLog, Message, Record
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.rebuild import Rebuilder
from radbridge.runtime.testing import Running, eventually, running_service

TABLES = ("exam", "report", "report_exam", "record_person", "images", "item_mapping", "mark")
FACTS = [topic.name for topic in TOPICS if topic.name not in ("institution", "presence", "audit")]


async def populate(running: Running) -> None:
    """A history with changes, a withdrawn exam, an older event that comes late, and a dead letter."""
    hospital = await running.add_institution(code="HOSPITAL-A")
    content = await running.resources.sealed_blobs.put(hospital.id, b"{}", "application/json")
    for number in range(3):
        exam = {**example(ExamRegistered), "exam_id": f"exam-{number}", "institution_id": hospital.id}
        for version in (1, 3, 2):
            body = ExamRegistered.model_validate({**exam, "item_name": f"version {version}"})
            await running.publish(body, service="ingest-api", version=version)
        report = {"report_id": f"report-{number}", "institution_id": hospital.id, "exam_ids": [f"exam-{number}"]}
        sealed = {"content": content.model_dump()}
        received = ReportReceived.model_validate({**example(ReportReceived), **report, **sealed})
        await running.publish(received, service="ingest-api")
        signed = ReportSigned.model_validate({**example(ReportSigned), **report, **sealed, "received_version": 1})
        await running.publish(signed, service="signing")
    await running.publish(voided("exam-0"), service="ingest-api", version=4)
    for version, person in ((2, "p1"), (1, "p0")):
        link = PatientLinked.model_validate({**example(PatientLinked), "record_id": "r", "person_id": person})
        await running.publish(link, service="mpi", version=version)
    await running.publish(ImagesStored.model_validate(example(ImagesStored)), service="dicom-edge")
    await running.log.append([Message("exam", "exam-9", b"no event")])
    item = {"item_code": "X", "item_name": "胸部平扫", "catalogue": "neijiang", "catalogue_code": "BW23"}
    imported = {"hospital_code": hospital.code, "items": [item]}
    (await running.admin.post("/api/recognition/v1/items", json=imported)).raise_for_status()
    await running.settled()


def voided(exam_id: str) -> ExamVoided:
    return ExamVoided.model_validate({**example(ExamVoided), "exam_id": exam_id})


async def state(running: Running) -> dict[str, list[dict[str, Any]]]:
    """Every row of the service's tables; sealed contents opened."""

    async def work(tx: Transaction) -> dict[str, list[dict[str, Any]]]:
        return {table: [dict(row) for row in await tx.fetch(f"SELECT * FROM {table}")] for table in TABLES}

    found = await running.resources.database.read(work)
    keyring = running.resources.keyring
    for row in found["report"]:
        if row["content_sealed"]:
            opened = keyring.open(row["content_sealed"], place=row["report_id"])
            row["content_sealed"] = opened
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


async def published(running: Running) -> dict[str, int]:
    """Messages on every fact topic and on this group's dead letters."""
    await running.resources.outbox.drained()
    names = [*FACTS, dead_letter_topic("exam", "recognition")]
    return {name: len(await running.log.read(name)) for name in names}


class WatchedLog:
    """The event log; ``before`` is called before each reading of a topic, with its name."""

    def __init__(self, log: EventLog, before: Callable[[str], Awaitable[None]]) -> None:
        self._log = log
        self._before = before

    async def read(self, topic: str, *, after: Mapping[int, int] | None = None, limit: int = 1000) -> list[Record]:
        await self._before(topic)
        return await self._log.read(topic, after=after, limit=limit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def rebuilder(running: Running, before: Callable[[str], Awaitable[None]]) -> Rebuilder:
    resources = running.resources
    spec = handlers.consumer(resources.sealed_blobs, resources.keyring)
    log = cast(EventLog, WatchedLog(running.log, before))
    return Rebuilder(spec, log, resources.database, store.clear_projections, resources.clock)


async def test_the_state_after_a_rebuild_is_the_state_before(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        await populate(running)
        before, on_log = await state(running), await published(running)
        assert [row["voided"] for row in before["exam"] if row["exam_id"] == "exam-0"] == [1]
        assert all(row["item_name"] == "version 3" for row in before["exam"])
        await running.resources.database.write(lambda tx: tx.execute("UPDATE exam SET item_name = 'spoiled'"))
        answer = await running.admin.post("/api/recognition/v1/rebuild")
        assert answer.status_code == 200
        assert await state(running) == before
        assert await published(running) == on_log
        counts = answer.json()
        assert (counts["group"], counts["left_dead"], counts["failed"]) == ("recognition", 1, 0)
        assert counts["events"] == counts["applied"] + counts["skipped"] + counts["left_dead"]
        assert (await running.client.post("/api/recognition/v1/rebuild")).status_code == 401


async def test_what_is_handled_during_a_rebuild_is_not_lost(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        await populate(running)
        before = await state(running)
        met: list[str] = []

        async def arrive(topic: str) -> None:
            """The consumer handles a newer event of a key before the rebuild has read the older ones."""
            if not met:
                met.append(topic)
                await running.publish(voided("exam-1"), service="ingest-api", version=4)
                await running.settled()

        await rebuilder(running, arrive).run()
        after = await state(running)
        assert {row["exam_id"]: row["voided"] for row in after["exam"]} == {"exam-0": 1, "exam-1": 1, "exam-2": 0}
        for row in before["exam"]:
            row["voided"] = int(row["exam_id"] != "exam-2")
        assert after == {**before, "exam": sorted(before["exam"], key=repr)}
        await running.publish(voided("exam-2"), service="ingest-api", version=4)
        await running.settled()
        assert all(row["voided"] for row in (await state(running))["exam"])


async def test_a_rebuild_whose_process_ended_goes_on_with_the_next_one(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        await populate(running)
        before = await state(running)

        async def end(topic: str) -> None:
            if topic == "report":
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            await rebuilder(running, end).run()
        assert (await state(running))["report"] == []
    async with running_service(SERVICE, tmp_path) as running:

        async def complete() -> bool:
            return await state(running) == before

        await eventually(complete)


async def test_two_rebuilds_do_not_run_at_once(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        answers: list[int] = []

        async def ask(topic: str) -> None:
            if not answers:
                answers.append((await running.admin.post("/api/recognition/v1/rebuild")).status_code)

        await rebuilder(running, ask).run()
    assert answers == [409]


@pytest.mark.real
async def test_a_rebuild_on_postgresql_gives_the_same_state(tmp_path: Path, postgres_database: str) -> None:
    async with running_service(SERVICE, tmp_path, settings={"database_url": postgres_database}) as running:
        await populate(running)
        before = await state(running)
        (await running.admin.post("/api/recognition/v1/rebuild")).raise_for_status()
        assert await state(running) == before
