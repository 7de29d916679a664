"""The patient's link and the asking doctor's view: who holds the address, and proves it where asked, sees one exam."""

from datetime import timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field, TypeAdapter

from radbridge.contracts.identifiers import link_code_digest
from radbridge.portal import store, views
from radbridge.portal.domain.patient_link import (
    LinkRecord,
    LinkState,
    answers,
    asks_for,
    is_still_theirs,
    state,
    tries_left,
)
from radbridge.runtime.clock import from_micros, to_micros
from radbridge.runtime.database.protocol import Row, Transaction
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.patient import open_patient
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources

PATIENT_SESSION = timedelta(minutes=30)
DOCTOR_SESSION = timedelta(minutes=15)

Viewer = Annotated[Principal, Depends(require("viewer"))]


class Answer(BaseModel):
    """What the patient typed."""

    last_four: str = Field(min_length=4, max_length=4)


def router(resources: Resources) -> APIRouter:
    """Routes below ``/api/portal/v1`` that need no login."""
    api = APIRouter(prefix="/api/portal/v1", tags=["links"])

    @api.get("/links/{code}")
    async def link(code: str) -> dict[str, Any]:
        """What a link asks for, and whether it still opens."""
        row = await _row(code)
        record = _record(row)
        identity = _identity(row)
        institution = resources.directory.by_id(row["institution_id"])
        return {
            "state": state(record, resources.clock()).value,
            "tries_left": tries_left(record),
            "asks": asks_for(identity.get("document_number")),
            "hospital_name": institution.name if institution else "",
            "hospital_phone": row["hospital_phone"],
            "expires_at": _json(record.expires_at),
        }

    @api.post("/links/{code}/open")
    async def open_link(code: str, answer: Answer) -> dict[str, Any]:
        """Show the exam to whoever types the right four characters: five tries, then the link is locked."""
        digest = link_code_digest(code)
        now = resources.clock()

        async def attempt(tx: Transaction) -> tuple[Row | None, LinkState, bool, int]:
            await tx.lock(f"link:{digest}")
            row = await store.link(tx, digest)
            if row is None:
                return None, LinkState.OPEN, False, 0
            record = _record(row)
            current = state(record, now)
            if current is not LinkState.OPEN:
                return row, current, False, 0
            identity = _identity(row)
            if answers(answer.last_four, identity.get("document_number"), identity.get("phone")):
                await store.note_opened(tx, digest, to_micros(now))
                return row, current, True, 0
            await store.count_failed_try(tx, digest)
            return row, current, False, tries_left(record) - 1

        row, current, right, left = await resources.database.write(attempt)
        if row is None:
            raise _no_such_link()
        phone = {"hospital_phone": row["hospital_phone"]}
        if current is LinkState.EXPIRED:
            raise Problem(410, "链接已过期", "请联系医院重新获取。The link has expired.", extra=phone)
        if current is LinkState.LOCKED or (not right and left <= 0):
            raise Problem(423, "链接已锁定", "输入错误次数过多，请联系医院。Too many wrong tries.", extra=phone)
        if not right:
            raise Problem(403, "验证未通过", f"还可尝试 {left} 次。", extra={"tries_left": left})
        actor = f"patient:{row['notification_id']}"
        gathered = await _gathered(row["report_id"], None)
        if gathered is None or not _is_theirs(gathered, row):
            exam_ids = [gathered.exam.exam_id] if gathered else []
            await _refused(actor, row["institution_id"], exam_ids)
            raise _not_shown()
        return await _shown(gathered, actor, PATIENT_SESSION)

    @api.get("/view")
    async def view(principal: Viewer) -> dict[str, Any]:
        """The exam that a viewUrl was issued for."""
        grant = principal.grant
        if grant is None or grant.exam_id is None or grant.purpose == views.OPENED_VIEW:
            raise Problem(403, detail="This link opens no exam.")
        gathered = await _gathered(grant.report_id, grant.exam_id)
        if gathered is None:
            await _refused(grant.actor, grant.institution_id, [grant.exam_id])
            raise _not_shown()
        return await _shown(gathered, grant.actor, DOCTOR_SESSION)

    @api.get("/documents")
    async def document(principal: Viewer) -> Response:
        """The signed report's file, for a link that names the report."""
        grant = principal.grant
        if grant is None or grant.exam_id is None or grant.report_id is None:
            raise Problem(403, detail="This link opens no document.")
        exam_id, report_id = grant.exam_id, grant.report_id
        gathered = await resources.database.read(lambda tx: views.gather(tx, exam_id, report_id))
        if gathered is None or gathered.signed is None or gathered.signed.document is None:
            raise Problem(404, "No document", "The report has no file, or is not valid any more.")
        ref = gathered.signed.document
        data = await views.document(resources, gathered.signed.institution_id, ref)
        await resources.audit.record_now(
            actor=principal.actor,
            action="report.download",
            institution_id=gathered.exam.institution_id,
            exam_ids=[exam_id],
        )
        suffix = "pdf" if ref.media_type == "application/pdf" else "ofd"
        return Response(
            data,
            media_type=ref.media_type,
            headers={
                "content-disposition": f'attachment; filename="report.{suffix}"',
                "cache-control": "private, no-store",
                "x-content-type-options": "nosniff",
            },
        )

    async def _shown(gathered: views.Gathered, actor: str, valid: timedelta) -> dict[str, Any]:
        """The view, once it is written down who sees it."""
        view = await views.present(resources, gathered, actor=actor, valid=valid)
        exam = gathered.exam
        await resources.audit.record_now(
            actor=actor, action="report.open", institution_id=exam.institution_id, exam_ids=[exam.exam_id]
        )
        return _json(view)

    async def _refused(actor: str, institution_id: str | None, exam_ids: list[str]) -> None:
        await resources.audit.record_now(
            actor=actor, action="report.open", institution_id=institution_id, exam_ids=exam_ids, allowed=False
        )

    async def _gathered(report_id: str | None, exam_id: str | None) -> views.Gathered | None:
        async def work(tx: Transaction) -> views.Gathered | None:
            wanted = exam_id or (await views.exam_of_report(tx, report_id) if report_id else None)
            return await views.gather(tx, wanted, report_id) if wanted else None

        return await resources.database.read(work)

    def _is_theirs(gathered: views.Gathered, row: Row) -> bool:
        patient, identity = open_patient(resources.keyring, gathered.exam.patient), _identity(row)
        of_link = identity.get("document_number"), identity.get("phone")
        return is_still_theirs(patient.document_number, patient.phone, of_link=of_link)

    async def _row(code: str) -> Row:
        row = await resources.database.read(lambda tx: store.link(tx, link_code_digest(code)))
        if row is None:
            raise _no_such_link()
        return row

    def _identity(row: Row) -> dict[str, str | None]:
        clear = resources.keyring.open(row["patient_sealed"], place=row["notification_id"])
        return orjson.loads(clear)

    return api


def _record(row: Row) -> LinkRecord:
    return LinkRecord(from_micros(row["expires_at"]), row["failed_tries"])


def _not_shown() -> Problem:
    return Problem(404, "报告暂不可查看", "The report was withdrawn or is being changed; please try again later.")


def _no_such_link() -> Problem:
    return Problem(404, "链接无效", "No such link.")


def _json(value: Any) -> Any:
    return TypeAdapter(Any).dump_python(value, mode="json")
