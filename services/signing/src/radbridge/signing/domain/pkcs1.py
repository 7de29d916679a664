"""Bare signature values over a text ("PKCS1" in the interfaces): SM3withSM2 as DER of r and s, SHA256withRSA."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from radbridge.signing.domain import sm2
from radbridge.signing.domain.public_key import PublicKey, Scheme, Sm2PublicKey
from radbridge.signing.domain.sm2_curve import DEFAULT_ID, encode_signature


class SignatureFault(StrEnum):
    """Why a signature does not hold."""

    ALGORITHM_MISMATCH = "algorithm_mismatch"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class SignatureVerdict:
    """`fault` is None for a good signature; `reason` is Chinese."""

    fault: SignatureFault | None
    reason: str

    @property
    def good(self) -> bool:
        return self.fault is None


GOOD_SIGNATURE = SignatureVerdict(None, "签名正确")


def scheme_of_key(key: PublicKey) -> Scheme:
    """The scheme that the report interface implies by the certificate's key."""
    return Scheme.SM3_WITH_SM2 if isinstance(key, Sm2PublicKey) else Scheme.SHA256_WITH_RSA


def scheme_named(sign_alg_identifier: str) -> Scheme | None:
    """The scheme of a `signAlgIdentifier`, whatever its case; None for an unknown one."""
    return _NAMES.get(sign_alg_identifier.strip().casefold())


_NAMES = {scheme.value.casefold(): scheme for scheme in (Scheme.SM3_WITH_SM2, Scheme.SHA256_WITH_RSA)}


def judge_pkcs1(
    data: bytes,
    signature: bytes,
    key: PublicKey,
    scheme: Scheme,
    *,
    user_id: bytes = DEFAULT_ID,
    allow_raw: bool = False,
) -> SignatureVerdict:
    """Whether `signature` is `scheme` over `data` under `key`.

    `allow_raw` additionally takes 64 raw bytes r‖s for SM2, a per-CA setting that is off by default.
    """
    is_sm2 = isinstance(key, Sm2PublicKey)
    if is_sm2 is not (scheme is Scheme.SM3_WITH_SM2):
        return SignatureVerdict(SignatureFault.ALGORITHM_MISMATCH, f"签名算法{scheme}与证书的公钥类型不符")
    if is_sm2 and allow_raw and len(signature) == 64:
        signature = encode_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    if key.verify(scheme, data, signature, user_id=user_id):
        return GOOD_SIGNATURE
    return wrong_signature(key, data, signature)


def wrong_signature(key: PublicKey, data: bytes, signature: bytes) -> SignatureVerdict:
    """The verdict on a signature that did not verify, with the likely cause where one is recognised."""
    cause = sm2.diagnose(key.point, data, signature) if isinstance(key, Sm2PublicKey) else None
    return SignatureVerdict(
        SignatureFault.WRONG, f"签名验证不通过：{cause}" if cause else "签名验证不通过：签名值与原文、证书不匹配"
    )
