"""Judging an SES_Signature (GB/T 38540): signer, document, maker, seal, moment and timestamp, every check needed.

Only a timestamp over the signature value proves that the signature existed at its genTime. Without one the signing time
is the signer's claim: certificates must have been within their validity then, but every revocation known at the moment
of judging counts. A token in place of version 1's time lies inside what is signed: whoever signs may put an old one
there, so it must be over the document and is a claim like any other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.chain import CertStatus, CertVerdict, judge_certificate
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.public_key import Scheme, seal_scheme
from radbridge.signing.domain.ses_structure import SesSignature, parse_ses_signature
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.domain.timestamp import FUTURE_TOLERANCE, TimestampVerdict, VerifyRes, judge_timestamp
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.unforeseen import UNREADABLE, or_malformed


class SesWord(StrEnum):
    """The verdict in one word, those of the cases format first."""

    VALID = "valid"
    SIGNATURE_INVALID = "signature_invalid"
    DOCUMENT_CHANGED = "document_changed"
    SEAL_INVALID = "seal_invalid"
    SEAL_EXPIRED = "seal_expired"
    SEAL_NOT_YET_VALID = "seal_not_yet_valid"
    SIGNER_NOT_IN_SEAL = "signer_not_in_seal"
    CERT_REVOKED = "cert_revoked"
    TIMESTAMP_INVALID = "timestamp_invalid"
    MALFORMED = "malformed"
    CERT_INVALID = "cert_invalid"


@dataclass(frozen=True)
class SesVerdict:
    """`signature` is None for a malformed structure only; `reason` is Chinese."""

    word: SesWord
    reason: str
    signature: SesSignature | None = None
    signing_time: datetime | None = None
    certificate: CertVerdict | None = None

    @property
    def good(self) -> bool:
        return self.word is SesWord.VALID


@or_malformed(lambda: SesVerdict(SesWord.MALFORMED, f"签章{UNREADABLE}"))
def judge_ses(data: bytes, document: bytes, store: TrustStore, *, now: datetime) -> SesVerdict:
    """Whether the SES_Signature `data` seals the octets `document`. Never raises for input."""
    try:
        ses = parse_ses_signature(data)
    except DerError as fault:
        return SesVerdict(SesWord.MALFORMED, f"签章数据格式错误：{fault}")
    if not _verifies(ses.signer, ses.algorithm, ses.signed, ses.signature):
        return SesVerdict(SesWord.SIGNATURE_INVALID, "签章的签名值验证不通过", ses, ses.signing_time)
    hashed = sm3(document) if seal_scheme(ses.algorithm) is Scheme.SM3_WITH_SM2 else hashlib.sha256(document).digest()
    if hashed != ses.data_hash:
        return SesVerdict(SesWord.DOCUMENT_CHANGED, "文档摘要与签章中的摘要不符，文档被改动", ses, ses.signing_time)
    return _judge_seal(ses, document, store, now)


def _judge_seal(ses: SesSignature, document: bytes, store: TrustStore, now: datetime) -> SesVerdict:
    stamp = judge_timestamp(ses.timestamp, ses.signature, store, now=now) if ses.timestamp is not None else None
    proven = stamp.gen_time if stamp is not None and stamp.valid else None
    token = None if ses.time_token is None else _claiming_token(ses, ses.time_token, document, store, now)
    claimed = ses.signing_time or (token.gen_time if token else None) or now
    existed = claimed if proven is None else min(claimed, proven)
    seal = ses.seal

    def verdict(word: SesWord, reason: str, certificate: CertVerdict | None = None) -> SesVerdict:
        return SesVerdict(word, reason, ses, claimed, certificate)

    if not _verifies(seal.maker, seal.algorithm, seal.signed, seal.signature):
        return verdict(SesWord.SEAL_INVALID, "印章的制章人签名验证不通过")
    maker = _maker_verdict(ses, store, claimed, now)
    if not maker.good:
        return verdict(SesWord.SEAL_INVALID, f"制章人{maker.reason}")
    if not seal.lists(ses.signer):
        return verdict(SesWord.SIGNER_NOT_IN_SEAL, "签章人证书不在印章的证书列表中")
    # A timestamp authority's clock may be ahead of this one.
    if claimed - now > (timedelta() if proven is None and token is None else FUTURE_TOLERANCE):
        return verdict(SesWord.SIGNATURE_INVALID, "签章时间晚于当前时间")
    if existed < seal.valid_from:
        return verdict(SesWord.SEAL_NOT_YET_VALID, "签章时印章尚未生效")
    if existed > seal.valid_to:
        return verdict(SesWord.SEAL_EXPIRED, "签章时印章已过有效期")
    signer = judge_certificate(ses.signer, store, at=proven or claimed, now=now, revoked_by=proven or now)
    if signer.status in (CertStatus.REVOKED, CertStatus.ISSUER_REVOKED):
        return verdict(SesWord.CERT_REVOKED, f"签章人{signer.reason}", signer)
    if not signer.good:
        return verdict(SesWord.CERT_INVALID, f"签章人{signer.reason}", signer)
    for one in (stamp, token):
        if one is not None and not one.valid:
            return verdict(SesWord.TIMESTAMP_INVALID, f"签章的时间戳无效：{one.reason}", signer)
    if proven is not None and claimed - proven > FUTURE_TOLERANCE:
        return verdict(SesWord.TIMESTAMP_INVALID, "签章的时间戳早于签章时间", signer)
    return verdict(SesWord.VALID, "签章有效", signer)


def _claiming_token(
    ses: SesSignature, token: bytes, document: bytes, store: TrustStore, now: datetime
) -> TimestampVerdict:
    """The verdict on the token that version 1 has for its time, over the document or over the digest of it."""
    verdict = judge_timestamp(token, document, store, now=now)
    if verdict.res is not VerifyRes.IMPRINT_MISMATCH:
        return verdict
    over_digest = judge_timestamp(token, ses.data_hash, store, now=now)
    return over_digest if over_digest.valid else verdict


def _maker_verdict(ses: SesSignature, store: TrustStore, claimed: datetime, now: datetime) -> CertVerdict:
    """Seals outlive their makers' certificates: good when the seal was made is good."""
    maker = ses.seal.maker
    at_making = judge_certificate(maker, store, at=ses.seal.created, now=now, revoked_by=now)
    return at_making if at_making.good else judge_certificate(maker, store, at=claimed, now=now, revoked_by=now)


def _verifies(certificate: Certificate, algorithm: str, message: bytes, signature: bytes) -> bool:
    scheme = seal_scheme(algorithm)
    return scheme is not None and certificate.key is not None and certificate.key.verify(scheme, message, signature)
