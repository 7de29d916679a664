"""Writing DER (X.690): the few types that certificates, lists, signatures and timestamps need."""

from __future__ import annotations

from datetime import UTC, datetime

from radbridge.signing.domain import der

NULL = b"\x05\x00"


def encode(tag: int, *parts: bytes) -> bytes:
    """One element of the joined `parts`."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def sequence(*parts: bytes) -> bytes:
    return encode(der.SEQUENCE, *parts)


def set_of(*parts: bytes) -> bytes:
    """SET OF, its elements in DER's order."""
    return encode(der.SET, *sorted(parts))


def explicit(number: int, *parts: bytes) -> bytes:
    """Context-specific [number], constructed."""
    return encode(der.context(number), *parts)


def integer(value: int) -> bytes:
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return encode(der.INTEGER, value.to_bytes(size, "big", signed=True))


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    return encode(der.OID, *(_base_128(arc) for arc in (40 * first + second, *rest)))


def octets(value: bytes) -> bytes:
    return encode(der.OCTET_STRING, value)


def bits(value: bytes, unused: int = 0) -> bytes:
    return encode(der.BIT_STRING, bytes((unused,)), value)


def utf8(text: str) -> bytes:
    return encode(der.UTF8_STRING, text.encode())


def true() -> bytes:
    return encode(der.BOOLEAN, b"\xff")


def generalized_time(moment: datetime) -> bytes:
    return encode(der.GENERALIZED_TIME, f"{moment.astimezone(UTC):%Y%m%d%H%M%SZ}".encode())


def time(moment: datetime) -> bytes:
    """UTCTime through 2049, GeneralizedTime after (RFC 5280 clause 4.1.2.5)."""
    if moment.astimezone(UTC).year >= 2050:
        return generalized_time(moment)
    return encode(der.UTC_TIME, f"{moment.astimezone(UTC):%y%m%d%H%M%SZ}".encode())


def _base_128(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))
