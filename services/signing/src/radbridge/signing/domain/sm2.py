"""SM2 verification with SM3 (GM/T 0003.2, GB/T 32918.2), on libcrypto where a self-test proves it, else in Python.

The distinguishing ID is always part of what is verified; 1234567812345678 unless another is given (GM/T 0009).
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Protocol

from radbridge.signing.domain.errors import DerError, KeyFormError
from radbridge.signing.domain.sm2_curve import DEFAULT_ID, checked_point, parse_signature, signer_digest
from radbridge.signing.domain.sm2_libcrypto import LibcryptoSm2, LibcryptoUnavailableError
from radbridge.signing.domain.sm2_pure import PureSm2
from radbridge.signing.domain.sm3 import sm3


class Sm2Backend(Protocol):
    """The arithmetic: `point` is checked, `r` and `s` are in range, `e` is 32 bytes."""

    @property
    def name(self) -> str: ...

    def verify_digest(self, point: bytes, e: bytes, r: int, s: int) -> bool: ...

    def sign_digest(self, private_key: int, e: bytes) -> tuple[int, int]: ...


# GM/T 0003.5 annex A.2: public key, message "message digest", signature with the default ID.
_KNOWN_POINT = bytes.fromhex(
    "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
_KNOWN_R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
_KNOWN_S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA


def passes_known_answers(backend: Sm2Backend) -> bool:
    """Whether `backend` accepts the standard's example signature, refuses altered ones and verifies what it signs."""
    e = sm3(signer_digest(_KNOWN_POINT), b"message digest")
    try:
        return (
            backend.verify_digest(_KNOWN_POINT, e, _KNOWN_R, _KNOWN_S)
            and not backend.verify_digest(_KNOWN_POINT, e, _KNOWN_R, _KNOWN_S ^ 1)
            and not backend.verify_digest(_KNOWN_POINT, sm3(b"message digest"), _KNOWN_R, _KNOWN_S)
        )
    except (LibcryptoUnavailableError, KeyFormError):
        return False


@cache
def default_backend() -> Sm2Backend:
    """libcrypto where it is there and passes the known answers, else Python; chosen once per process."""
    try:
        libcrypto = LibcryptoSm2()
    except LibcryptoUnavailableError:
        return PureSm2()
    return libcrypto if passes_known_answers(libcrypto) else PureSm2()


@lru_cache(maxsize=4096)
def _prepared(point: bytes) -> tuple[bytes, bytes]:
    checked = checked_point(point)
    return checked, signer_digest(checked)


def verify(
    point: bytes,
    message: bytes,
    signature: bytes,
    *,
    user_id: bytes = DEFAULT_ID,
    backend: Sm2Backend | None = None,
) -> bool:
    """Whether the strict DER `signature` is SM2-with-SM3 over `message` under `point` (64 bytes, or 65 with 04).

    Never raises for bad input: a key off the curve, sloppy DER and r or s out of range are False.
    """
    try:
        r, s = parse_signature(signature)
        checked, z = _prepared(point)
        if user_id != DEFAULT_ID:
            z = signer_digest(checked, user_id)
    except (DerError, KeyFormError):
        return False
    return (backend or default_backend()).verify_digest(checked, sm3(z, message), r, s)


def diagnose(point: bytes, message: bytes, signature: bytes) -> str | None:
    """Why a signature that `verify` refused may be wrong, in Chinese; None if no known slip of signers fits."""
    try:
        r, s = parse_signature(signature)
        checked = checked_point(point)
    except DerError:
        return "签名值不是规范的DER编码（r、s 须在 1..n-1 之内）"
    except KeyFormError:
        return "公钥不在SM2曲线上"
    default_z = signer_digest(checked)
    slips = (
        (sm3(message), "签名时未加入Z值"),
        (sm3(signer_digest(checked, b""), message), "签名时使用了空的用户ID，应为1234567812345678"),
        (sm3(default_z, sm3(message)), "签名的是原文的SM3摘要而不是原文（重复摘要）"),
    )
    backend = default_backend()
    return next((text for e, text in slips if backend.verify_digest(checked, e, r, s)), None)
