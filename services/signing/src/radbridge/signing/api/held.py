"""Reports whose verdict is held back, for operators who decide about them."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from radbridge.contracts.institution_settings import SigningPolicy
from radbridge.runtime.audit import ReadTrail
from radbridge.runtime.clock import from_micros
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.hospital import institution_of
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources
from radbridge.signing import held_store
from radbridge.signing.api.verdicts import CheckView
from radbridge.signing.domain.policy import decide
from radbridge.signing.settlement import Release, Settlement, case_of

_SHOWN = 500
Operator = Annotated[Principal, Depends(require("admin", "operator"))]


class HeldView(BaseModel):
    """A report whose verdict waits."""

    recordNum: str  # noqa: N815 (the standard's own name)
    hospitalCode: str  # noqa: N815 (the standard's own name)
    report_id: str
    reason: str
    checks: list[CheckView]
    held_at: datetime


class HeldList(BaseModel):
    """Those that wait longest first, 500 at most."""

    held: list[HeldView]


class ReleaseRequest(BaseModel):
    """What is to become of a held report."""

    decision: Release


class Released(BaseModel):
    """What became of it."""

    recordNum: str  # noqa: N815 (the standard's own name)
    verdict: str
    reason: str


def router(resources: Resources, settlement: Settlement, trail: ReadTrail) -> APIRouter:
    """Routes ``/api/signing/v1/held`` and ``/api/signing/v1/reports/{recordNum}/release``."""
    api = APIRouter(prefix="/api/signing/v1", tags=["verdicts"])

    @api.get("/held")
    async def list_held(operator: Operator) -> HeldList:
        """Every report that is held."""
        await trail.record(actor=operator.actor, action="signing.held")
        found = await resources.database.read(lambda tx: held_store.all_held(tx, _SHOWN))
        return HeldList(held=[_view(one) for one in found])

    @api.post("/reports/{record_num}/release")
    async def release(
        record_num: str,
        hospital_code: Annotated[str, Query(alias="hospitalCode")],
        request: ReleaseRequest,
        operator: Operator,
    ) -> Released:
        """Accept or reject a held report; the evidence names who did."""
        institution = institution_of(resources.directory, hospital_code)

        async def settle(tx: Transaction) -> Released | None:
            held = await held_store.held_number(tx, institution.id, record_num)
            if held is None:
                return None
            decided = await settlement.by_operator(tx, case_of(held), request.decision, operator.actor)
            return Released(recordNum=record_num, verdict=decided.decision.value, reason=decided.reason)

        released = await resources.database.write(settle)
        if released is None:
            raise Problem(404, "Not held", "no verdict on this report is held back")
        return released

    return api


def _view(held: held_store.HeldReport) -> HeldView:
    case = case_of(held)
    verdict = case.finding.verdict
    return HeldView(
        recordNum=held.report_number,
        hospitalCode=case.body.hospital_code,
        report_id=held.report_id,
        reason=decide(verdict, SigningPolicy.HOLD).reason,
        checks=[CheckView.model_validate(check.to_dict()) for check in verdict.checks],
        held_at=from_micros(held.held_at),
    )
