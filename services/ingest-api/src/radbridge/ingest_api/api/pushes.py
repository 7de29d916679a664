"""The last pushes of each hospital, with every fault of the refused ones, for the console."""

from datetime import datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from radbridge.ingest_api.domain.interfaces import Interface
from radbridge.ingest_api.store import records, refusals
from radbridge.runtime.audit import ReadTrail
from radbridge.runtime.clock import from_micros
from radbridge.runtime.database.protocol import Row, Transaction
from radbridge.runtime.security.hospital import hospital_or, institution_of, require_own
from radbridge.runtime.security.principal import Principal
from radbridge.runtime.service import Resources


class FaultView(BaseModel):
    """What was wrong with one field; personal values are masked."""

    field: str
    rule: str
    message: str
    value: str = ""


class PushView(BaseModel):
    """One push of a hospital, accepted or refused."""

    push_id: str
    hospital_code: str
    hospital_name: str
    interface: str
    accepted: bool
    at: datetime
    number: str
    exam_id: str | None
    message: str
    faults: list[FaultView]


class PushList(BaseModel):
    """The newest pushes first."""

    pushes: list[PushView]


def _without_report(exams: list[Row], reports: list[Row]) -> list[Row]:
    """The exams without those that came in one push with a report that is listed: that is shown as one."""
    both = {(row["institution_id"], row["digest"]) for row in reports if row["interface"] == Interface.EXAM_WITH_REPORT}
    return [
        row
        for row in exams
        if row["interface"] != Interface.EXAM_WITH_REPORT or (row["institution_id"], row["digest"]) not in both
    ]


def router(resources: Resources) -> APIRouter:
    """Route ``/api/ingest-api/v1/pushes``."""
    api = APIRouter(prefix="/api/ingest-api/v1", tags=["pushes"])
    trail = ReadTrail(resources.audit, clock=resources.clock)
    reader = hospital_or(resources.directory, "admin", "operator")

    @api.get("/pushes")
    async def pushes(
        principal: Annotated[Principal, Depends(reader)],
        hospital: str = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> PushList:
        """The newest pushes, of one hospital or of all that the caller may see."""
        institution_id = _visible_institution(principal, hospital)

        async def work(tx: Transaction) -> tuple[list[Row], list[Row], list[Row]]:
            return (
                await records.recent_exams(tx, institution_id, limit),
                await records.recent_reports(tx, institution_id, limit),
                await refusals.recent(tx, institution_id, limit),
            )

        exams, reports, refused = await resources.database.read(work)
        exams = _without_report(exams, reports)
        views = [_exam(row) for row in exams] + [_report(row) for row in reports] + [_refusal(row) for row in refused]
        views.sort(key=lambda view: view.at, reverse=True)
        shown = views[:limit]
        for shown_of in {_of(view) for view in shown}:
            await trail.record(
                actor=principal.actor,
                action="pushes.list",
                institution_id=shown_of,
                exam_ids=[view.exam_id for view in shown if view.exam_id and _of(view) == shown_of],
            )
        return PushList(pushes=shown)

    def _of(view: PushView) -> str | None:
        institution = resources.directory.by_code(view.hospital_code)
        return institution.id if institution else None

    def _visible_institution(principal: Principal, hospital: str) -> str:
        if not hospital:
            return principal.institution_id or ""
        institution = institution_of(resources.directory, hospital)
        require_own(principal, institution.id)
        return institution.id

    def _names(institution_id: str) -> tuple[str, str]:
        institution = resources.directory.by_id(institution_id)
        return (institution.code, institution.name) if institution else ("", "")

    def _exam(row: Row) -> PushView:
        code, name = _names(row["institution_id"])
        return PushView(
            push_id=f"{row['exam_id']}:{row['received_at']}",
            hospital_code=code,
            hospital_name=name,
            interface=row["interface"],
            accepted=True,
            at=from_micros(row["received_at"]),
            number=row["exam_number"],
            exam_id=row["exam_id"],
            message="",
            faults=[],
        )

    def _report(row: Row) -> PushView:
        code, name = _names(row["institution_id"])
        exam_ids: list[str] = orjson.loads(row["exam_ids"])
        return PushView(
            push_id=f"{row['report_id']}:{row['received_at']}",
            hospital_code=code,
            hospital_name=name,
            interface=row["interface"],
            accepted=True,
            at=from_micros(row["received_at"]),
            number=row["report_number"],
            exam_id=exam_ids[0] if exam_ids else None,
            message="",
            faults=[],
        )

    def _refusal(row: Row) -> PushView:
        _, name = _names(row["institution_id"])
        return PushView(
            push_id=row["refusal_id"],
            hospital_code=row["hospital_code"],
            hospital_name=name,
            interface=row["interface"],
            accepted=False,
            at=from_micros(row["at"]),
            number=row["number"],
            exam_id=None,
            message=row["message"],
            faults=[FaultView.model_validate(fault) for fault in orjson.loads(row["faults"])],
        )

    return api
