"""What became of a report's signature, for the hospital that sent it."""

from datetime import datetime
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from radbridge.runtime.audit import ReadTrail
from radbridge.runtime.clock import from_micros
from radbridge.runtime.security.hospital import hospital_or, institution_of, require_own
from radbridge.runtime.security.principal import Principal
from radbridge.runtime.service import Resources
from radbridge.signing import store
from radbridge.signing.store import PENDING


class CheckView(BaseModel):
    """One check of a verdict; ``field`` is the wire field it speaks of."""

    name: str
    result: Literal["passed", "failed", "finding", "skipped"]
    reason: str
    field: str


class VerdictView(BaseModel):
    """The newest verdict on a report."""

    recordNum: str  # noqa: N815 (the standard's own name)
    verdict: Literal["pending", "accepted", "rejected"]
    reason: str
    checks: list[CheckView]
    evidence: dict[str, str] = {}
    judged_at: datetime | None = None
    evidence_position: int | None = None
    """The decision's entry in the chain of evidence."""
    evidence_hash: str | None = None


def router(resources: Resources, trail: ReadTrail) -> APIRouter:
    """Route ``/api/signing/v1/reports/{recordNum}/verdict``."""
    api = APIRouter(prefix="/api/signing/v1", tags=["verdicts"])
    caller = hospital_or(resources.directory, "admin", "operator", "service")

    @api.get("/reports/{record_num}/verdict")
    async def verdict(
        record_num: str,
        hospital_code: Annotated[str, Query(alias="hospitalCode")],
        principal: Annotated[Principal, Depends(caller)],
    ) -> VerdictView:
        """The verdict on the newest push of a report; ``pending`` also where the report is still on its way."""
        institution = institution_of(resources.directory, hospital_code)
        require_own(principal, institution.id)
        await trail.record(actor=principal.actor, action="signing.verdict", institution_id=institution.id)
        row = await resources.database.read(lambda tx: store.verdict_of(tx, institution.id, record_num))
        if row is None:
            return VerdictView(recordNum=record_num, verdict=PENDING, reason="尚未收到该报告，或正在验证", checks=[])
        return VerdictView(
            recordNum=record_num,
            verdict=row["outcome"],
            reason=row["reason"],
            checks=orjson.loads(row["checks"]),
            evidence=orjson.loads(row["evidence"]),
            judged_at=from_micros(row["judged_at"]) if row["judged_at"] is not None else None,
            evidence_position=row["evidence_position"],
            evidence_hash=row["evidence_hash"],
        )

    return api
