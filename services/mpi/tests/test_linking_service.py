"""``mpi`` as a running service: exams in, links out."""

import asyncio
from pathlib import Path

import pytest

from radbridge.contracts.events.base import PatientRef
from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.events.patient import PatientLinked, PatientMerged, PatientSplit
from radbridge.contracts.schemas.generate import example
from radbridge.mpi.main import SERVICE
from radbridge.runtime.testing import Running, running_service


def exam(number: str, record: str, *, document: str | None = None, demographics: str | None = None) -> ExamRegistered:
    """An exam of a patient record with the given traits."""
    patient = PatientRef(record_id=record, sealed="rb1.x.y", document_index=document, demographics_index=demographics)
    return ExamRegistered.model_validate(
        {**example(ExamRegistered), "exam_id": number, "patient": patient.model_dump()}
    )


async def links(running: Running, count: int) -> dict[str, str]:
    """Newest person of each record, once at least ``count`` links were published."""
    async with asyncio.timeout(60):
        while True:
            await running.settled()
            events = await running.events(PatientLinked)
            if len(events) >= count:
                break
            await asyncio.sleep(0.02)
    newest = sorted(events, key=lambda found: found[0].version)
    return {body.record_id: body.person_id for _, body in newest}


@pytest.mark.proves("SZ-018", "SZ-021")
async def test_records_of_one_document_become_one_person(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        for number, record, document in (("e1", "r1", "d1"), ("e2", "r2", "d1"), ("e3", "r3", "d3")):
            await running.publish(exam(number, record, document=document), service="ingest-api")
        found = await links(running, 3)
    assert found["r1"] == found["r2"] != found["r3"]


async def test_many_pushes_at_once_make_one_person(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        pushes = [exam(f"e{number}", f"r{number}", document="d1") for number in range(30)]
        await asyncio.gather(*(running.publish(push, service="ingest-api") for push in pushes))
        found = await links(running, 30)
    assert len(found) == 30
    assert len(set(found.values())) == 1


async def test_a_repeat_publishes_no_second_link(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        await running.publish(exam("e1", "r1", document="d1"), service="ingest-api", version=1)
        await running.publish(exam("e1", "r1", document="d1"), service="ingest-api", version=2)
        await running.publish(exam("e9", "r9", document="d9"), service="ingest-api")
        await links(running, 2)
        assert len(await running.events(PatientLinked)) == 2


@pytest.mark.proves("SZ-022", "SZ-023")
async def test_an_operator_merges_and_splits(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        for number, record, document in (("e1", "r1", "d1"), ("e2", "r2", "d2")):
            await running.publish(exam(number, record, document=document), service="ingest-api")
        found = await links(running, 2)
        merged = await running.admin.post(f"/api/mpi/v1/persons/{found['r1']}/merge", json={"retired_id": found["r2"]})
        assert {record["record_id"] for record in merged.json()["records"]} == {"r1", "r2"}
        again = await running.admin.post(f"/api/mpi/v1/persons/{found['r1']}/merge", json={"retired_id": found["r2"]})
        assert again.status_code == 404
        split = await running.admin.post(f"/api/mpi/v1/persons/{found['r1']}/split", json={"record_ids": ["r2"]})
        assert [record["record_id"] for record in split.json()["records"]] == ["r2"]
        await running.publish(exam("e1", "r2", document="d1"), service="ingest-api", version=5)
        await running.settled()
        told = [body for event, body in await running.events(PatientLinked) if body.record_id == "r2"]
        assert [(body.person_id, body.rule) for body in told[:3]] == [
            (found["r2"], "new"), (found["r1"], "manual"), (split.json()["person_id"], "manual"),
        ]  # fmt: skip
        assert {body.document_index for body in told[:3]} == {"d2"}
        assert len(await running.events(PatientMerged)) == len(await running.events(PatientSplit)) == 1
        kept = await running.admin.get("/api/mpi/v1/records/r2")
        assert kept.json()["person_id"] == split.json()["person_id"]


async def test_who_was_merged_away_names_the_survivor_and_nobody_is_made_up(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        for number, record, document in (("e1", "r1", "d1"), ("e2", "r2", "d2")):
            await running.publish(exam(number, record, document=document), service="ingest-api")
        found = await links(running, 2)
        survivor, retired = found["r1"], found["r2"]
        await running.admin.post(f"/api/mpi/v1/persons/{survivor}/merge", json={"retired_id": retired})

        kept = (await running.admin.get(f"/api/mpi/v1/persons/{survivor}")).json()
        assert ({record["record_id"] for record in kept["records"]}, kept["merged_into"]) == ({"r1", "r2"}, None)
        gone = await running.admin.get(f"/api/mpi/v1/persons/{retired}")
        assert (gone.status_code, gone.json()) == (
            200, {"person_id": retired, "records": [], "merged_into": survivor},
        )  # fmt: skip
        assert (await running.admin.get("/api/mpi/v1/persons/does-not-exist")).status_code == 404


@pytest.mark.real
async def test_no_record_lands_on_a_person_who_is_merged_away_meanwhile(tmp_path: Path, postgres_database: str) -> None:
    async with running_service(SERVICE, tmp_path, settings={"database_url": postgres_database}) as running:
        for record, document in (("r1", "d1"), ("r2", "d2")):
            await running.publish(exam(f"e-{record}", record, document=document), service="ingest-api")
        found = await links(running, 2)
        pushes = [exam(f"e-{number}", f"more-{number}", document="d2") for number in range(40)]
        address = f"/api/mpi/v1/persons/{found['r1']}/merge"
        merged, *_ = await asyncio.gather(
            running.admin.post(address, json={"retired_id": found["r2"]}),
            *(running.publish(push, service="ingest-api") for push in pushes),
        )
        assert merged.status_code == 200
        after = await links(running, 43)
        retired = await running.admin.get(f"/api/mpi/v1/persons/{found['r2']}")
    assert retired.json()["records"] == []
    assert set(after.values()) == {found["r1"]}


async def test_who_has_no_token_sees_nothing(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        assert (await running.client.get("/api/mpi/v1/records/r1")).status_code == 401
        assert (await running.admin.get("/api/mpi/v1/records/r1")).status_code == 404


async def test_a_record_whose_document_changes_takes_no_other_record_along(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        await running.publish(exam("e1", "r1", document="d1"), service="ingest-api", version=1)
        await running.publish(exam("e2", "r2", document="d1"), service="ingest-api")
        await links(running, 2)
        await running.publish(exam("e1", "r1", document="d2"), service="ingest-api", version=2)
        found = await links(running, 3)
    assert found["r1"] != found["r2"]
