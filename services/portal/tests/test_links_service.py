"""The patient's link and the doctor's view in the running service."""

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from radbridge.contracts.events.audit import AccessRecorded
from radbridge.contracts.events.exam import ExamRegistered, ExamVoided
from radbridge.contracts.events.images import ImagesStored
from radbridge.contracts.events.notification import NotificationIssued
from radbridge.contracts.events.report import ReportReceived, ReportSigned, ReportVoided
from radbridge.contracts.model.codes import ReportStatus, Sex
from radbridge.contracts.model.people import Institution, Patient
from radbridge.contracts.model.report import Report
from radbridge.contracts.model.serialization import to_json
from radbridge.contracts.schemas.generate import example
from radbridge.portal.domain.patient_link import MAX_TRIES
from radbridge.portal.main import SERVICE
from radbridge.portal.views import stored_studies
from radbridge.runtime.clock import utc_now
from radbridge.runtime.security.links import ViewGrant
from radbridge.runtime.security.patient import seal_patient
from radbridge.runtime.security.sessions import COOKIE, Session
from radbridge.runtime.testing import Running, running_service

CODE, LAST_FOUR = "k3J9xQ2mT7aB", "002X"
PATIENT = Patient(name="测试甲", sex=Sex.MALE, document_number="11010519491231002X", phone="19900000001")
PDF = b"%PDF-1.7 the report"
PATIENT_OF_LINK = f"patient:{example(NotificationIssued)['notification_id']}"


@dataclass(frozen=True, slots=True)
class Stage:
    """A service that knows one exam with a signed report and its link."""

    running: Running
    exam: ExamRegistered
    signed: ReportSigned

    async def open(self, last_four: str, code: str = CODE) -> tuple[int, dict[str, object]]:
        answer = await self.running.client.post(f"/api/portal/v1/links/{code}/open", json={"last_four": last_four})
        return answer.status_code, answer.json()


async def stage(running: Running, *, valid: timedelta = timedelta(days=7)) -> Stage:
    """Publish what other services would have said."""
    hospital = await running.add_institution(code="HOSPITAL-A", name="示例医院")
    resources = running.resources
    sealed = seal_patient(resources.keyring, resources.vault, hospital.id, "record", PATIENT)
    exam = ExamRegistered.model_validate(
        {**example(ExamRegistered), "institution_id": hospital.id, "patient": sealed.model_dump()}
    )
    now = utc_now()
    report = Report(
        number="R1", exam_numbers=("E1",), changed_at=now, hospital=Institution(), status=ReportStatus.AUDITED,
        findings="未见异常。", impression="正常。",
    )  # fmt: skip
    content = await resources.sealed_blobs.put(hospital.id, to_json(report), "application/json")
    document = await resources.sealed_blobs.put(hospital.id, PDF, "application/pdf")
    signed = ReportSigned.model_validate(
        {
            **example(ReportSigned),
            "institution_id": hospital.id,
            "content": content.model_dump(),
            "document": document.model_dump(),
        }
    )
    identity = {"name": PATIENT.name, "document_number": PATIENT.document_number, "phone": PATIENT.phone}
    issued = NotificationIssued.model_validate(
        {
            **example(NotificationIssued),
            "institution_id": hospital.id,
            "code_digest": hashlib.sha256(CODE.encode()).hexdigest(),
            "patient_sealed": resources.keyring.seal(
                hospital.id, "patient", orjson.dumps(identity), place=example(NotificationIssued)["notification_id"]
            ),
            "issued_at": now,
            "expires_at": now + valid,
        }
    )
    for body, service in ((exam, "ingest-api"), (signed, "signing"), (issued, "notify")):
        await running.publish(body, service=service)
    await running.settled()
    return Stage(running, exam, signed)


async def looks(running: Running) -> list[tuple[str, str, list[str], bool]]:
    """What was recorded of looks at reports."""
    return [(body.actor, body.action, body.exam_ids, body.allowed) for _, body in await running.events(AccessRecorded)]


@pytest.mark.proves("SZ-256")
async def test_the_right_characters_open_report_and_file(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await stage(running)
        status, view = await known.open(LAST_FOUR.lower())
        assert status == 200
        assert (view["patient_name"], view["images"], view["viewer_url"]) == ("测试甲", 0, None)
        assert view["report"]["findings"] == "未见异常。"  # pyright: ignore
        file = await running.client.get(str(view["document_url"]))
        assert (file.content, file.headers["content-type"]) == (PDF, "application/pdf")
        assert "no-store" in file.headers["cache-control"]


async def test_five_wrong_tries_lock_the_link_for_good(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await stage(running)
        answers = [await known.open("0000") for _ in range(MAX_TRIES)]
        assert [status for status, _ in answers] == [403] * (MAX_TRIES - 1) + [423]
        assert answers[0][1]["tries_left"] == MAX_TRIES - 1
        status, problem = await known.open(LAST_FOUR)
        assert (status, problem["hospital_phone"]) == (423, "0351-0000000")
    async with running_service(SERVICE, tmp_path) as running:
        locked = await running.client.get(f"/api/portal/v1/links/{CODE}")
        assert locked.json()["state"] == "locked"


async def test_an_expired_link_says_whom_to_call(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await stage(running, valid=timedelta(seconds=-1))
        status, problem = await known.open(LAST_FOUR)
        assert (status, problem["hospital_phone"]) == (410, "0351-0000000")
        assert (await known.open(LAST_FOUR, "unknown"))[0] == 404


async def test_a_report_that_is_being_changed_is_not_shown(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await stage(running)
        changed = {**example(ReportReceived), "institution_id": known.exam.institution_id}
        await running.publish(ReportReceived.model_validate(changed), service="ingest-api", version=2)
        await running.settled()
        assert (await known.open(LAST_FOUR))[0] == 404


async def test_a_voided_exam_is_not_shown(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await stage(running)
        await running.publish(ExamVoided.model_validate(example(ExamVoided)), service="ingest-api", version=2)
        await running.settled()
        assert (await known.open(LAST_FOUR))[0] == 404


async def test_a_late_verdict_on_an_older_push_shows_nothing(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await stage(running)
        body = {**example(ReportVoided), "institution_id": known.exam.institution_id}
        await running.publish(ReportVoided.model_validate(body), service="ingest-api", version=2)
        await running.publish(known.signed, service="signing", version=2)
        await running.settled()
        assert (await known.open(LAST_FOUR))[0] == 404


async def test_a_corrected_report_opens_the_exam_it_speaks_of_now(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await stage(running)
        right = known.exam.model_copy(update={"exam_id": "the-right-exam", "item_name": "另一项目"})
        body = {**example(ReportReceived), "institution_id": right.institution_id, "exam_ids": [right.exam_id]}
        corrected = known.signed.model_copy(update={"exam_ids": [right.exam_id], "received_version": 2})
        await running.publish(right, service="ingest-api")
        await running.publish(ReportReceived.model_validate(body), service="ingest-api", version=2)
        await running.publish(corrected, service="signing", version=2)
        await running.settled()
        status, view = await known.open(LAST_FOUR)
        assert (status, view["item_name"]) == (200, "另一项目")
        wrong = ViewGrant(actor="hospital:B", purpose="recognition", exam_id=known.exam.exam_id)
        token = running.resources.links.issue(wrong, timedelta(minutes=15))
        answer = await running.client.get("/api/portal/v1/view", params={"token": token})
        assert answer.json()["report"] is None


async def test_a_link_opens_no_exam_that_became_another_persons(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await stage(running)
        resources = running.resources
        other = Patient(name="测试乙", document_number="140000198002290011", phone="19900000002")
        sealed = seal_patient(resources.keyring, resources.vault, known.exam.institution_id, "record", other)
        corrected = known.exam.model_copy(update={"patient": sealed})
        await running.publish(corrected, service="ingest-api", version=2)
        await running.settled()
        status, answer = await known.open(LAST_FOUR)
        assert status == 404
        assert "测试乙" not in str(answer)
        assert await looks(running) == [(PATIENT_OF_LINK, "report.open", [known.exam.exam_id], False)]


def test_images_follow_the_newest_study_uid_and_else_the_accession_number() -> None:
    exam = ExamRegistered.model_validate(
        {**example(ExamRegistered), "study_uids": ["1.2.3"], "accession_numbers": ["A1"]}
    )

    def stored(uid: str, accession: str, institution: str = exam.institution_id) -> ImagesStored:
        named = {"study_uid": uid, "accession_number": accession, "institution_id": institution, "instances": 2}
        return ImagesStored.model_validate({**example(ImagesStored), **named})

    assert stored_studies(exam, [stored("1.2.3", ""), stored("1.2.4", "A1")]) == {"1.2.3": 2}
    assert stored_studies(exam, [stored("1.2.4", "A1"), stored("1.2.9", "A2")]) == {"1.2.4": 2}
    assert stored_studies(exam, [stored("1.2.3", "A1", "another-institution")]) == {}


async def test_the_links_inside_a_view_open_no_other_view(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await stage(running)
        _, view = await known.open(LAST_FOUR)
        token = parse_qs(urlsplit(str(view["document_url"])).query)["token"][0]
        assert (await running.client.get("/api/portal/v1/view", params={"token": token})).status_code == 403


async def test_a_doctors_view_opens_one_exam_and_expires(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await stage(running)
        grant = ViewGrant(actor="hospital:B", purpose="recognition", exam_id=known.exam.exam_id)
        token = running.resources.links.issue(grant, timedelta(minutes=15))
        view = await running.client.get("/api/portal/v1/view", params={"token": token})
        assert view.json()["report"]["impression"] == "正常。"
        stale = running.resources.links.issue(replace(grant), timedelta(seconds=-1))
        assert (await running.client.get("/api/portal/v1/view", params={"token": stale})).status_code == 401
        assert (await running.client.get("/api/portal/v1/view", params={"token": token + "x"})).status_code == 401
        assert (await running.client.get("/api/portal/v1/exams", params={"token": token})).status_code == 403


@pytest.mark.parametrize("role", ["admin", "operator", "doctor"])
async def test_a_link_opens_for_somebody_who_is_logged_in_too(tmp_path: Path, role: str) -> None:
    """The address says what is wanted; the browser sends the cookie by itself."""
    async with running_service(SERVICE, tmp_path) as running:
        known = await stage(running)
        resources = running.resources
        session = resources.authenticator.sessions.issue(Session(subject="u-1", name="王主任", roles=frozenset({role})))
        running.client.cookies.set(COOKIE, session)
        grant = ViewGrant(actor="hospital:B", purpose="recognition", exam_id=known.exam.exam_id)
        token = resources.links.issue(grant, timedelta(minutes=15))
        view = await running.client.get("/api/portal/v1/view", params={"token": token})
        assert view.json()["report"]["impression"] == "正常。"

        _, patients = await known.open(LAST_FOUR)
        for shown in (view.json(), patients):
            file = await running.client.get(str(shown["document_url"]))
            assert (file.status_code, file.content) == (200, PDF)
        assert {actor for actor, *_ in await looks(running)} == {"hospital:B", PATIENT_OF_LINK}

        stale = resources.links.issue(grant, timedelta(seconds=-1))
        assert (await running.client.get("/api/portal/v1/view", params={"token": stale})).status_code == 401


async def test_who_saw_which_exam_is_recorded(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await stage(running)
        _, view = await known.open(LAST_FOUR)
        await running.client.get(str(view["document_url"]))
        grant = ViewGrant(actor="hospital:B", purpose="recognition", exam_id=known.exam.exam_id)
        token = running.resources.links.issue(grant, timedelta(minutes=15))
        await running.client.get("/api/portal/v1/view", params={"token": token})
        exams = [known.exam.exam_id]
        assert await looks(running) == [
            (PATIENT_OF_LINK, "report.open", exams, True),
            (PATIENT_OF_LINK, "report.download", exams, True),
            ("hospital:B", "report.open", exams, True),
        ]


async def test_that_nothing_was_shown_is_recorded_so(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await stage(running)
        await running.publish(ExamVoided.model_validate(example(ExamVoided)), service="ingest-api", version=2)
        await running.settled()
        grant = ViewGrant(actor="hospital:B", purpose="recognition", exam_id=known.exam.exam_id)
        token = running.resources.links.issue(grant, timedelta(minutes=15))
        assert (await running.client.get("/api/portal/v1/view", params={"token": token})).status_code == 404
        assert (await known.open(LAST_FOUR))[0] == 404
        assert await looks(running) == [
            ("hospital:B", "report.open", [known.exam.exam_id], False),
            (PATIENT_OF_LINK, "report.open", [], False),
        ]


async def test_what_could_not_be_read_was_not_shown(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as running:
        known = await stage(running)
        _, view = await known.open(LAST_FOUR)
        shown = await looks(running)
        for blob in (tmp_path / "blobs").rglob("*"):
            if blob.is_file():
                blob.unlink()
        assert (await running.client.get(str(view["document_url"]))).status_code >= 500
        assert (await known.open(LAST_FOUR))[0] >= 500
        assert await looks(running) == shown
