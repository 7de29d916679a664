"""Judging the seal of a document by its bytes: an SES_Signature, a SignedData or a timestamp token over octets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.chain import CertStatus, CertVerdict
from radbridge.signing.domain.cms import SignedData, SignerFault, digest, parse_signed_data
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.pkcs7 import SignerVerdict, judge_signer
from radbridge.signing.domain.ses import SesVerdict, SesWord, judge_ses
from radbridge.signing.domain.ses_structure import SealPicture, looks_like_ses
from radbridge.signing.domain.timestamp import VerifyRes, judge_timestamp
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.unforeseen import UNREADABLE, or_malformed

GOOD = "0"
DOCUMENT_CHANGED = "document_changed"
MODIFIED_AFTER_SIGNING = "modified_after_signing"
SIGNATURE_INVALID = "signature_invalid"
CERT_REVOKED = "cert_revoked"
INVALID = "invalid"

_SES_WORDS = {
    SesWord.VALID: GOOD,
    SesWord.SIGNATURE_INVALID: SIGNATURE_INVALID,
    SesWord.DOCUMENT_CHANGED: DOCUMENT_CHANGED,
    SesWord.CERT_REVOKED: CERT_REVOKED,
}


@dataclass(frozen=True)
class SealVerdict:
    """One seal of a document. `word` is 0 for good; `page` counts from 1, 0 for an invisible one.

    `form` is ses, cms or timestamp; the seal's picture and maker are those of an SES seal. `remark` is what must be
    told of a good seal: a part of it that did not count.
    """

    word: str
    reason: str
    index: int = 0
    page: int = 0
    form: str = ""
    signed_value: bytes = b""
    seal: bytes = b""
    picture: SealPicture | None = None
    signing_time: datetime | None = None
    certificate: Certificate | None = None
    algorithm: str = ""
    maker: Certificate | None = None
    remark: str = ""

    @property
    def good(self) -> bool:
        return self.word == GOOD


@or_malformed(lambda: SealVerdict(INVALID, f"签章{UNREADABLE}"))
def judge_contents(contents: bytes, document: bytes, store: TrustStore, *, now: datetime) -> SealVerdict:
    """The verdict on the signature structure `contents` over the octets `document`. Never raises for input."""
    if looks_like_ses(contents):
        return _from_ses(judge_ses(contents, document, store, now=now))
    try:
        signed = parse_signed_data(contents)
    except DerError as fault:
        return SealVerdict(INVALID, f"签名数据格式错误：{fault}", form="cms")
    if signed.content_type == oids.TST_INFO:
        return _judge_document_timestamp(contents, document, store, now)
    return _judge_cms(signed, document, store, now)


def is_document_timestamp(contents: bytes) -> bool:
    """Whether the zero-padded `contents` are a timestamp token, good or not."""
    try:
        return parse_signed_data(der.read(contents, 0, len(contents), ber=True).raw).content_type == oids.TST_INFO
    except DerError:
        return False


def _from_ses(verdict: SesVerdict) -> SealVerdict:
    ses = verdict.signature
    seal = SealVerdict(_SES_WORDS.get(verdict.word, INVALID), verdict.reason, form="ses")
    if ses is None:
        return seal
    return replace(
        seal,
        signed_value=ses.signature,
        seal=ses.seal.raw,
        picture=ses.seal.picture,
        signing_time=verdict.signing_time,
        certificate=ses.signer,
        algorithm=ses.algorithm,
        maker=ses.seal.maker,
    )


def _judge_document_timestamp(token: bytes, document: bytes, store: TrustStore, now: datetime) -> SealVerdict:
    verdict = judge_timestamp(token, document, store, now=now)
    words = {VerifyRes.VALID: GOOD, VerifyRes.IMPRINT_MISMATCH: DOCUMENT_CHANGED, VerifyRes.INVALID: SIGNATURE_INVALID}
    return SealVerdict(
        word=words.get(verdict.res, INVALID),
        reason=verdict.reason,
        form="timestamp",
        signing_time=verdict.gen_time,
        certificate=verdict.tsa,
    )


def _judge_cms(signed: SignedData, document: bytes, store: TrustStore, now: datetime) -> SealVerdict:
    if len(signed.signers) != 1 or signed.content_type not in oids.DATA_TYPES:
        return SealVerdict(INVALID, "签名数据须有且只有一个签名人", form="cms")
    info = signed.signers[0]
    content = document if signed.content is None else signed.content
    stamped, remark = _signature_timestamp(info.unsigned_attributes, info.signature, store, now)
    verdict = judge_signer(signed, info, content, store, at=stamped or now, now=now)
    word, reason = _attached_fault(signed.content, info.digest_oid, document) or _cms_word(verdict)
    return SealVerdict(
        word=word,
        reason=reason,
        form="cms",
        signed_value=info.signature,
        signing_time=stamped or info.signing_time,
        certificate=verdict.certificate,
        algorithm=info.signature_oid,
        remark=remark if word == GOOD else "",
    )


def _attached_fault(content: bytes | None, digest_oid: str, document: bytes) -> tuple[str, str] | None:
    """Why attached content does not stand for the document; it may be the document's digest in place of it."""
    if content is None or content in (document, digest(digest_oid, document)):
        return None
    # adbe.pkcs7.sha1 (ISO 32000-1 clause 12.8.3.3) fixes SHA-1 whatever the signer's digest is.
    if content == hashlib.sha1(document, usedforsecurity=False).digest():
        return INVALID, "签名只保护文档的SHA-1摘要，该摘要算法不受支持"
    return DOCUMENT_CHANGED, "签名数据内附的摘要与文档不符，文档被改动"


def _cms_word(verdict: SignerVerdict) -> tuple[str, str]:
    if verdict.certificate is None:
        return INVALID, verdict.reason
    if verdict.fault is SignerFault.MESSAGE_DIGEST:
        return DOCUMENT_CHANGED, "文档摘要与签名中的摘要不符，文档被改动"
    if verdict.fault is not None:
        return SIGNATURE_INVALID, verdict.reason
    return _certificate_word(verdict.certificate_verdict)


def _certificate_word(verdict: CertVerdict) -> tuple[str, str]:
    if verdict.good:
        return GOOD, "签章有效"
    revoked = verdict.status in (CertStatus.REVOKED, CertStatus.ISSUER_REVOKED)
    return CERT_REVOKED if revoked else INVALID, f"签章人{verdict.reason}"


def _signature_timestamp(
    attributes: dict[str, list[der.Element]], signature: bytes, store: TrustStore, now: datetime
) -> tuple[datetime | None, str]:
    """The genTime of a valid timestamp over the signature value, which then fixes the moment of judging; or why there
    is none, empty where there is no timestamp. It lies outside what is signed, so a bad one spoils nothing."""
    remark = ""
    for value in attributes.get(oids.ATTRIBUTE_SIGNATURE_TIMESTAMP, []):
        verdict = judge_timestamp(value.raw, signature, store, now=now)
        if verdict.valid:
            return verdict.gen_time, ""
        remark = f"签名中的时间戳无效，未予采信：{verdict.reason}"
    return None, remark
