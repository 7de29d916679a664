"""Institutions and their credentials, for administrators."""

import asyncio
import re
from datetime import timedelta
from itertools import count
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, field_validator

from radbridge.contracts.events.institution import InstitutionUpdated
from radbridge.contracts.identifiers import new_id
from radbridge.ingest_api import credentials
from radbridge.ingest_api.store import institutions
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.hospital import no_such_institution
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources

APPLY_TIMEOUT = timedelta(seconds=15)
AE_TITLE_LENGTH = 16
CALLED_AE_TITLE = "RADBRIDGE"
_AE_TITLE = re.compile(r"[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,255}", re.ASCII)

Administrator = Annotated[Principal, Depends(require("admin"))]
Reader = Annotated[Principal, Depends(require("admin", "operator", "service"))]


class NewInstitution(BaseModel):
    """A hospital to register."""

    code: str = Field(min_length=1, max_length=22, pattern=r"^[0-9A-Za-z_-]+$")
    name: str = Field(min_length=1, max_length=70)
    dialect: Literal["shanxi", "neijiang", "jiangsu"] = "shanxi"
    ae_title: str = Field(default="", max_length=16, description="Calling AE title; derived from the code when empty")
    hosts: list[str] = Field(default=[], description="Hosts that addresses given by this hospital may name")
    service_phone: str = Field(default="", max_length=32, description="Shown to patients whose link has expired")
    clock_skew_seconds: int = Field(default=600, ge=1, le=86400)
    settings: dict[str, str] = {}

    @field_validator("ae_title")
    @classmethod
    def _ae_title(cls, value: str) -> str:
        if value and not _AE_TITLE.fullmatch(value):
            raise ValueError("an AE title is up to 16 printable ASCII characters without backslash (PS3.5 6.2)")
        return value

    @field_validator("hosts")
    @classmethod
    def _hosts(cls, value: list[str]) -> list[str]:
        for host in value:
            if not _HOST.fullmatch(host):
                raise ValueError(f"not a host name or address: {host[:64]}")
        return value


class InstitutionView(BaseModel):
    """An institution without its secrets."""

    institution_id: str
    code: str
    name: str
    dialect: str
    ae_title: str
    called_ae_title: str
    hosts: list[str]
    enabled: bool
    clock_skew_seconds: int
    service_phone: str
    settings: dict[str, str]


class IssuedInstitution(InstitutionView):
    """An institution with the credentials that were just issued, or are shown to an administrator."""

    sm4_key: str
    access_key: str
    secret_key: str
    app_id: str
    secure_code: str
    applied: bool
    """Whether every running service knows it already."""


class InstitutionList(BaseModel):
    """All institutions, by code."""

    institutions: list[InstitutionView]


def router(resources: Resources) -> APIRouter:
    """Routes below ``/api/ingest-api/v1/institutions``."""
    api = APIRouter(prefix="/api/ingest-api/v1/institutions", tags=["institutions"])

    async def store_and_publish(tx: Transaction, body: InstitutionUpdated) -> int:
        await institutions.save(tx, body)
        return (await resources.outbox.publish(tx, body)).version

    async def issued(body: InstitutionUpdated, version: int) -> IssuedInstitution:
        applied = await _applied_everywhere(resources, body.institution_id, version)
        known = resources.directory.by_id(body.institution_id)
        if known is None:
            raise Problem(503, "Stored, but not yet known here", "The event log is away; ask again later.")
        return IssuedInstitution(
            **_view(body).model_dump(),
            sm4_key=known.sm4_key.hex(),
            access_key=known.access_key,
            secret_key=known.secret_key,
            app_id=known.app_id,
            secure_code=known.secure_code,
            applied=applied,
        )

    async def with_free_ae_title(tx: Transaction, body: InstitutionUpdated) -> InstitutionUpdated:
        """The derived AE title, with a number behind it where another institution has it."""
        for number in count(2):
            if await institutions.by_ae_title(tx, body.ae_title) is None:
                break
            suffix = f"-{number}"
            body = body.model_copy(update={"ae_title": body.code[-AE_TITLE_LENGTH + len(suffix) :] + suffix})
        return body

    async def change(
        code: str, update: dict[str, object], *, new_secrets: bool = False
    ) -> tuple[InstitutionUpdated, int]:
        async def work(tx: Transaction) -> tuple[InstitutionUpdated, int]:
            await tx.lock(f"institution:{code}")
            body = await institutions.by_code(tx, code)
            if body is None:
                raise no_such_institution(code)
            values = dict(update, updated_at=resources.clock())
            if new_secrets:
                values["credentials"] = credentials.issue(resources.keyring, body.institution_id)
            body = body.model_copy(update=values)
            return body, await store_and_publish(tx, body)

        return await resources.database.write(work)

    @api.post("", status_code=201)
    async def add(request: NewInstitution, _: Administrator) -> IssuedInstitution:
        """Register a hospital and issue its credentials. Answers when every running service applies them."""
        institution_id = new_id()
        keys = resources.keyring.new_keys(institution_id)
        now = resources.clock()
        bare = InstitutionUpdated(
            institution_id=institution_id,
            code=request.code,
            name=request.name,
            dialect=request.dialect,
            ae_title=request.ae_title or request.code[-AE_TITLE_LENGTH:],
            called_ae_title=CALLED_AE_TITLE,
            hosts=request.hosts,
            service_phone=request.service_phone,
            clock_skew_seconds=request.clock_skew_seconds,
            settings=request.settings,
            keys=keys,
            credentials=credentials.issue(resources.keyring, institution_id),
            updated_at=now,
        )

        async def work(tx: Transaction) -> tuple[InstitutionUpdated, int]:
            await tx.lock(f"institution:{bare.code}", "ae-titles")
            if await institutions.by_code(tx, bare.code) is not None:
                raise Problem(409, "Already registered", f"code {bare.code}")
            body = bare if request.ae_title else await with_free_ae_title(tx, bare)
            if await institutions.by_ae_title(tx, body.ae_title) is not None:
                raise Problem(409, "AE title in use", f"ae_title {body.ae_title} calls for another institution")
            return body, await store_and_publish(tx, body)

        return await issued(*await resources.database.write(work))

    @api.get("")
    async def list_all(_: Reader) -> InstitutionList:
        """Every institution, without secrets."""
        found = await resources.database.read(institutions.all_of_them)
        return InstitutionList(institutions=[_view(body) for body in found])

    @api.get("/{code}")
    async def show(code: str, _: Administrator) -> IssuedInstitution:
        """One institution with its credentials."""
        body = await resources.database.read(lambda tx: institutions.by_code(tx, code))
        if body is None:
            raise no_such_institution(code)
        return await issued(body, 0)

    @api.post("/{code}/rotate-key")
    async def rotate_key(code: str, _: Administrator) -> IssuedInstitution:
        """Issue new credentials; the old ones are refused as soon as this answers."""
        return await issued(*await change(code, {}, new_secrets=True))

    @api.post("/{code}/disable")
    async def disable(code: str, _: Administrator) -> InstitutionView:
        """Refuse everything this hospital sends from now on. What it sent stays."""
        body, version = await change(code, {"enabled": False})
        await _applied_everywhere(resources, body.institution_id, version)
        return _view(body)

    return api


async def _applied_everywhere(resources: Resources, institution_id: str, event_version: int) -> bool:
    """Wait until every live instance knows this change; ``False`` when that takes long."""
    try:
        async with asyncio.timeout(APPLY_TIMEOUT.total_seconds()):
            version = await resources.directory.wait_for_institution(institution_id, event_version)
            await resources.presence_view.wait_until_directory(version)
    except TimeoutError:
        return False
    return True


def _view(body: InstitutionUpdated) -> InstitutionView:
    return InstitutionView.model_validate(body.model_dump())
