"""Judging a SignedData over a text: every signer's signature, and every signer's certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from radbridge.signing.domain import oids
from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.chain import CertStatus, CertVerdict, Usage, judge_certificate
from radbridge.signing.domain.cms import (
    SignedData,
    SignerArithmetic,
    SignerFault,
    SignerInfo,
    parse_signed_data,
    verify_signer,
)
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.ess import names_certificate
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.unforeseen import UNREADABLE, or_malformed

# Each costs a signature verification; honest containers hold one.
_MAX_CANDIDATES = 8


@dataclass(frozen=True)
class SignerVerdict:
    """One signer: `fault` is None for a good signature; `certificate` is None where it did not come along."""

    certificate: Certificate | None
    fault: SignerFault | None
    reason: str
    certificate_verdict: CertVerdict
    info: SignerInfo

    @property
    def good(self) -> bool:
        return self.fault is None and self.certificate_verdict.good


@dataclass(frozen=True)
class Pkcs7Verdict:
    """`signature_ok` is the arithmetic of all signers; `certificate` the first verdict among them that is not good."""

    signature_ok: bool
    reason: str
    certificate: CertVerdict
    signers: tuple[SignerVerdict, ...] = ()
    content_differs: bool = False

    @property
    def good(self) -> bool:
        """Signatures and certificates both."""
        return self.signature_ok and self.certificate.good


@or_malformed(lambda: Pkcs7Verdict(False, f"PKCS7{UNREADABLE}", CertVerdict(CertStatus.NONE)))
def judge_pkcs7(
    data: bytes | None,
    signature: bytes,
    store: TrustStore,
    *,
    at: datetime,
    now: datetime | None = None,
    known: Sequence[Certificate] = (),
) -> Pkcs7Verdict:
    """Whether all signers of the SignedData `signature` signed `data`, with certificates that were good at `at`.

    `data` None takes the attached content as it is; otherwise attached content must equal `data`. `known` are signers'
    certificates that came beside a structure without any. Never raises for input.
    """
    try:
        signed = parse_signed_data(signature)
    except DerError as fault:
        return Pkcs7Verdict(False, f"PKCS7结构错误：{fault}", CertVerdict(CertStatus.NONE))
    content = signed.content if data is None else data
    if signed.content_type not in oids.DATA_TYPES:
        return Pkcs7Verdict(False, "PKCS7的内容类型不是数据", CertVerdict(CertStatus.NONE))
    if not signed.signers or content is None:
        return Pkcs7Verdict(False, "PKCS7中没有签名人或没有原文", CertVerdict(CertStatus.NONE))
    signers = tuple(judge_signer(signed, one, content, store, at=at, now=now, known=known) for one in signed.signers)
    certificate = next((s.certificate_verdict for s in signers if not s.certificate_verdict.good), None)
    certificate = certificate or signers[0].certificate_verdict
    if signed.content is not None and signed.content != content:
        return Pkcs7Verdict(False, "PKCS7内附的原文与所给原文不一致", certificate, signers, content_differs=True)
    wrong = next((s for s in signers if s.fault is not None or s.certificate is None), None)
    return Pkcs7Verdict(wrong is None, wrong.reason if wrong else "签名正确", certificate, signers)


def judge_signer(
    signed: SignedData,
    info: SignerInfo,
    content: bytes,
    store: TrustStore,
    *,
    at: datetime,
    now: datetime | None = None,
    known: Sequence[Certificate] = (),
) -> SignerVerdict:
    """One signer of `signed` over `content`.

    Certificates travel unsigned, so that others may bear the signer's name: one by which all is good counts,
    else one that its CA vouches for, else one whose key signed.
    """
    # Where certificates came along the signer's is among them: one that was damaged must not be made up for.
    candidates = info.find_certificates(signed.certificates or known)
    if not candidates:
        missing = CertVerdict(CertStatus.NOT_FOUND)
        return SignerVerdict(None, SignerFault.SIGNATURE, missing.reason, missing, info)
    judged: list[SignerVerdict] = []
    for certificate in candidates[:_MAX_CANDIDATES]:
        arithmetic = _verify(info, signed.content_type, content, certificate)
        verdict = judge_certificate(
            certificate, store, at=at, now=now, usage=Usage.SIGNATURE, extra=signed.certificates
        )
        judged.append(SignerVerdict(certificate, arithmetic.fault, arithmetic.reason, verdict, info))
        if judged[-1].good:
            break
    return min(judged, key=lambda one: (not one.good, not one.certificate_verdict.good, one.fault is not None))


def _verify(info: SignerInfo, content_type: str, content: bytes, certificate: Certificate) -> SignerArithmetic:
    """The signer's arithmetic, and that its signed attributes name `certificate` if they name any."""
    arithmetic = verify_signer(info, content_type, content, certificate.key)
    if arithmetic.fault is None and not names_certificate(info, certificate):
        return SignerArithmetic(SignerFault.ATTRIBUTES, "签名属性中的签名证书标识（ESS）与签名人证书不符")
    return arithmetic
