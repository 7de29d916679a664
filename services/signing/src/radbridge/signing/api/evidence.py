"""The chain of evidence: for auditors to take away, and to judge again what was judged."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from radbridge.runtime.audit import ReadTrail
from radbridge.runtime.blobs.protocol import BlobMissing
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.keyring import SealError
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources
from radbridge.signing import evidence_store
from radbridge.signing.api.verdicts import CheckView
from radbridge.signing.domain.evidence_chain import line
from radbridge.signing.domain.ocsp_desk import Answer
from radbridge.signing.domain.revocation import OCSP_FAULTS, RevocationState
from radbridge.signing.judging import ReportObjects, judge_objects
from radbridge.signing.ocsp_responders import judging_by
from radbridge.signing.trust import store_of

MEDIA_TYPE = "application/jsonl"
_PAGE = 500
Auditor = Annotated[Principal, Depends(require("admin", "operator"))]


class HeadView(BaseModel):
    """Where the chain stands; whoever notes it can tell later whether entries were cut off."""

    position: int
    hash: str


class JudgedAgain(BaseModel):
    """A stored verdict beside the one made anew from the stored evidence."""

    position: int
    same: bool
    differences: list[str]
    """Pieces, checks and evidence that are not what the entry says."""
    checks: list[CheckView]
    evidence: dict[str, str]


def router(resources: Resources, trail: ReadTrail) -> APIRouter:
    """Routes below ``/api/signing/v1/evidence``."""
    api = APIRouter(prefix="/api/signing/v1/evidence", tags=["evidence"])

    async def exported(after: int, until: int) -> AsyncIterator[bytes]:
        position = after
        while position < until:
            limit = min(_PAGE, until - position)
            rows = await resources.database.read(
                lambda tx, begin=position, count=limit: evidence_store.entries_after(tx, begin, count)
            )
            if not rows:
                return
            yield b"".join(line(r["position"], r["previous"], r["hash"], r["entry"].encode()) for r in rows)
            position = rows[-1]["position"]

    @api.get("", response_class=StreamingResponse)
    async def export(auditor: Auditor, after: Annotated[int, Query(ge=0)] = 0) -> StreamingResponse:
        """All entries after a position, one JSON object a line, oldest first."""
        await trail.record(actor=auditor.actor, action="signing.evidence")
        until = await resources.database.read(evidence_store.head)
        return StreamingResponse(exported(after, until.position), media_type=MEDIA_TYPE)

    @api.get("/head")
    async def head(_: Auditor) -> HeadView:
        """The newest entry."""
        found = await resources.database.read(evidence_store.head)
        return HeadView(position=found.position, hash=found.hash)

    @api.post("/{position}/judge-again")
    async def judge_again(position: int, auditor: Auditor) -> JudgedAgain:
        """Judge a report again from what was stored with its verdict alone, as of the moment it was judged."""
        row = await resources.database.read(lambda tx: evidence_store.entry_at(tx, position))
        if row is None:
            raise Problem(404, "No such entry", f"the chain has no position {position}")
        entry: dict[str, Any] = orjson.loads(row["entry"])
        await trail.record(actor=auditor.actor, action="signing.judge_again", institution_id=entry["institutionId"])
        archived = await resources.database.read(lambda tx: evidence_store.archived_trust(tx, entry["trust"]))
        if archived is None:
            raise Problem(409, "Not judged again", "the trust that the verdict rests on is not in the archive")
        objects = ReportObjects.from_dict(entry["institutionId"], entry["objects"])
        named: dict[str, str] = entry.get("ocsp", {})
        responses = await resources.database.read(lambda tx: evidence_store.archived_files(tx, named.values()))
        try:
            answers = {key: _answer(name, responses) for key, name in named.items()}
            judging = judging_by(store_of(*archived), answers)
            at = datetime.fromisoformat(entry["judgedAt"])
            finding = await judge_objects(resources.sealed_blobs, objects, judging, entry["trust"], now=at)
        except (BlobMissing, SealError, KeyError) as error:
            detail = f"a stored piece is missing or was changed: {type(error).__name__}"
            raise Problem(409, "Not judged again", detail) from None
        checks = [check.to_dict() for check in finding.verdict.checks]
        anew = {"checks": checks, "evidence": dict(finding.verdict.evidence), "materials": dict(finding.materials)}
        differences = [name for name, value in anew.items() if entry[name] != value]
        if finding.ocsp != named:
            differences.append("ocsp")
        return JudgedAgain(
            position=position,
            same=not differences,
            differences=differences,
            checks=[CheckView.model_validate(check) for check in checks],
            evidence=dict(finding.verdict.evidence),
        )

    return api


def _answer(name: str, responses: Mapping[str, bytes]) -> Answer:
    """The OCSP answer that an entry names: why there was none, or a response.

    :raises KeyError: the response is missing.
    """
    return RevocationState(name) if name in OCSP_FAULTS else responses[name]
