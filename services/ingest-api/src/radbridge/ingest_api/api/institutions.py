"""Institutions and their credentials, for administrators."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Annotated

from fastapi import APIRouter, Depends

from radbridge.contracts.events.institution import InstitutionUpdated
from radbridge.contracts.identifiers import new_id
from radbridge.ingest_api import credentials
from radbridge.ingest_api.api.institution_forms import (
    ChangedInstitution,
    InstitutionChange,
    InstitutionList,
    InstitutionView,
    IssuedInstitution,
    NewInstitution,
)
from radbridge.ingest_api.store import institutions
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.hospital import no_such_institution
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources

APPLY_TIMEOUT = timedelta(seconds=15)
AE_TITLE_LENGTH = 16
CALLED_AE_TITLE = "RADBRIDGE"
AE_TITLES_LOCK = "ae-titles"

Administrator = Annotated[Principal, Depends(require("admin"))]
Reader = Annotated[Principal, Depends(require("admin", "operator", "service"))]


def router(resources: Resources) -> APIRouter:
    """Routes below ``/api/ingest-api/v1/institutions``."""
    api = APIRouter(prefix="/api/ingest-api/v1/institutions", tags=["institutions"])

    async def store_and_publish(tx: Transaction, body: InstitutionUpdated) -> int:
        await institutions.save(tx, body)
        return (await resources.outbox.publish(tx, body)).version

    async def issued(body: InstitutionUpdated, version: int) -> IssuedInstitution:
        changed = await applied(body, version)
        known = resources.directory.by_id(body.institution_id)
        if known is None:
            raise Problem(503, "Stored, but not yet known here", "The event log is away; ask again later.")
        return IssuedInstitution(
            **changed.model_dump(),
            sm4_key=known.sm4_key.hex(),
            access_key=known.access_key,
            secret_key=known.secret_key,
            app_id=known.app_id,
            secure_code=known.secure_code,
        )

    async def applied(body: InstitutionUpdated, version: int) -> ChangedInstitution:
        known = await _applied_everywhere(resources, body.institution_id, version)
        return ChangedInstitution(**_view(body).model_dump(), applied=known)

    async def change(
        code: str, changed: Callable[[InstitutionUpdated], InstitutionUpdated]
    ) -> tuple[InstitutionUpdated, int]:
        async def work(tx: Transaction) -> tuple[InstitutionUpdated, int]:
            await tx.lock(f"institution:{code}", AE_TITLES_LOCK)
            before = await institutions.by_code(tx, code)
            if before is None:
                raise no_such_institution(code)
            body = changed(before).model_copy(update={"updated_at": resources.clock()})
            if body.ae_title != before.ae_title:
                body = await _with_ae_title(tx, body)
            return body, await store_and_publish(tx, body)

        return await resources.database.write(work)

    @api.post("", status_code=201)
    async def add(request: NewInstitution, _: Administrator) -> IssuedInstitution:
        """Register a hospital and issue its credentials. Answers when every running service applies them."""
        institution_id = new_id()
        keys = resources.keyring.new_keys(institution_id)
        bare = InstitutionUpdated(
            institution_id=institution_id,
            code=request.code,
            name=request.name,
            dialect=request.dialect,
            ae_title=request.ae_title,
            called_ae_title=CALLED_AE_TITLE,
            hosts=request.hosts,
            service_phone=request.service_phone,
            clock_skew_seconds=request.clock_skew_seconds,
            settings=request.settings.chosen(),
            keys=keys,
            credentials=credentials.issue(resources.keyring, institution_id),
            updated_at=resources.clock(),
        )

        async def work(tx: Transaction) -> tuple[InstitutionUpdated, int]:
            await tx.lock(f"institution:{bare.code}", AE_TITLES_LOCK)
            if await institutions.by_code(tx, bare.code) is not None:
                raise Problem(409, "Already registered", f"code {bare.code}")
            body = await _with_ae_title(tx, bare)
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

    @api.patch("/{code}")
    async def set_members(code: str, request: InstitutionChange, _: Administrator) -> ChangedInstitution:
        """Change what is sent, and nothing else. Answers when every running service applies it."""
        return await applied(*await change(code, request.applied_to))

    @api.post("/{code}/rotate-key")
    async def rotate_key(code: str, _: Administrator) -> IssuedInstitution:
        """Issue new credentials; the old ones are refused as soon as this answers."""

        def renewed(body: InstitutionUpdated) -> InstitutionUpdated:
            return body.model_copy(update={"credentials": credentials.issue(resources.keyring, body.institution_id)})

        return await issued(*await change(code, renewed))

    @api.post("/{code}/disable")
    async def disable(code: str, _: Administrator) -> ChangedInstitution:
        """Refuse everything this hospital sends from now on. What it sent stays."""
        return await applied(*await change(code, lambda body: body.model_copy(update={"enabled": False})))

    @api.post("/{code}/enable")
    async def enable(code: str, _: Administrator) -> ChangedInstitution:
        """Accept again what a disabled hospital sends. Its credentials are the same."""
        return await applied(*await change(code, lambda body: body.model_copy(update={"enabled": True})))

    return api


async def _with_ae_title(tx: Transaction, body: InstitutionUpdated) -> InstitutionUpdated:
    """With the AE title that it asks for; else with one derived from its code, with a number behind it where another
    institution has that."""

    async def is_free(title: str) -> bool:
        other = await institutions.by_ae_title(tx, title)
        return other is None or other.institution_id == body.institution_id

    if body.ae_title:
        if not await is_free(body.ae_title):
            raise Problem(409, "AE title in use", f"ae_title {body.ae_title} calls for another institution")
        return body
    title = body.code[-AE_TITLE_LENGTH:]
    numbers = count(2)
    while not await is_free(title):
        suffix = f"-{next(numbers)}"
        title = body.code[-AE_TITLE_LENGTH + len(suffix) :] + suffix
    return body.model_copy(update={"ae_title": title})


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
