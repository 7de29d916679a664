"""The SM2 curve (GM/T 0003.5), what is a key of it, the signer's digest Z and the strict form of a signature value."""

from __future__ import annotations

from radbridge.signing.domain.errors import DerError, KeyFormError
from radbridge.signing.domain.sm3 import sm3

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
GX = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
GY = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0

DEFAULT_ID = b"1234567812345678"
_PARAMETERS = b"".join(value.to_bytes(32, "big") for value in (A, B, GX, GY))


def checked_point(point: bytes) -> bytes:
    """X‖Y (64 bytes) of a key given as 64 bytes or as 04‖X‖Y; KeyFormError unless it lies on the curve, reduced."""
    if len(point) == 65 and point[0] == 4:
        point = point[1:]
    if len(point) != 64:
        raise KeyFormError("an SM2 public key has 64 bytes, or 65 with a leading 04")
    x, y = int.from_bytes(point[:32], "big"), int.from_bytes(point[32:], "big")
    if x >= P or y >= P or (y * y - (x * x + A) * x - B) % P:
        raise KeyFormError("the SM2 public key is not a point of the curve")
    return point


def signer_digest(point: bytes, user_id: bytes = DEFAULT_ID) -> bytes:
    """Z = SM3(bit length of ID ‖ ID ‖ a ‖ b ‖ G ‖ key) (GM/T 0003.2 clause 5.5). `user_id` has at most 8191 bytes."""
    if len(user_id) > 8191:
        raise KeyFormError("the signer's ID is longer than its 16-bit length can say")
    return sm3((len(user_id) * 8).to_bytes(2, "big"), user_id, _PARAMETERS, point)


def parse_signature(signature: bytes) -> tuple[int, int]:
    """(r, s) of a strict DER SEQUENCE of two INTEGERs within 1..n-1 and r + s ≠ n; DerError otherwise."""
    size = len(signature)
    if not 8 <= size <= 72 or signature[0] != 0x30 or signature[1] != size - 2:
        raise DerError("an SM2 signature is one DER SEQUENCE of two INTEGERs")
    r, position = _positive_integer(signature, 2)
    s, position = _positive_integer(signature, position)
    if position != size:
        raise DerError("bytes follow r and s")
    if not (0 < r < N and 0 < s < N) or r + s == N:
        raise DerError("r or s is outside 1..n-1, or r + s = n")
    return r, s


def _positive_integer(data: bytes, position: int) -> tuple[int, int]:
    if position + 3 > len(data) or data[position] != 0x02:
        raise DerError("r and s are INTEGERs")
    length = data[position + 1]
    start = position + 2
    end = start + length
    if not 1 <= length <= 33 or end > len(data) or data[start] >= 0x80:
        raise DerError("r and s are positive and at most 33 bytes long")
    if length > 1 and data[start] == 0 and data[start + 1] < 0x80:
        raise DerError("r and s have no superfluous zero")
    return int.from_bytes(data[start:end], "big"), end


def encode_signature(r: int, s: int) -> bytes:
    """The DER SEQUENCE of r and s."""
    body = b"".join(_encode_integer(value) for value in (r, s))
    return bytes((0x30, len(body))) + body


def _encode_integer(value: int) -> bytes:
    content = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return bytes((0x02, len(content))) + content
