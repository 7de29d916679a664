"""RSASSA-PKCS1-v1_5 verification (RFC 8017 clause 8.2.2) by comparing the whole encoded message, parsing none of it."""

from __future__ import annotations

import hashlib

_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
MIN_BITS, MAX_BITS, MAX_EXPONENT = 1024, 8192, (1 << 33) - 1


def is_usable(modulus: int, exponent: int) -> bool:
    """Whether a key is within the sizes that are verified: old timestamp authorities have 1024 bits."""
    return (
        MIN_BITS <= modulus.bit_length() <= MAX_BITS
        and modulus & 1 == 1
        and exponent & 1 == 1
        and 3 <= exponent <= MAX_EXPONENT
    )


def verify(modulus: int, exponent: int, hash_name: str, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is `hash_name`-with-RSA over `message`; False for any other length or value."""
    size = (modulus.bit_length() + 7) // 8
    value = int.from_bytes(signature, "big")
    if len(signature) != size or value >= modulus:
        return False
    info = _DIGEST_INFO[hash_name] + hashlib.new(hash_name, message).digest()
    if size < len(info) + 11:
        return False
    expected = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
    return pow(value, exponent, modulus).to_bytes(size, "big") == expected
