"""Bare and PKCS7 signatures as the verification interfaces hand them over: texts in base64, checked one by one.

Whatever the texts hold, the answer is a verdict with a reason in Chinese that names the wire field (SX-082 to SX-087).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.chain import judge_certificate
from radbridge.signing.domain.errors import SigningInputError
from radbridge.signing.domain.pkcs1 import judge_pkcs1
from radbridge.signing.domain.pkcs7 import judge_pkcs7
from radbridge.signing.domain.public_key import PublicKey, Scheme, load_public_key
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.unforeseen import UNREADABLE, or_malformed
from radbridge.signing.domain.wire import Base64Error, decode_base64, decode_certificate

ORIGINAL_BYTES_MAX = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DataSignature:
    """Whether the data is signed as claimed; `reason` is Chinese."""

    good: bool
    reason: str


@or_malformed(lambda: DataSignature(False, f"signValue或base64Cert的{UNREADABLE}"))
def verify_pkcs1(
    data: bytes,
    sign_value: str,
    scheme: Scheme,
    *,
    certificate: str,
    public_key: str,
    verify_certificate: bool,
    store: TrustStore,
    now: datetime,
) -> DataSignature:
    """A bare signature. The certificate counts where one is given, else the public key."""
    if certificate.strip():
        try:
            signer: Certificate | None = decode_certificate(certificate)
        except SigningInputError:
            return DataSignature(False, "base64Cert不是Base64编码的X.509证书")
        key = signer.key
        if key is None:
            return DataSignature(False, "base64Cert的公钥不是SM2或RSA公钥")
    else:
        signer, key = None, _public_key(public_key)
        if key is None:
            return DataSignature(False, "pubKey不是Base64编码的SM2公钥（64或65字节）或RSA公钥")
    try:
        signature = decode_base64(sign_value)
    except Base64Error:
        return DataSignature(False, "signValue不是规范的Base64编码")
    allow_raw = signer is not None and store.allows_raw_signatures(signer)
    verdict = judge_pkcs1(data, signature, key, scheme, allow_raw=allow_raw)
    if verdict.good and verify_certificate and signer is not None:
        judged = judge_certificate(signer, store, at=now)
        if not judged.good:
            return DataSignature(False, f"签名正确，但{judged.reason}（base64Cert）")
    return DataSignature(verdict.good, verdict.reason)


@or_malformed(lambda: DataSignature(False, f"signValue的{UNREADABLE}"))
def verify_pkcs7(
    data: bytes, sign_value: str, *, verify_certificate: bool, store: TrustStore, now: datetime
) -> DataSignature:
    """A SignedData over `data`, attached or detached."""
    try:
        signature = decode_base64(sign_value)
    except Base64Error:
        return DataSignature(False, "signValue不是规范的Base64编码")
    verdict = judge_pkcs7(data, signature, store, at=now)
    if verdict.signature_ok and verify_certificate and not verdict.certificate.good:
        return DataSignature(False, f"签名正确，但{verdict.certificate.reason}")
    return DataSignature(verdict.signature_ok, verdict.reason)


def _public_key(text: str) -> PublicKey | None:
    try:
        return load_public_key(decode_base64(text))
    except SigningInputError:
        return None
