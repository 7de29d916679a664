"""A CA's trial: its test data judged by its own material, check by check (SX-069)."""

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from radbridge.contracts.events.base import BlobRef
from radbridge.runtime.blob_ledger import BlobLedger
from radbridge.runtime.clock import to_micros
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.keyring import PLATFORM
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources
from radbridge.signing import store
from radbridge.signing.api.faults import Faults
from radbridge.signing.api.verdicts import CheckView
from radbridge.signing.domain.ca_trial import ListAddress, TrialSet, number_of_sets, try_authority, try_set
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.verdict import Check, CheckResult
from radbridge.signing.ocsp_responders import OcspResponders
from radbridge.signing.revocation_lists import RevocationLists
from radbridge.signing.store import Material, MaterialKind
from radbridge.signing.trust import build_trust

_NEVER = "尚未取得"

Administrator = Annotated[Principal, Depends(require("admin"))]


class TrialSetRequest(BaseModel):
    """One set of test data. All but ``name``, ``sign_type`` and a PEM certificate is base64."""

    name: str = Field(min_length=1, max_length=100)
    original: str
    certificate: str
    signature: str
    timestamp: str = ""
    sign_type: str = Field(default="", pattern="^[12]?$")
    """1 PKCS1, 2 PKCS7; empty: told apart by the value."""
    document: str = ""
    """A sealed PDF or OFD."""


class TrialRequest(BaseModel):
    """Test data to be kept and judged; without any, the data handed in last is judged again."""

    sets: list[TrialSetRequest] = Field(default=[], max_length=20)


class SetView(BaseModel):
    """What came of one set."""

    name: str
    passed: bool
    checks: list[CheckView]
    evidence: dict[str, str]


class TrialView(BaseModel):
    """What came of a trial; ``checks`` are those of the CA's own material."""

    name: str
    passed: bool
    checks: list[CheckView]
    sets: list[SetView]


def router(resources: Resources, lists: RevocationLists, responders: OcspResponders, ledger: BlobLedger) -> APIRouter:
    """Route ``/api/signing/v1/authorities/{name}/trial``."""
    api = APIRouter(prefix="/api/signing/v1/authorities", tags=["authorities"])

    async def kept(name: str) -> TrialRequest:
        reference = await resources.database.read(lambda tx: store.trial_sets(tx, name))
        if reference is None:
            raise Problem(404, "No test data", f"{name} has handed in no test data yet")
        data = await resources.sealed_blobs.get(PLATFORM, BlobRef.model_validate_json(reference))
        return TrialRequest.model_validate_json(data)

    async def keep(name: str, request: TrialRequest) -> None:
        data = request.model_dump_json().encode()

        async def put() -> BlobRef:
            return await resources.sealed_blobs.put(PLATFORM, data, "application/json")

        async def commit(reference: BlobRef, stored_anew: frozenset[str]) -> None:
            async def work(tx: Transaction) -> None:
                await ledger.name(tx, [reference.name], stored_anew=stored_anew)
                await store.keep_trial_sets(tx, name, reference.model_dump_json(), to_micros(resources.clock()))

            await resources.database.write(work)

        await ledger.keep(put, commit)

    @api.post("/{name}/trial")
    async def trial(name: str, request: TrialRequest, _: Administrator) -> TrialView:
        """Judge a CA's chain, lists and test data as of now, with freshly fetched lists."""
        await lists.refresh(name)
        materials = [m for m in await resources.database.read(store.all_material) if m.ca_name == name]
        if not materials:
            raise Problem(404, "No such authority", f"{name} is not registered")
        if request.sets:
            sets = _trial_sets(request)
            await keep(name, request)
        else:
            sets = _trial_sets(await kept(name))
        trust = await asyncio.to_thread(build_trust, 0, materials)
        tried, _ = await responders.judged(
            trust.store, lambda trusted: asyncio.to_thread(_tried, name, materials, trusted, sets, resources.clock())
        )
        return tried

    return api


def _tried(name: str, materials: list[Material], trust: TrustStore, sets: list[TrialSet], now: datetime) -> TrialView:
    lists = [m for m in materials if m.kind is MaterialKind.CRL]
    found = [m.data for m in lists if m.data is not None]
    addresses = [ListAddress(m.url, m.fetch_error or ("" if m.data is not None else _NEVER)) for m in lists if m.url]
    checks = (*try_authority(trust, found, addresses, now=now), number_of_sets(len(sets)))
    judged = [(one.name, try_set(one, trust, now=now)) for one in sets]
    views = [
        SetView(name=title, passed=verdict.accepted, checks=_views(verdict.checks), evidence=dict(verdict.evidence))
        for title, verdict in judged
    ]
    passed = all(check.result is not CheckResult.FAILED for check in checks) and all(one.passed for one in views)
    return TrialView(name=name, passed=passed, checks=_views(checks), sets=views)


def _views(checks: tuple[Check, ...]) -> list[CheckView]:
    return [CheckView.model_validate(check.to_dict()) for check in checks]


def _trial_sets(request: TrialRequest) -> list[TrialSet]:
    """
    :raises Problem: an original or a document is not base64; it names all of them.
    """
    faults = Faults()
    sets = [
        TrialSet(
            name=one.name,
            original=faults.decoded(f"sets[{number}].original", one.original),
            certificate=one.certificate,
            signature=one.signature,
            timestamp=one.timestamp,
            sign_type=one.sign_type,
            document=faults.decoded(f"sets[{number}].document", one.document),
        )
        for number, one in enumerate(request.sets)
    ]
    faults.raise_any()
    return sets
