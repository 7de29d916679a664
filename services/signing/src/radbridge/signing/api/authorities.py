"""Certification authorities: what is trusted and known, for administrators."""

import asyncio
import base64
import binascii
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from radbridge.contracts.identifiers import new_id
from radbridge.runtime.clock import from_micros, to_micros
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources
from radbridge.signing import store
from radbridge.signing.domain.certificate import load_certificates
from radbridge.signing.domain.crl import parse_crl
from radbridge.signing.domain.errors import SigningInputError
from radbridge.signing.revocation_lists import RevocationLists
from radbridge.signing.store import Material, MaterialKind

Administrator = Annotated[Principal, Depends(require("admin"))]


class AuthorityRequest(BaseModel):
    """A CA's files in base64 (PEM or DER inside), and addresses of its revocation lists."""

    roots: list[str] = Field(min_length=1, max_length=20)
    intermediates: list[str] = Field(default=[], max_length=200)
    crls: list[str] = Field(default=[], max_length=50)
    crl_urls: list[str] = Field(default=[], max_length=50)
    raw_signatures: bool = False
    """Whether SM2 signature values of 64 raw bytes r‖s count beside DER, for certificates that this CA issued."""


class MaterialView(BaseModel):
    """One piece of a CA's material."""

    kind: MaterialKind
    subjects: list[str]
    url: str
    fetched: bool
    updated_at: datetime


class AuthorityView(BaseModel):
    """A CA as registered."""

    name: str
    raw_signatures: bool
    material: list[MaterialView]


class AuthorityList(BaseModel):
    """All registered CAs."""

    authorities: list[AuthorityView]


def router(resources: Resources, lists: RevocationLists) -> APIRouter:
    """Routes below ``/api/signing/v1/authorities``."""
    api = APIRouter(prefix="/api/signing/v1/authorities", tags=["authorities"])

    @api.put("/{name}")
    async def put(name: str, request: AuthorityRequest, _: Administrator) -> AuthorityView:
        """Register a CA, or replace its material. Verdicts use it from this answer on."""
        now = to_micros(resources.clock())
        materials = await asyncio.to_thread(_materials, name, request, now)
        await resources.database.write(lambda tx: store.replace_ca(tx, name, materials))
        await lists.refresh()
        found = await resources.database.read(store.all_material)
        return _authority(name, [m for m in found if m.ca_name == name])

    @api.get("")
    async def list_all(_: Administrator) -> AuthorityList:
        """Every registered CA."""
        by_name: dict[str, list[Material]] = {}
        for material in await resources.database.read(store.all_material):
            by_name.setdefault(material.ca_name, []).append(material)
        return AuthorityList(authorities=[_authority(name, found) for name, found in by_name.items()])

    return api


def _materials(name: str, request: AuthorityRequest, now: int) -> list[Material]:
    found: list[tuple[MaterialKind, str, bytes | None]] = []
    for kind, field, files in (
        (MaterialKind.ROOT, "roots", request.roots),
        (MaterialKind.INTERMEDIATE, "intermediates", request.intermediates),
        (MaterialKind.CRL, "crls", request.crls),
    ):
        for number, text in enumerate(files):
            data = _decoded(f"{field}[{number}]", text)
            _parse(f"{field}[{number}]", kind, data)
            found.append((kind, "", data))
    for number, url in enumerate(request.crl_urls):
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise Problem(422, "Not an address", f"crl_urls[{number}]: only http and https")
        found.append((MaterialKind.CRL, url, None))
    # ids of one millisecond sort at random, and a CA's files are numbered in the order they were given
    ids = sorted(new_id() for _ in found)
    return [
        Material(one, name, kind, url, data, now, request.raw_signatures)
        for one, (kind, url, data) in zip(ids, found, strict=True)
    ]


def _decoded(field: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Problem(422, "Not base64", field) from None


def _parse(field: str, kind: MaterialKind, data: bytes) -> list[str]:
    try:
        if kind is MaterialKind.CRL:
            parse_crl(data)
            return []
        certificates = load_certificates(data)
    except SigningInputError as error:
        raise Problem(422, "Not a certificate or revocation list", f"{field}: {error}") from None
    if not certificates:
        raise Problem(422, "No certificate inside", field)
    return [certificate.common_name for certificate in certificates]


def _authority(name: str, materials: list[Material]) -> AuthorityView:
    return AuthorityView(
        name=name,
        raw_signatures=any(m.raw_signatures for m in materials),
        material=[
            MaterialView(
                kind=m.kind,
                subjects=_parse(m.material_id, m.kind, m.data) if m.data is not None else [],
                url=m.url,
                fetched=m.data is not None,
                updated_at=from_micros(m.updated_at),
            )
            for m in materials
        ],
    )
