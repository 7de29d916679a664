"""Certification authorities: what is trusted and known. Administrators change it, operators see it."""

import asyncio
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from radbridge.contracts.identifiers import new_id
from radbridge.runtime.clock import to_micros
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.http_client import AddressRefused, host_in
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources
from radbridge.signing import store
from radbridge.signing.api.authority_views import AuthorityList, AuthorityView, authority_list
from radbridge.signing.api.faults import Faults
from radbridge.signing.domain.certificate import load_certificates
from radbridge.signing.domain.crl import parse_crl
from radbridge.signing.domain.errors import SigningInputError
from radbridge.signing.revocation_lists import RevocationLists
from radbridge.signing.store import Material, MaterialKind

Administrator = Annotated[Principal, Depends(require("admin"))]
Reader = Annotated[Principal, Depends(require("admin", "operator"))]


class AuthorityRequest(BaseModel):
    """A CA's files in base64 (PEM or DER inside), and addresses of its revocation lists."""

    roots: list[str] = Field(min_length=1, max_length=20)
    intermediates: list[str] = Field(default=[], max_length=200)
    crls: list[str] = Field(default=[], max_length=50)
    crl_urls: list[str] = Field(default=[], max_length=50)
    raw_signatures: bool = False
    """Whether SM2 signature values of 64 raw bytes r‖s count beside DER, for certificates that this CA issued."""


def router(resources: Resources, lists: RevocationLists) -> APIRouter:
    """Routes below ``/api/signing/v1/authorities``."""
    api = APIRouter(prefix="/api/signing/v1/authorities", tags=["authorities"])

    async def registered() -> AuthorityList:
        materials, handed_in = await resources.database.read(_materials_and_trials)
        return await asyncio.to_thread(authority_list, materials, handed_in, resources.clock())

    @api.put("/{name}")
    async def put(name: str, request: AuthorityRequest, _: Administrator) -> AuthorityView:
        """Register a CA, or replace its material. Verdicts use it from this answer on. 422 names every fault."""
        now = to_micros(resources.clock())
        materials = await asyncio.to_thread(_materials, name, request, now)
        await resources.database.write(lambda tx: store.replace_ca(tx, name, materials))
        await lists.refresh(name)
        return next(one for one in (await registered()).authorities if one.name == name)

    @api.get("")
    async def list_all(_: Reader) -> AuthorityList:
        """Every registered CA, with its certificates and what its revocation lists are worth now."""
        return await registered()

    return api


async def _materials_and_trials(tx: Transaction) -> tuple[list[Material], dict[str, int]]:
    return await store.all_material(tx), await store.trials_handed_in(tx)


def _materials(name: str, request: AuthorityRequest, now: int) -> list[Material]:
    faults = Faults()
    found: list[tuple[MaterialKind, str, bytes | None]] = []
    for kind, field, files in (
        (MaterialKind.ROOT, "roots", request.roots),
        (MaterialKind.INTERMEDIATE, "intermediates", request.intermediates),
        (MaterialKind.CRL, "crls", request.crls),
    ):
        for number, text in enumerate(files):
            found.append((kind, "", _read(faults, f"{field}[{number}]", kind, text)))
    for number, url in enumerate(request.crl_urls):
        if not _is_address(url):
            faults.add(f"crl_urls[{number}]", "address", "不是http或https地址")
        found.append((MaterialKind.CRL, url, None))
    faults.raise_any()
    # ids of one millisecond sort at random, and a CA's files are numbered in the order they were given
    ids = sorted(new_id() for _ in found)
    return [
        Material(one, name, kind, url, data, now, request.raw_signatures)
        for one, (kind, url, data) in zip(ids, found, strict=True)
    ]


def _read(faults: Faults, field: str, kind: MaterialKind, text: str) -> bytes:
    """The file, which is of its kind unless that is among the faults now."""
    before = len(faults.found)
    data = faults.decoded(field, text)
    try:
        if len(faults.found) == before:
            parse_crl(data) if kind is MaterialKind.CRL else load_certificates(data)
    except SigningInputError as error:
        if kind is not MaterialKind.CRL and _parses(parse_crl, data):
            faults.add(field, kind.value, "这是吊销列表，不是证书")
        elif kind is MaterialKind.CRL and _parses(load_certificates, data):
            faults.add(field, kind.value, "这是证书，不是吊销列表")
        else:
            what = "吊销列表" if kind is MaterialKind.CRL else "证书"
            faults.add(field, kind.value, f"不是PEM或DER格式的{what}：{error}")
    return data


def _parses(parse: Callable[[bytes], object], data: bytes) -> bool:
    try:
        parse(data)
    except SigningInputError:
        return False
    return True


def _is_address(url: str) -> bool:
    try:
        host_in(url)
    except AddressRefused:
        return False
    return urlsplit(url).scheme in ("http", "https")
