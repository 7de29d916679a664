"""PyPI's gmssl agrees on honest signatures.

A second opinion for tests alone: it is slow, and lax about hostile ones (docs/decisions/0006).
"""

import pytest
from gmssl import sm2 as gmssl_sm2

from radbridge.signing.domain.sm2_sign import Sm2PrivateKey

MESSAGES = (b"", b"test", "影像报告原文".encode(), bytes(range(256)) * 5)


def raw_signature(signature: bytes) -> str:
    """``r`` and ``s`` of a DER signature as gmssl wants them: 64 hex digits each."""
    first = 4 + signature[3]
    r = int.from_bytes(signature[4:first], "big")
    s = int.from_bytes(signature[first + 2 :], "big")
    return f"{r:064x}{s:064x}"


def key_that_gmssl_can_read() -> Sm2PrivateKey:
    """gmssl strips every leading 0 and 4 of a key, not only the point's prefix."""
    while True:
        key = Sm2PrivateKey.generate()
        if key.point[-64:].hex()[0] not in "04":
            return key


@pytest.mark.parametrize("message", MESSAGES, ids=len)
def test_gmssl_accepts_what_we_sign_and_refuses_what_was_changed(message: bytes) -> None:
    key = key_that_gmssl_can_read()
    signature = raw_signature(key.sign(message))
    verifier = gmssl_sm2.CryptSM2(private_key="", public_key=key.point[-64:].hex())
    assert verifier.verify_with_sm3(signature, message)
    assert not verifier.verify_with_sm3(signature, message + b"x")
