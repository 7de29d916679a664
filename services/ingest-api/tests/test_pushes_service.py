"""Shanxi's addresses in the running service."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from radbridge.contracts.dialects.shanxi_v2_1 import envelope
from radbridge.contracts.dialects.shanxi_v2_1.examples import (
    HOSPITAL_CODE,
    ExampleExam,
    ExamplePatient,
    exam_record,
    invented_resident_id,
    report_record,
)
from radbridge.contracts.envelope import Event
from radbridge.contracts.events.audit import AccessRecorded
from radbridge.contracts.events.base import EventBody
from radbridge.contracts.events.exam import ExamRegistered
from radbridge.contracts.events.report import ReportReceived
from radbridge.contracts.model.exam import Exam
from radbridge.contracts.model.serialization import from_json
from radbridge.ingest_api.intake import Intake
from radbridge.ingest_api.main import SERVICE
from radbridge.ingest_api.refusal_log import RefusalLog
from radbridge.ingest_api.store import refusals
from radbridge.runtime.database.protocol import DatabaseUnavailable, OutcomeUnknown, Transaction
from radbridge.runtime.directory import Institution
from radbridge.runtime.outbox import EventTooLarge, Outbox
from radbridge.runtime.testing import Running, eventually, running_service


def pushed(hospital: Institution, number: str = "E1", **changed: str) -> bytes:
    """The body of an exam push; a good one unless fields are changed."""
    exam = ExampleExam(examined_at=datetime.now(UTC) - timedelta(hours=1), number=number)
    sealed = envelope.seal_envelope(
        {**exam_record(exam), **changed}, hospital_code=hospital.code, key=hospital.sm4_key, timestamp=int(time.time())
    )
    return sealed.to_json()


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/exam-sync"), ("PUT", "/report/sync"), ("OPTIONS", "/examMergeReport-sync"), ("POST", "/exam-sync/"),
     ("POST", "/report/sync/x")],
)  # fmt: skip
async def test_other_methods_and_paths_are_refused_in_the_standards_form(
    tmp_path: Path, method: str, path: str
) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        answer = await running.client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (200, 0)


async def test_a_hospital_of_any_dialect_may_push(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        hospital = await running.add_institution(code=HOSPITAL_CODE, dialect="neijiang")
        answer = await running.client.post("/exam-sync", content=pushed(hospital))
    assert answer.json()["code"] == 1, answer.text


async def test_a_hospital_sees_its_own_pushes_and_faults_only(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        hospital = await running.add_institution(code=HOSPITAL_CODE)
        other = await running.add_institution(code="OTHER")
        await running.client.post("/exam-sync", content=pushed(hospital))
        address, own = "/api/ingest-api/v1/pushes", (hospital.access_key, hospital.secret_key)
        found = (await running.client.get(address, auth=own)).json()["pushes"]
        assert [(push["number"], push["accepted"]) for push in found] == [("E1", True)]
        others = (other.access_key, other.secret_key)
        assert (await running.client.get(address, auth=others)).json()["pushes"] == []
        assert (await running.client.get(f"{address}?hospital={HOSPITAL_CODE}", auth=others)).status_code == 403
        assert (await running.client.get(address, auth=(other.access_key, "wrong"))).status_code == 401


def merged(hospital: Institution, **changed_in_report: str) -> bytes:
    """The body of a push of an exam and its report in one."""
    exam = ExampleExam(examined_at=datetime.now(UTC) - timedelta(hours=1), number="E1")
    record = {"patient": exam_record(exam), "report": {**report_record(exam), **changed_in_report}}
    sealed = envelope.seal_envelope(
        record, hospital_code=hospital.code, key=hospital.sm4_key, timestamp=int(time.time())
    )
    return sealed.to_json()


async def stored(running: Running) -> tuple[int, int]:
    """How many exams and reports are stored."""
    database = running.resources.database
    return len(await database.fetch("SELECT 1 FROM exam")), len(await database.fetch("SELECT 1 FROM report"))


async def test_a_merged_push_stores_and_announces_both(tmp_path: Path, on_each_database: dict[str, str]) -> None:
    async with running_service(SERVICE, tmp_path, settings=on_each_database) as running:
        hospital = await running.add_institution(code=HOSPITAL_CODE)
        body = merged(hospital)
        answers = [(await running.client.post("/examMergeReport-sync", content=body)).json() for _ in range(2)]
        assert [answer["code"] for answer in answers] == [1, 1], answers
        assert answers[0] == answers[1]
        assert await stored(running) == (1, 1)
        assert (len(await running.events(ExamRegistered)), len(await running.events(ReportReceived))) == (1, 1)


async def shown(running: Running, query: str = "") -> list[tuple[str, str, bool]]:
    """Interface and number of each push in the list and whether it has an exam, newest first."""
    pushes = (await running.admin.get(f"/api/ingest-api/v1/pushes{query}")).json()["pushes"]
    return [(push["interface"], push["number"], push["exam_id"] is not None) for push in pushes]


async def test_a_push_is_listed_once_with_its_interface(tmp_path: Path, on_each_database: dict[str, str]) -> None:
    async with running_service(SERVICE, tmp_path, settings=on_each_database) as running:
        hospital = await running.add_institution(code=HOSPITAL_CODE)
        report = report_record(ExampleExam(examined_at=datetime.now(UTC), number="E1"))
        both = ("examMergeReport-sync", str(report["recordNum"]), True)
        assert (await running.client.post("/examMergeReport-sync", content=merged(hospital))).json()["code"] == 1
        assert await shown(running) == [both]
        await running.client.post("/exam-sync", content=pushed(hospital, "E2"))
        assert await shown(running) == [("exam-sync", "E2", True), both]
        await running.client.post("/exam-sync", content=pushed(hospital, "E1"))
        assert await shown(running) == [("exam-sync", "E1", True), ("exam-sync", "E2", True), both]
        late = "2000-01-01 00:00:00"
        again = merged(hospital, lastChangeTime=late)
        assert (await running.client.post("/examMergeReport-sync", content=again)).json()["code"] == 1
        listed = [("examMergeReport-sync", "E1", True), ("exam-sync", "E2", True), both]
        assert await shown(running) == listed
        assert await shown(running, "?limit=1") == listed[:1]
        await running.client.post("/exam-sync", content=pushed(hospital, "E3", sex="no such code"))

        async def is_kept() -> bool:
            return await shown(running) == [("exam-sync", "E3", False), *listed]

        await eventually(is_kept)
        other = await running.add_institution(code="OTHER", ae_title="OTHER")
        own, others = (f"?hospital={one.code}" for one in (hospital, other))
        assert (len(await shown(running, own)), await shown(running, others)) == (4, [])


async def test_pushes_that_an_older_release_stored_are_listed(tmp_path: Path, on_each_database: dict[str, str]) -> None:
    async with running_service(SERVICE, tmp_path, settings=on_each_database) as running:
        database = running.resources.database
        await database.write_one(
            """INSERT INTO exam (exam_id, institution_id, exam_number, digest, changed_at, received_at, sealed)
               VALUES ('e', 'i', 'E1', 'd', 1, 1, $1)""",
            b"",
        )
        await database.write_one(
            """INSERT INTO report (report_id, institution_id, report_number, digest, changed_at, received_at, exam_ids,
               blobs) VALUES ('r', 'i', 'R1', 'd', 2, 2, '["e"]', '[]')"""
        )
        assert await shown(running) == [("report/sync", "R1", True), ("exam-sync", "E1", True)]


async def test_a_merged_push_whose_report_cannot_be_kept_keeps_no_exam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = Outbox.publish

    async def refuse_reports(self: Outbox, tx: Transaction, body: EventBody, *, version: int | None = None) -> Event:
        if isinstance(body, ReportReceived):
            raise EventTooLarge
        return await publish(self, tx, body, version=version)

    async with running_service(SERVICE, tmp_path) as running:
        hospital = await running.add_institution(code=HOSPITAL_CODE)
        other = await running.client.post("/examMergeReport-sync", content=merged(hospital, risStudyId="E2"))
        assert (other.json()["code"], await stored(running)) == (0, (0, 0))
        monkeypatch.setattr(Outbox, "publish", refuse_reports)
        answer = await running.client.post("/examMergeReport-sync", content=merged(hospital))
        assert (answer.json()["code"], await stored(running)) == (0, (0, 0))
        assert await running.events(ExamRegistered) == []


async def test_nobody_is_born_tomorrow(tmp_path: Path) -> None:
    unborn = invented_resident_id((datetime.now(UTC) + timedelta(days=2)).date(), 1)
    async with running_service(SERVICE, tmp_path) as running:
        hospital = await running.add_institution(code=HOSPITAL_CODE)
        exam = pushed(hospital, cardType="01", idCard=unborn)
        both = merged(hospital, reportDoctorIdType="01", reportDoctorIdNo=unborn)
        for path, body, field in (("/exam-sync", exam, "idCard"), ("/examMergeReport-sync", both, "reportDoctorIdNo")):
            answer = (await running.client.post(path, content=body)).json()
            assert answer["code"] == 0
            assert field in answer["message"]
            assert unborn not in answer["message"]


COMPLAINT = "反复咳嗽。" * 14_000
SETTLEMENT = {"setId": "0" * 20, "medListCode": "001", "feeDetailSn": "0" * 18, "examPart": "BB04ZZZZ1"}


@pytest.mark.parametrize("merged_push", [False, True])
async def test_an_exam_that_no_event_can_carry_is_an_object(
    tmp_path: Path, on_each_database: dict[str, str], merged_push: bool
) -> None:
    exam = ExampleExam(examined_at=datetime.now(UTC) - timedelta(hours=1), number="E1")
    path = "/examMergeReport-sync" if merged_push else "/exam-sync"
    async with running_service(SERVICE, tmp_path, settings=on_each_database) as running:
        hospital = await running.add_institution(code=HOSPITAL_CODE)
        for changed in ({"chiefComplaint": COMPLAINT}, {"setInfoList": [SETTLEMENT] * 3000}):
            record: dict[str, object] = {**exam_record(exam), **changed}
            sent = {"patient": record, "report": report_record(exam)} if merged_push else record
            body = envelope.seal_envelope(
                sent, hospital_code=hospital.code, key=hospital.sm4_key, timestamp=int(time.time())
            ).to_json()
            answers = [(await running.client.post(path, content=body)).json() for _ in range(2)]
            assert answers[0] == answers[1]
            assert answers[0]["code"] == 1, answers
        bodies = [body for _, body in await running.events(ExamRegistered)]
        assert [body.exam_sealed for body in bodies] == ["", ""]
        exams: list[Exam] = []
        for event in bodies:
            assert event.exam_content is not None
            exams.append(from_json(Exam, await running.resources.sealed_blobs.get(hospital.id, event.exam_content)))
        assert exams[0].clinical is not None
        assert exams[0].clinical.chief_complaint == COMPLAINT
        assert len(exams[1].settlements) == 3000
        named = await running.resources.database.fetch("SELECT name FROM stored_blob WHERE state = 0")
        assert {row["name"] for row in named} == {info.name async for info in running.resources.blobs.list()}


UNFORESEEN = [
    pytest.param(OutcomeUnknown("the connection broke"), "结果未知", 0, id="outcome unknown"),
    pytest.param(DatabaseUnavailable("away"), "数据未保存", 1, id="database away"),
    pytest.param(RuntimeError("a bug"), "平台内部错误", 1, id="a bug"),
]


@pytest.mark.parametrize(("failure", "message", "refused"), UNFORESEEN)
@pytest.mark.parametrize(("path", "step"), [("/exam-sync", "accept_exam"), ("/examMergeReport-sync", "accept_both")])
async def test_whatever_fails_is_answered_as_the_standard_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, step: str, failure: Exception, message: str,
    refused: int,
) -> None:  # fmt: skip
    async def fail(*_: object) -> None:
        raise failure

    async with running_service(SERVICE, tmp_path) as running:
        hospital = await running.add_institution(code=HOSPITAL_CODE)
        body = pushed(hospital) if path == "/exam-sync" else merged(hospital)
        monkeypatch.setattr(Intake, step, fail)
        answer = await running.client.post(path, content=body)
    async with running_service(SERVICE, tmp_path) as running:
        pushes = (await running.admin.get("/api/ingest-api/v1/pushes")).json()["pushes"]
    assert (answer.status_code, answer.json()["code"]) == (200, 0)
    assert message in answer.json()["message"]
    assert [bool(push["number"]) for push in pushes] == [True] * refused


async def test_who_reads_pushes_leaves_one_event_in_a_while(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        hospital = await running.add_institution(code=HOSPITAL_CODE)
        await running.client.post("/exam-sync", content=pushed(hospital))
        own = (hospital.access_key, hospital.secret_key)
        for _ in range(2):
            await running.client.get("/api/ingest-api/v1/pushes", auth=own)
            await running.admin.get("/api/ingest-api/v1/pushes")
        seen = [body for _, body in await running.events(AccessRecorded)]
    assert sorted((body.actor, len(body.exam_ids)) for body in seen) == [("admin", 1), (f"hospital:{HOSPITAL_CODE}", 1)]


async def test_senders_that_nobody_knows_fill_no_table(tmp_path: Path, on_each_database: dict[str, str]) -> None:
    def refusal(number: int, institution_id: str) -> refusals.Refusal:
        return refusals.Refusal(
            refusal_id=f"{institution_id}{number}", hospital_code=f"made-up-{number}", institution_id=institution_id,
            interface="exam-sync", number="", message="x", faults="[]", at=number,
        )  # fmt: skip

    async with running_service(SERVICE, tmp_path, settings=on_each_database) as running:
        await kept(running, [refusal(number, "") for number in range(refusals.KEEP_PER_HOSPITAL + 20)])
        await kept(running, [refusal(0, "known")])
        rows = await running.resources.database.fetch("SELECT institution_id FROM refusal")
    strangers = [row for row in rows if not row["institution_id"]]
    assert len(strangers) <= refusals.KEEP_PER_HOSPITAL + 1
    assert len(rows) == len(strangers) + 1


async def test_an_id_number_in_place_of_a_push_number_is_masked(tmp_path: Path) -> None:
    resident_id = ExamplePatient().resident_id
    async with running_service(SERVICE, tmp_path) as running:
        hospital = await running.add_institution(code=HOSPITAL_CODE)
        longer = f"{resident_id}0"
        await running.client.post("/exam-sync", content=pushed(hospital, longer, sex="no such code"))
        body = pushed(hospital, resident_id, sex="no such code")
        assert (await running.client.post("/exam-sync", content=body)).json()["code"] == 0

        async def is_kept() -> bool:
            return len(await running.resources.database.fetch("SELECT number FROM refusal")) == 2

        await eventually(is_kept)
        answer = await running.admin.get("/api/ingest-api/v1/pushes")
    numbers = [push["number"] for push in answer.json()["pushes"]]
    assert numbers[0].startswith(resident_id[0] + "*")
    assert numbers[1] == longer


async def kept(running: Running, found: list[refusals.Refusal]) -> None:
    """Store refusals."""
    for refusal in found:
        await running.resources.database.write(lambda tx, refusal=refusal: refusals.add(tx, refusal))


async def test_refusals_that_wait_are_kept_when_the_service_stops(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        database = running.resources.database
        log = RefusalLog(database, running.resources.clock)
        for number in range(3):
            log.note(hospital_code="H", institution_id="known", interface="exam-sync", number=str(number), message="x")
        worker = asyncio.create_task(log.run())
        await asyncio.sleep(0)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        assert len(await database.fetch("SELECT number FROM refusal")) == 3


async def test_a_derived_ae_title_is_nobody_elses(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:

        async def added(code: str, ae_title: str = "") -> tuple[int, str]:
            body = {"code": code, "name": "医院", "ae_title": ae_title}
            answer = await running.admin.post("/api/ingest-api/v1/institutions", json=body)
            return answer.status_code, answer.json().get("ae_title", "")

        tail = "0123456789ABCDEF"
        assert await added(f"1{tail}") == (201, tail)
        assert await added(f"2{tail}") == (201, "23456789ABCDEF-2")
        assert await added(f"3{tail}") == (201, "23456789ABCDEF-3")
        assert await added("OTHER", tail) == (409, "")
