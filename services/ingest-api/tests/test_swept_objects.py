"""Which objects of reports are swept: those that no accepted push named, and no others."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from radbridge.contracts.dialects.shanxi_v2_1 import envelope
from radbridge.contracts.dialects.shanxi_v2_1.examples import HOSPITAL_CODE, ExampleExam, exam_record, report_record
from radbridge.contracts.events.report import ReportReceived
from radbridge.ingest_api import main
from radbridge.ingest_api.main import SERVICE
from radbridge.runtime.blob_ledger import BlobLedger
from radbridge.runtime.bus.protocol import BusUnavailable
from radbridge.runtime.database.protocol import DatabaseUnavailable, Transaction
from radbridge.runtime.directory import Institution
from radbridge.runtime.testing import Running, running_service

EXAMINED_AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def report_push(hospital: Institution, findings: str) -> bytes:
    record = report_record(ExampleExam(examined_at=EXAMINED_AT), findings=findings)
    return envelope.seal_envelope(
        record, hospital_code=hospital.code, key=hospital.sm4_key, timestamp=int(time.time())
    ).to_json()


async def push(running: Running, hospital: Institution, findings: str) -> int:
    answer = (await running.client.post("/report/sync", content=report_push(hospital, findings))).json()
    return answer["code"]


async def stored(running: Running) -> set[str]:
    return {info.name async for info in running.resources.blobs.list()}


async def sweep(running: Running, after: timedelta = timedelta(hours=25)) -> int:
    """A sweep as it will be then."""
    clock = running.resources.clock
    later = replace(running.resources, clock=lambda: clock() + after)
    return await main.sweeper(later, BlobLedger(later.database, later.clock)).sweep()


async def register(running: Running) -> Institution:
    """By the service itself, so that its table knows whose objects it owns."""
    answer = await running.admin.post("/api/ingest-api/v1/institutions", json={"code": HOSPITAL_CODE, "name": "甲医院"})
    assert answer.is_success, answer.text
    hospital = running.resources.directory.by_code(HOSPITAL_CODE)
    assert hospital is not None
    return hospital


async def test_what_an_accepted_push_named_stays_also_when_it_was_replaced(
    tmp_path: Path, on_each_database: dict[str, str]
) -> None:
    async with running_service(SERVICE, tmp_path, settings=on_each_database) as running:
        hospital = await register(running)
        assert await push(running, hospital, "肺部清晰。") == 1
        assert await push(running, hospital, "肺部结节。") == 1
        assert len(await running.events(ReportReceived)) == 2
        before = await stored(running)
        assert await sweep(running) == 0
        assert await stored(running) == before


async def test_the_objects_of_a_push_that_did_not_come_to_its_commit_are_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        hospital = await register(running)
        assert await push(running, hospital, "肺部清晰。") == 1
        before = await stored(running)
        with monkeypatch.context() as broken:

            async def away(_work: object) -> None:
                raise DatabaseUnavailable("gone")

            broken.setattr(running.resources.database, "write", away)
            assert await push(running, hospital, "肺部结节。") == 0
        orphans = await stored(running) - before
        assert orphans
        assert await sweep(running, timedelta(hours=23)) == 0
        assert await sweep(running) == len(orphans)
        assert await stored(running) == before
        assert await push(running, hospital, "肺部结节。") == 1
        assert await stored(running) == before | orphans


async def test_what_only_the_log_remembers_is_not_swept(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        hospital = await register(running)
        assert await push(running, hospital, "肺部清晰。") == 1
        assert await push(running, hospital, "肺部结节。") == 1
        await running.resources.outbox.drained()
        await forget(running)  # as a database is that was restored from before these pushes
        before = await stored(running)
        assert await sweep(running) == 0
        assert await stored(running) == before


async def test_a_large_exam_that_only_the_log_remembers_is_not_swept(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        hospital = await register(running)
        record = {**exam_record(ExampleExam(examined_at=EXAMINED_AT)), "chiefComplaint": "反复咳嗽。" * 14_000}
        body = envelope.seal_envelope(
            record, hospital_code=hospital.code, key=hospital.sm4_key, timestamp=int(time.time())
        ).to_json()
        assert (await running.client.post("/exam-sync", content=body)).json()["code"] == 1
        await running.resources.outbox.drained()
        await forget(running)
        before = await stored(running)
        assert len(before) == 1
        assert await sweep(running) == 0
        assert await stored(running) == before


async def test_without_the_log_nothing_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        hospital = await register(running)
        assert await push(running, hospital, "肺部清晰。") == 1
        await forget(running)
        before = await stored(running)

        async def away(*_: object, **__: object) -> None:
            raise BusUnavailable("gone")

        with monkeypatch.context() as broken:
            broken.setattr(running.log, "read", away)
            with pytest.raises(BusUnavailable):
                await sweep(running)
        assert await stored(running) == before


async def test_the_commit_of_a_push_records_its_objects(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        hospital = await register(running)
        assert await push(running, hospital, "肺部清晰。") == 1
        named = await running.resources.database.fetch("SELECT name FROM stored_blob WHERE state = 0")
        assert {row["name"] for row in named} == await stored(running)


async def forget(running: Running) -> None:
    async def work(tx: Transaction) -> None:
        for table in ("stored_blob", "report_log_read", "exam_log_read", "report", "exam"):
            await tx.execute(f"DELETE FROM {table}")

    await running.resources.database.write(work)
