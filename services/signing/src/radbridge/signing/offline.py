"""Verdicts on files, for whoever checks without a server: a CA, an auditor, a court.

What is judged may be damaged in any way and gets a verdict; `Unusable` is for what it is judged by (anchors, lists).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from radbridge.signing.domain.certificate import Certificate, load_certificates, pem_blocks
from radbridge.signing.domain.chain import CertVerdict, Usage, judge_certificate
from radbridge.signing.domain.crl import CrlStatus, judge_crl, parse_crl
from radbridge.signing.domain.document_signature import SealVerdict, judge_contents
from radbridge.signing.domain.errors import SigningInputError
from radbridge.signing.domain.ocsp import OcspFinding
from radbridge.signing.domain.ocsp_desk import OcspDesk
from radbridge.signing.domain.ocsp_response import parse_ocsp_response
from radbridge.signing.domain.ofd_seal import judge_ofd
from radbridge.signing.domain.pkcs1 import judge_pkcs1, scheme_named, scheme_of_key
from radbridge.signing.domain.pkcs7 import judge_pkcs7
from radbridge.signing.domain.public_key import PublicKey, load_public_key
from radbridge.signing.domain.timestamp import judge_timestamp
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.unforeseen import UNREADABLE, or_malformed
from radbridge.signing.domain.wire import Base64Error, decode_base64

T = TypeVar("T")

GOOD, BAD, MALFORMED = "good", "bad", "malformed"
_GENUINE = frozenset({CrlStatus.GOOD, CrlStatus.PARTIAL})


class Unusable(SigningInputError):
    """An anchor, list, key or name to judge by cannot be used; the text says which."""


@dataclass(frozen=True)
class Judgement:
    """`verdict` is a stable word, `reason` Chinese; `details` are JSON values without personal data."""

    good: bool
    verdict: str
    reason: str
    details: Mapping[str, object] = field(default_factory=dict[str, object])

    def to_dict(self) -> dict[str, object]:
        return {"good": self.good, "verdict": self.verdict, "reason": self.reason, **self.details}


def open_trust(
    roots: Iterable[tuple[str, bytes]],
    intermediates: Iterable[tuple[str, bytes]],
    crls: Iterable[tuple[str, bytes]],
    responses: Iterable[tuple[str, bytes]] = (),
    *,
    require_revocation: bool = False,
) -> TrustStore:
    """A trust store of named files, PEM or DER, and of OCSP responses.

    :raises Unusable: one of them cannot be read.
    """
    store = TrustStore(
        [one for name, data in roots for one in _certificates(name, data)],
        [one for name, data in intermediates for one in _certificates(name, data)],
        [_usable(name, parse_crl, data) for name, data in crls],
        require_revocation=require_revocation,
    )
    handed_in = [_usable(name, parse_ocsp_response, binary(data)) for name, data in responses]
    return store.asking(OcspDesk({}.get, handed_in)) if handed_in else store


def binary(data: bytes) -> bytes:
    """What a file of binary data or of its base64 text holds."""
    try:
        return decode_base64(data.decode("ascii"))
    except (UnicodeDecodeError, Base64Error):
        return data


@or_malformed(lambda: Judgement(False, MALFORMED, f"证书{UNREADABLE}"))
def judge_certificate_file(data: bytes, store: TrustStore, at: datetime, usage: Usage) -> Judgement:
    """A certificate: chain, validity, usage and revocation at `at`."""
    try:
        certificate = load_certificates(data)[0]
    except SigningInputError as fault:
        return Judgement(False, MALFORMED, f"证书格式错误：{fault}")
    verdict = judge_certificate(certificate, store, at=at, usage=usage)
    return Judgement(verdict.good, verdict.status.value, verdict.reason, _certificate(certificate, verdict))


@or_malformed(lambda: Judgement(False, MALFORMED, f"吊销列表{UNREADABLE}"))
def judge_crl_file(data: bytes, store: TrustStore, at: datetime) -> Judgement:
    """A revocation list: its issuer among the known certificates, that issuer's own chain, signature and age.

    One that is genuine and current but no coverage for any certificate is good, and `verdict` is partial; an indirect
    one, which is not used, is not good."""
    try:
        crl = parse_crl(data)
    except SigningInputError as fault:
        return Judgement(False, MALFORMED, f"吊销列表格式错误：{fault}")
    details = {
        "number": None if crl.number is None else str(crl.number),
        "thisUpdate": _iso(crl.this_update),
        "nextUpdate": _iso(crl.next_update),
        "entries": len(crl.index),
        "scope": crl.scope.told or None,
    }
    known = (*store.anchors, *store.intermediates)
    issuers = [one for one in known if one.subject_key == crl.issuer_key]
    if not issuers:
        return Judgement(False, "no_issuer", "找不到吊销列表颁发者的证书", details)
    judged = [(judge_crl(data, one, at), judge_certificate(one, store, at=at, usage=Usage.CA)) for one in issuers]
    (status, reason, _), issuer = min(judged, key=lambda pair: (pair[0][0] not in _GENUINE, not pair[1].good))
    if status not in _GENUINE:
        return Judgement(False, status.value, reason, details)
    if not issuer.good:
        return Judgement(False, f"issuer_{issuer.status.value}", f"吊销列表的颁发者：{issuer.reason}", details)
    return Judgement(True, status.value, reason, details)


def judge_pkcs1_file(
    signature: bytes,
    data: bytes,
    store: TrustStore,
    at: datetime,
    *,
    certificate: bytes | None,
    public_key: bytes | None,
    algorithm: str,
    signature_only: bool,
) -> Judgement:
    """A bare signature over `data`; the certificate is judged too unless only the signature is asked for.

    :raises Unusable: there is neither certificate nor usable key, or the algorithm is unknown.
    """
    signer: Certificate | None = None
    if certificate is not None:
        try:
            signer = load_certificates(certificate)[0]
        except SigningInputError as fault:
            return Judgement(False, MALFORMED, f"证书格式错误：{fault}")
        key = signer.key
        if key is None:
            return Judgement(False, "algorithm_mismatch", "证书公钥不是SM2或RSA公钥")
    elif public_key is not None:
        key = _usable("public key", _public_key, public_key)
    else:
        raise Unusable("a certificate or a public key is needed")
    scheme = scheme_named(algorithm) if algorithm else scheme_of_key(key)
    if scheme is None:
        raise Unusable(f"unknown algorithm {algorithm}")
    verdict = judge_pkcs1(data, binary(signature), key, scheme)
    if verdict.fault is not None:
        return Judgement(False, verdict.fault.value, verdict.reason)
    if signature_only or signer is None:
        return Judgement(True, GOOD, verdict.reason, {"certificate": None})
    return _with_certificate(verdict.reason, signer, judge_certificate(signer, store, at=at))


def judge_pkcs7_file(
    signature: bytes, data: bytes | None, store: TrustStore, at: datetime, *, signature_only: bool
) -> Judgement:
    """A SignedData over `data`, or over its own content where that is None."""
    verdict = judge_pkcs7(data, binary(signature), store, at=at)
    details: dict[str, object] = {
        "signers": [
            {
                "good": one.fault is None and one.certificate is not None,
                "reason": one.reason,
                "certificate": None
                if one.certificate is None
                else _certificate(one.certificate, one.certificate_verdict)
                | {"verdict": one.certificate_verdict.status.value},
            }
            for one in verdict.signers
        ]
    }
    if not verdict.signature_ok:
        return Judgement(False, BAD if verdict.signers else MALFORMED, verdict.reason, details)
    if signature_only or verdict.certificate.good:
        return Judgement(True, GOOD, verdict.reason, details)
    word = f"certificate_{verdict.certificate.status.value}"
    return Judgement(False, word, f"{verdict.reason}；{verdict.certificate.reason}", details)


def judge_timestamp_file(token: bytes, data: bytes, store: TrustStore, at: datetime) -> Judgement:
    """A timestamp over `data`; `verdict` is verifyTS's answer."""
    verdict = judge_timestamp(binary(token), data, store, now=at)
    details: dict[str, object] = {"genTime": _iso(verdict.gen_time)}
    if verdict.tsa is not None and verdict.certificate is not None:
        details["certificate"] = _certificate(verdict.tsa, verdict.certificate)
    return Judgement(verdict.valid, verdict.res.value, verdict.reason, details)


def judge_seal_file(document: bytes, content: bytes | None, store: TrustStore, at: datetime) -> Judgement:
    """All seals of a PDF or OFD; with `content`, `document` is a bare seal or signature over that."""
    if content is not None:
        seal = judge_contents(binary(document), content, store, now=at)
        return Judgement(seal.good, _word(seal), seal.reason, {"seals": [_seal(0, seal)]})
    if document.startswith(b"PK"):
        ofd = judge_ofd(document, store, now=at)
        details = {"seals": [_seal(index, seal) for index, seal in enumerate(ofd.seals)]}
        good = ofd.word == "valid" and bool(ofd.seals)
        return Judgement(good, GOOD if good else ofd.word, ofd.reason, details)
    # the PDF reader is a heavy import that other verdicts do without
    from radbridge.signing.domain.pdf_seal import judge_pdf

    pdf = judge_pdf(document, store, now=at)
    details = {"seals": [_seal(seal.index, seal) for seal in pdf.seals]}
    if not pdf.seals:
        return Judgement(False, "no_seal", pdf.reason, details)
    broken = next((seal for seal in pdf.seals if not seal.good), None)
    if broken is not None:
        return Judgement(False, broken.word, broken.reason, details)
    return Judgement(True, GOOD, f"{len(pdf.seals)}个签章均有效", details)


def _with_certificate(reason: str, signer: Certificate, verdict: CertVerdict) -> Judgement:
    details = {"certificate": _certificate(signer, verdict)}
    if verdict.good:
        return Judgement(True, GOOD, reason, details)
    return Judgement(False, f"certificate_{verdict.status.value}", f"{reason}；{verdict.reason}", details)


def _certificate(certificate: Certificate, verdict: CertVerdict) -> dict[str, object]:
    return {
        "serial": certificate.serial_hex,
        "sm3": certificate.fingerprint,
        "notBefore": _iso(certificate.not_before),
        "notAfter": _iso(certificate.not_after),
        "path": [one.fingerprint for one in verdict.path],
        "revocation": verdict.revocation.value,
        "crlNumber": str(verdict.crl.number) if verdict.crl and verdict.crl.number is not None else None,
        "ocsp": None if verdict.ocsp is None else _ocsp(verdict.ocsp),
    }


def _ocsp(finding: OcspFinding) -> dict[str, object]:
    basic = finding.response.basic if finding.response else None
    answer = finding.answer
    return {
        "state": finding.state.value,
        "status": answer.status.value if answer else None,
        "producedAt": _iso(basic.produced_at if basic else None),
        "thisUpdate": _iso(answer.this_update if answer else None),
        "validUntil": _iso(answer.valid_until if answer else None),
        "revokedSince": _iso(answer.revocation.since if answer and answer.revocation else None),
    }


def _seal(index: int, seal: SealVerdict) -> dict[str, object]:
    return {
        "index": index,
        "page": seal.page,
        "verdict": _word(seal),
        "reason": seal.reason,
        "remark": seal.remark,
        "form": seal.form,
        "signingTime": _iso(seal.signing_time),
        "certificateSm3": seal.certificate.fingerprint if seal.certificate else None,
    }


def _word(seal: SealVerdict) -> str:
    return GOOD if seal.good else seal.word


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _public_key(data: bytes) -> PublicKey:
    blocks = pem_blocks(data)
    return load_public_key(blocks[0][1] if blocks else binary(data))


def _certificates(name: str, data: bytes) -> list[Certificate]:
    found = _usable(name, load_certificates, data)
    if not found:
        raise Unusable(f"{name}: no certificate inside")
    return found


def _usable(name: str, read: Callable[[bytes], T], data: bytes) -> T:
    try:
        return read(data)
    except SigningInputError as fault:
        raise Unusable(f"{name}: {fault}") from None
