"""Interface 501 in the running service, over events that other services would publish."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from radbridge.contracts.dialects.neijiang_v0_94 import signature
from radbridge.contracts.events.audit import AccessRecorded
from radbridge.contracts.events.exam import ExamRegistered, ExamVoided
from radbridge.contracts.events.patient import PatientLinked
from radbridge.contracts.events.recognition import ExamMarked, ExamReminded
from radbridge.contracts.events.report import ReportReceived, ReportRejected, ReportSigned
from radbridge.contracts.model.codes import DocumentType, ExamStatus, ReportStatus
from radbridge.contracts.model.exam import ClinicalInformation, Exam
from radbridge.contracts.model.people import Institution, Patient
from radbridge.contracts.model.report import Report
from radbridge.contracts.model.serialization import to_json
from radbridge.contracts.schemas.generate import example
from radbridge.recognition.domain.listing import Reason, Scope
from radbridge.recognition.main import SERVICE
from radbridge.recognition.query import judged_exams
from radbridge.runtime.clock import utc_now
from radbridge.runtime.database.protocol import Row, Transaction
from radbridge.runtime.directory import Institution as Registered
from radbridge.runtime.security.patient import seal_patient
from radbridge.runtime.testing import Running, running_service

NUMBER = "140000198002290011"
PATIENT = Patient(name="测试甲", document_type=DocumentType.RESIDENT_ID, document_number=NUMBER)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is listed does not depend on how busy the machine is; the deadline has a test of its own."""
    monkeypatch.setenv("RADBRIDGE_RECOGNITION_ANSWER_WITHIN", "PT60S")


@dataclass(frozen=True, slots=True)
class Region:
    """Hospital A, whose exams are known, and hospital B, which asks."""

    running: Running
    a: Registered
    b: Registered

    async def exam(
        self,
        number: str,
        *,
        patient: Patient = PATIENT,
        age: timedelta = timedelta(hours=1),
        complaint: str | None = None,
    ) -> str:
        """An exam of A with a mapped item, large where it has a complaint; answers its id."""
        moment = utc_now() - age
        exam_id = f"exam-{number}"
        resources = self.running.resources
        record = seal_patient(resources.keyring, resources.vault, self.a.id, f"record-{number}", patient)
        canonical = Exam(
            number=number, changed_at=moment, patient=patient, hospital=Institution(), status=ExamStatus.EXAMINED,
            clinical=ClinicalInformation(chief_complaint=complaint) if complaint else None,
        )  # fmt: skip
        body = {
            **example(ExamRegistered),
            "exam_id": exam_id,
            "institution_id": self.a.id,
            "hospital_code": self.a.code,
            "exam_number": number,
            "patient": record.model_dump(),
            "performed_at": moment,
            "changed_at": moment,
        }
        if complaint:
            body["exam_content"] = (await resources.sealed_blobs.put(self.a.id, to_json(canonical))).model_dump()
            body["exam_sealed"] = ""
        else:
            body["exam_sealed"] = resources.keyring.seal(self.a.id, "patient", to_json(canonical), place=exam_id)
        await self.running.publish(ExamRegistered.model_validate(body), service="ingest-api")
        return exam_id

    async def report(self, exam_id: str, kind: type[ReportSigned | ReportReceived | ReportRejected]) -> str:
        """A report on the exam in that state; answers its id."""
        report = Report(
            number=f"R-{exam_id}", exam_numbers=("E",), changed_at=utc_now(), hospital=Institution(),
            status=ReportStatus.AUDITED, findings="未见异常。", impression="正常。",
        )  # fmt: skip
        content = await self.running.resources.sealed_blobs.put(self.a.id, to_json(report), "application/json")
        body = {
            **example(kind),
            "report_id": f"report-{exam_id}",
            "report_number": report.number,
            "institution_id": self.a.id,
            "exam_ids": [exam_id],
            **({"content": content.model_dump()} if kind is not ReportRejected else {}),
        }
        await self.running.publish(kind.model_validate(body), service="signing")
        return str(body["report_id"])

    async def map_item(self) -> None:
        """Map the hospital's item."""
        item = {"item_code": "HOSP-CT-001", "item_name": "胸部平扫", "catalogue": "neijiang", "catalogue_code": "BW23"}
        body = {"hospital_code": self.a.code, "items": [item]}
        (await self.running.admin.post("/api/recognition/v1/items", json=body)).raise_for_status()

    async def ask(self, number: str = NUMBER) -> list[dict[str, Any]]:
        """What B is reminded of."""
        await self.running.settled()
        record = question(self.b, number)
        answer = await self.running.client.get("/open/smr/studies", params=record, headers=signed(self.b, record))
        body = answer.json()
        assert body["code"] == "N0000", body
        studies: list[dict[str, Any]] = body["result"]["study"]
        return studies

    async def mark(self, study: dict[str, Any], decision: str, reason: str = "", *, method: str = "POST") -> str:
        """B's decision; answers the code."""
        return await self.mark_all(study, [self.decision(study["reportId"], decision, reason)], method=method)

    def decision(self, report_id: str, decision: str, reason: str = "", *, origin: str | None = None) -> dict[str, str]:
        """One entry of a mark, about a report of A unless another hospital is named."""
        return {
            "originHospitalCode": origin or self.a.code, "smrMark": decision, "smrMessage": reason,
            "ReportID": report_id,
        }  # fmt: skip

    async def mark_all(
        self, study: dict[str, Any], decisions: Sequence[dict[str, str]], *, method: str = "POST"
    ) -> str:
        """B's decisions in one request at the address of a study; answers the code."""
        record: dict[str, Any] = {
            "requestId": "m1", "hospitalCode": self.b.code, "ICCard": NUMBER, "opUid": "1", "opName": "医生",
            "timeStamp": str(int(time.time() * 1000)), "visitId": "v", "stationIP": "192.0.2.1",
            "stationMAC": "00-00-5E-00-53-01", "smrInfo": list(decisions),
        }  # fmt: skip
        return await self._send_mark(study, record, method=method)

    async def mark_flat(self, study: dict[str, Any], *, origin: str) -> str:
        """B's acceptance in the shape of 502, which names no report; answers the code."""
        record: dict[str, Any] = {
            "Code": "003", "hospitalCode": self.b.code, "originHospitalCode": origin, "studyTime": "2026-01-05",
            "smrCode": "BW23", "smrMark": 1, "timeStamp": str(int(time.time() * 1000)), "opUid": "1",
            "opName": "医生",
        }  # fmt: skip
        return await self._send_mark(study, record, method="POST")

    async def _send_mark(self, study: dict[str, Any], record: dict[str, Any], *, method: str) -> str:
        address = f"/open/smr/study/{study['pntStudyUuid']}/smrMark"
        answer = await self.running.client.request(method, address, json=record, headers=signed(self.b, record))
        return str(answer.json()["code"])


def question(asking: Registered, number: str = NUMBER) -> dict[str, str]:
    """What a hospital asks of 501."""
    return {
        "requestId": "q1", "hospitalCode": asking.code, "hospitalName": "乙", "visitId": "v", "PatName": "测试甲",
        "PatSex": "M", "BirthDate": "1980-02-29", "ICCard": number, "clinicSource": "门诊", "DeptCode": "1",
        "DeptName": "内科", "opUid": "1", "opName": "医生", "stationIP": "192.0.2.1",
        "stationMAC": "00-00-5E-00-53-01", "timeStamp": str(int(time.time() * 1000)), "shareHR": "全国HR",
        "smrType": "检查",
    }  # fmt: skip


def signed(asking: Registered, record: Mapping[str, Any]) -> dict[str, str]:
    """The headers that prove who asks."""
    sign = signature.sign(record, access_key=asking.access_key, access_secret=asking.secret_key)
    return {"accessKey": asking.access_key, "sign": sign}


async def region(running: Running) -> Region:
    a = await running.add_institution(code="HOSPITAL-A", name="甲医院")
    b = await running.add_institution(code="HOSPITAL-B", name="乙医院", dialect="neijiang")
    found = Region(running, a, b)
    await found.map_item()
    return found


@pytest.mark.proves("NJ-063", "NJ-068")
async def test_a_signed_exam_of_the_person_is_listed(tmp_path: Path, on_each_database: dict[str, str]) -> None:
    async with running_service(SERVICE, tmp_path, settings=on_each_database) as running:
        known = await region(running)
        report_id = await known.report(await known.exam("E1"), ReportSigned)
        (study,) = await known.ask()
        assert study["patient"]["patName"] == "测试甲"
        assert (study["finding"], study["conclusion"]) == ("未见异常。", "正常。")
        assert (study["originHospitalCode"], study["pntStudyUuid"]) == (known.a.code, report_id)
        assert study["smrCodes"] == [{"smrCode": "BW23", "smrName": "胸部平扫"}]
        assert await known.ask("140000198002290038") == []
        assert len(await running.events(ExamReminded)) == 1


async def test_an_exam_that_no_event_can_carry_is_listed_whole(
    tmp_path: Path, on_each_database: dict[str, str]
) -> None:
    async with running_service(SERVICE, tmp_path, settings=on_each_database) as running:
        known = await region(running)
        complaint = "反复咳嗽。" * 14_000
        await known.report(await known.exam("E1", complaint=complaint), ReportSigned)
        (study,) = await known.ask()
        assert study["patient"]["patName"] == "测试甲"
        assert complaint in str(study)


async def test_a_doctor_is_told_to_ask_again_where_the_list_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADBRIDGE_RECOGNITION_ANSWER_WITHIN", "PT0.05S")

    async def stands_still(_self: object, _work: object) -> None:
        await asyncio.Event().wait()

    async with running_service(SERVICE, tmp_path) as running:
        b = await running.add_institution(code="HOSPITAL-B", name="乙医院", dialect="neijiang")
        with monkeypatch.context() as database:
            database.setattr(type(running.resources.database), "read", stands_still)
            asked = question(b)
            answer = await running.client.get("/open/smr/studies", params=asked, headers=signed(b, asked))
    assert (answer.status_code, answer.json()["code"]) == (200, "E0000")
    assert "请稍后重试" in answer.json()["message"]


@pytest.mark.parametrize("kind", [ReportReceived, ReportRejected])
async def test_a_report_without_a_good_verdict_is_not_listed(
    tmp_path: Path, kind: type[ReportReceived | ReportRejected]
) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await region(running)
        await known.report(await known.exam("E1"), kind)
        assert await known.ask() == []


async def test_old_voided_and_unmapped_exams_are_not_listed_and_why_says_so(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await region(running)
        for number, age in (("old", timedelta(days=91)), ("voided", timedelta(hours=1))):
            await known.report(await known.exam(number, age=age), ReportSigned)
        gone = {**example(ExamVoided), "exam_id": "exam-voided", "institution_id": known.a.id}
        await running.publish(ExamVoided.model_validate(gone), service="ingest-api", version=2)
        assert await known.ask() == []
        asked = {"hospital_code": known.b.code, "patient": NUMBER}
        exams = (await running.admin.post("/api/recognition/v1/why", json=asked)).json()["exams"]
        assert {exam["exam_number"]: exam["reason"] for exam in exams} == {"old": "outside_window", "voided": "voided"}


async def test_records_that_mpi_linked_belong_to_the_person(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await region(running)
        await known.report(await known.exam("E1"), ReportSigned)
        nameless = Patient(name="测试甲", phone="19900000001")
        await known.report(await known.exam("E2", patient=nameless), ReportSigned)
        index = (await known.running.events(ExamRegistered))[0][1].patient.document_index
        for record, person, document in (("record-E1", "p1", index), ("record-E2", "p2", None)):
            link = {
                **example(PatientLinked),
                "record_id": record,
                "person_id": person,
                "document_index": document,
                "institution_id": known.a.id,
            }
            await running.publish(PatientLinked.model_validate(link), service="mpi")
        assert len(await known.ask()) == 1
        moved = {**example(PatientLinked), "record_id": "record-E2", "person_id": "p1", "rule": "manual"}
        await running.publish(PatientLinked.model_validate(moved), service="mpi", version=2)
        assert len(await known.ask()) == 2


@pytest.mark.proves("NJ-066")
async def test_a_mark_is_recorded_once_and_may_change(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await region(running)
        await known.report(await known.exam("E1"), ReportSigned)
        (study,) = await known.ask()
        assert await known.mark(study, "1", method="GET") == "N0000"
        assert await known.mark(study, "2", "1") == "N0000"
        assert await known.mark({**study, "pntStudyUuid": "nobody"}, "1") != "N0000"
        counts = (await running.admin.get("/api/recognition/v1/statistics")).json()["marks"]
        assert counts == [{"hospital_code": known.b.code, "recognised": False, "marks": 1}]
        events = await running.events(ExamMarked)
        assert [(event.version, body.recognised) for event, body in events] == [(1, True), (2, False)]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/open/smr/studies"), ("GET", "/open/smr/studies/"), ("DELETE", "/open/smr/study/x/smrMark"),
     ("GET", "/open/smr/x")],
)  # fmt: skip
async def test_other_methods_and_paths_are_refused_in_the_standards_form(
    tmp_path: Path, method: str, path: str
) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        answer = await running.client.request(method, path)
    assert answer.status_code == 200
    assert answer.json()["code"] not in ("", "N0000")


async def test_an_id_typed_with_a_small_x_finds_the_person(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await region(running)
        number = "11010519491231002X"
        patient = Patient(name="测试甲", document_type=DocumentType.RESIDENT_ID, document_number=number)
        await known.report(await known.exam("E1", patient=patient), ReportSigned)
        assert len(await known.ask(number.lower())) == 1


async def test_an_unknown_order_of_signed_names_means_the_printed_one(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        a = await running.add_institution(code="HOSPITAL-A", name="甲医院")
        b = await running.add_institution(code="HOSPITAL-B", name="乙医院", settings={"sign_order": "typo"})
        assert await Region(running, a, b).ask() == []


async def test_items_hold_no_control_characters(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        a = await running.add_institution(code="HOSPITAL-A", name="甲医院")
        item = {"item_code": "X\0", "catalogue": "shanxi", "catalogue_code": "CT01"}
        answer = await running.admin.post("/api/recognition/v1/items", json={"hospital_code": a.code, "items": [item]})
    assert answer.status_code == 422


async def test_no_mark_on_a_report_without_a_standing_signature(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await region(running)
        await known.report(await known.exam("E1"), ReportSigned)
        (study,) = await known.ask()
        unsigned = await known.report(await known.exam("E2"), ReportRejected)
        await running.settled()
        for refused in ({"pntStudyUuid": unsigned, "reportId": ""}, {**study, "reportId": "R-exam-E2"}):
            assert await known.mark(refused, "1") != "N0000"
        assert await known.mark(study, "1") == "N0000"
        assert len(await running.events(ExamMarked)) == 1


@pytest.mark.proves("NJ-066", "NJ-071")
async def test_a_mark_is_written_onto_the_report_that_it_names_or_onto_none(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await region(running)
        first = await known.report(await known.exam("E1"), ReportSigned)
        second = await known.report(await known.exam("E2"), ReportSigned)
        study = next(study for study in await known.ask() if study["pntStudyUuid"] == first)
        this, other = known.decision("R-exam-E1", "1"), known.decision("R-exam-E2", "2", "3")
        for named in (
            known.decision("nope", "2", "3"),
            known.decision("R-exam-E1", "1", origin="000"),
            known.decision("R-exam-E1", "1", origin=known.b.code),
        ):
            assert await known.mark_all(study, [this, named]) == "E0000"
            assert await known.mark_all(study, [named]) == "E0000"
        assert await known.mark_flat(study, origin=known.b.code) == "E0000"
        assert await running.events(ExamMarked) == []
        assert await known.mark_all(study, [this, other]) == "N0000"
        marked = {body.report_id: (body.recognised, body.reason_code) for _, body in await running.events(ExamMarked)}
    assert marked == {first: (True, ""), second: (False, "3")}


async def test_a_mark_that_can_name_no_report_means_the_study_of_the_path(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await region(running)
        report_id = await known.report(await known.exam("E1"), ReportSigned)
        (study,) = await known.ask()
        assert await known.mark_flat(study, origin=known.a.code) == "N0000"
        assert [body.report_id for _, body in await running.events(ExamMarked)] == [report_id]


async def test_more_exams_take_no_more_statements(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await region(running)
        await known.report(await known.exam("E0"), ReportSigned)
        assert len(await known.ask()) == 1
        few = await statements(running)
        for number in range(1, 6):
            await known.report(await known.exam(f"E{number}"), ReportSigned)
        assert len(await known.ask()) == 6
        assert await statements(running) == few


async def statements(running: Running) -> int:
    """How many queries it takes to judge every exam."""
    counted = 0

    async def judge(tx: Transaction) -> int:
        rows = await tx.fetch("SELECT e.*, NULL AS person_id FROM exam e")

        class Counting:
            async def fetch(self, sql: str, *values: Any) -> list[Row]:
                nonlocal counted
                counted += 1
                return await tx.fetch(sql, *values)

        found = await judged_exams(cast("Transaction", Counting()), rows, Scope(timedelta(days=90)), utc_now())
        assert {exam.reason for exam in found} == {Reason.LISTED}
        return counted

    return await running.resources.database.read(judge)


async def test_who_reads_an_exam_leaves_one_event_in_a_while(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await region(running)
        exam_id = await known.exam("E1")
        await running.settled()
        for _ in range(2):
            assert (await running.admin.get(f"/api/recognition/v1/exams/{exam_id}")).status_code == 200
        seen = [body for _, body in await running.events(AccessRecorded)]
    assert [(body.actor, body.action, body.exam_ids) for body in seen] == [("admin", "recognition.exam", [exam_id])]
