"""What of a CA's material administrators and operators see: certificates, revocation lists and how fresh they are."""

from collections.abc import Iterable, Sequence, Set
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from radbridge.runtime.clock import from_micros
from radbridge.signing.domain.certificate import Certificate, load_certificates
from radbridge.signing.domain.chain import Usage, allows
from radbridge.signing.domain.crl import CertificateList, CrlStatus, judge_crl_among, vouched_for
from radbridge.signing.domain.names import NameKey, name_text
from radbridge.signing.domain.public_key import RsaPublicKey, Sm2PublicKey
from radbridge.signing.store import Material, MaterialKind

Validity = Literal["valid", "expired", "not_yet_valid"]
Purpose = Literal["ca", "timestamps", "other"]
_Judged = tuple[CrlStatus, str, CertificateList | None]
_NOT_FETCHED = "尚未取得吊销列表"
_AS_MISSING = "不能据以确认证书未被吊销，按缺少吊销列表处理"


class CertificateView(BaseModel):
    """One certificate of a CA's files."""

    subject: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    validity: Validity
    key: str
    """``SM2``, ``RSA 2048``; empty where the key cannot be used here."""
    signed_with: str
    """``SM3WithSM2``, ``SHA256WithRSA``, …; empty where the algorithm is not supported."""
    purpose: Purpose
    fingerprint: str
    """SM3 of the certificate, hex."""


class RevocationListView(BaseModel):
    """What a revocation list says of itself, and whether it counts now."""

    issuer: str
    number: str
    """Decimal; empty where the list has none."""
    this_update: datetime
    next_update: datetime | None
    entries: int
    status: CrlStatus
    reason: str


class MaterialView(BaseModel):
    """One piece of a CA's material."""

    kind: MaterialKind
    subjects: list[str]
    url: str
    fetched: bool
    updated_at: datetime
    tried_at: datetime | None
    """When the address was asked last."""
    fetch_error: str
    """What went wrong then; an older list stays in use."""
    problem: str
    """Why verdicts are made as if this revocation list were missing, in Chinese; empty where it counts."""
    certificates: list[CertificateView]
    revocation_list: RevocationListView | None


class AuthorityView(BaseModel):
    """A CA as registered."""

    name: str
    raw_signatures: bool
    test_data_at: datetime | None
    """When its newest test data was handed in, which a trial without data judges again."""
    material: list[MaterialView]


class AuthorityList(BaseModel):
    """All registered CAs."""

    authorities: list[AuthorityView]


def authority_list(materials: Iterable[Material], handed_in: dict[str, int], now: datetime) -> AuthorityList:
    """All CAs that the material is of; lists are judged by the CA's own certificates at ``now``."""
    by_name: dict[str, list[Material]] = {}
    for material in materials:
        by_name.setdefault(material.ca_name, []).append(material)
    return AuthorityList(
        authorities=[_authority(name, found, handed_in.get(name), now) for name, found in by_name.items()]
    )


def _authority(name: str, materials: Sequence[Material], handed_in: int | None, now: datetime) -> AuthorityView:
    certificates = {
        m.material_id: load_certificates(m.data)
        for m in materials
        if m.data is not None and m.kind is not MaterialKind.CRL
    }
    known = [certificate for found in certificates.values() for certificate in found]
    judged = {
        m.material_id: judge_crl_among(m.data, known, now)
        for m in materials
        if m.data is not None and m.kind is MaterialKind.CRL
    }
    vouched = vouched_for(judged.values())
    return AuthorityView(
        name=name,
        raw_signatures=any(m.raw_signatures for m in materials),
        test_data_at=None if handed_in is None else from_micros(handed_in),
        material=[
            _material(m, certificates.get(m.material_id, []), now)
            if m.kind is not MaterialKind.CRL
            else _list(m, judged.get(m.material_id), vouched, now)
            for m in materials
        ],
    )


def _list(material: Material, judged: _Judged | None, vouched: Set[NameKey], now: datetime) -> MaterialView:
    if judged is None:
        return _material(material, (), now, problem=f"{_NOT_FETCHED}；{_AS_MISSING}")
    status, reason, crl = judged
    counts = status is CrlStatus.GOOD or (status is CrlStatus.PARTIAL and crl is not None and crl.issuer_key in vouched)
    return _material(
        material,
        (),
        now,
        problem="" if counts else f"{reason}；{_AS_MISSING}",
        revocation_list=_revocation_list(judged),
    )


def _material(
    material: Material,
    certificates: Sequence[Certificate],
    now: datetime,
    *,
    problem: str = "",
    revocation_list: RevocationListView | None = None,
) -> MaterialView:
    return MaterialView(
        kind=material.kind,
        subjects=[certificate.common_name for certificate in certificates],
        url=material.url,
        fetched=material.data is not None,
        updated_at=from_micros(material.updated_at),
        tried_at=None if material.tried_at is None else from_micros(material.tried_at),
        fetch_error=material.fetch_error,
        problem=problem,
        certificates=[_certificate(certificate, now) for certificate in certificates],
        revocation_list=revocation_list,
    )


def _certificate(certificate: Certificate, now: datetime) -> CertificateView:
    validity: Validity = "expired" if now > certificate.not_after else "valid"
    return CertificateView(
        subject=name_text(certificate.subject),
        issuer=name_text(certificate.issuer),
        serial=certificate.serial_hex,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        validity="not_yet_valid" if now < certificate.not_before else validity,
        key=_key(certificate),
        signed_with=certificate.scheme or "",
        purpose=_purpose(certificate),
        fingerprint=certificate.fingerprint,
    )


def _purpose(certificate: Certificate) -> Purpose:
    if allows(certificate, Usage.CA):
        return "ca"
    return "timestamps" if allows(certificate, Usage.TIMESTAMP) else "other"


def _key(certificate: Certificate) -> str:
    match certificate.key:
        case Sm2PublicKey():
            return "SM2"
        case RsaPublicKey(modulus):
            return f"RSA {modulus.bit_length()}"
        case None:
            return ""


def _revocation_list(judged: _Judged) -> RevocationListView | None:
    status, reason, crl = judged
    if crl is None:
        return None
    return RevocationListView(
        issuer=name_text(crl.issuer),
        number="" if crl.number is None else str(crl.number),
        this_update=crl.this_update,
        next_update=crl.next_update,
        entries=len(crl.index),
        status=status,
        reason=reason,
    )
