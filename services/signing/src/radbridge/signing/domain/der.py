"""Strict DER and limited BER reading (X.690) on the raw bytes, so that what was signed is never re-encoded.

DER is the default: minimal definite lengths only. `ber=True` additionally takes indefinite lengths, non-minimal lengths
and constructed strings, which GM/T 0010 and CMS containers of streaming signers carry. Limits: four length octets, 32
levels and 50,000 elements while looking for an end-of-contents mark, `MAX_CHILDREN` children per element, so that the
time to refuse hostile input stays linear in its size.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from radbridge.signing.domain.errors import DerError

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
ENUMERATED, UTF8_STRING, PRINTABLE_STRING, T61_STRING, IA5_STRING = 0x0A, 0x0C, 0x13, 0x14, 0x16
UTC_TIME, GENERALIZED_TIME, UNIVERSAL_STRING, BMP_STRING = 0x17, 0x18, 0x1C, 0x1E
SEQUENCE, SET = 0x30, 0x31

MAX_CHILDREN = 1024
_MAX_DEPTH = 32
_MAX_SCANNED_ELEMENTS = 50_000


def context(number: int, *, constructed: bool = True) -> int:
    """The identifier octet of context-specific tag [number]."""
    return (0xA0 if constructed else 0x80) | number


class Element:
    """One TLV inside `data`: `start` of the identifier octet, `body`..`stop` the content octets, `end` after it all."""

    __slots__ = ("ber", "body", "data", "end", "start", "stop", "tag")

    def __init__(self, data: bytes, tag: int, start: int, body: int, stop: int, end: int, ber: bool) -> None:
        self.data = data
        self.tag = tag
        self.start = start
        self.body = body
        self.stop = stop
        self.end = end
        self.ber = ber

    @property
    def raw(self) -> bytes:
        """Identifier, length and content as sent."""
        return self.data[self.start : self.end]

    @property
    def content(self) -> bytes:
        """The content octets as sent."""
        return self.data[self.body : self.stop]

    def expect(self, tag: int, what: str) -> Element:
        """This element, or DerError where its tag differs."""
        if self.tag != tag:
            raise DerError(f"{what}: tag {self.tag:#04x} where {tag:#04x} is due")
        return self

    def children(self, limit: int = MAX_CHILDREN) -> list[Element]:
        """The elements inside; DerError where they do not fill the content exactly or exceed `limit`."""
        found: list[Element] = []
        position = self.body
        while position < self.stop:
            if len(found) == limit:
                raise DerError("too many elements")
            child = read(self.data, position, self.stop, ber=self.ber)
            found.append(child)
            position = child.end
        return found

    def cursor(self) -> Cursor:
        """Reads the children in order."""
        return Cursor(self)

    def integer(self) -> int:
        """INTEGER or ENUMERATED value, at most 1024 octets."""
        size = self.stop - self.body
        if self.tag not in (INTEGER, ENUMERATED) or not 0 < size <= 1024:
            raise DerError("not an integer")
        data, body = self.data, self.body
        if (
            not self.ber
            and size > 1
            and ((data[body] == 0 and data[body + 1] < 0x80) or (data[body] == 0xFF and data[body + 1] >= 0x80))
        ):
            raise DerError("integer is not minimal")
        return int.from_bytes(self.content, "big", signed=True)

    def boolean(self) -> bool:
        """BOOLEAN; in DER TRUE is FF."""
        if self.tag != BOOLEAN or self.stop - self.body != 1:
            raise DerError("not a boolean")
        value = self.data[self.body]
        if not self.ber and value not in (0x00, 0xFF):
            raise DerError("boolean is not 00 or FF")
        return value != 0

    def oid(self) -> str:
        """OBJECT IDENTIFIER in dotted form."""
        if self.tag != OID:
            raise DerError("not an object identifier")
        return _dotted(self.content)

    def octets(self) -> bytes:
        """OCTET STRING content; BER's constructed form is joined."""
        if self.tag == OCTET_STRING:
            return self.content
        if self.ber and self.tag == OCTET_STRING | 0x20:
            return self._joined(OCTET_STRING)
        raise DerError("not an octet string")

    def _joined(self, tag: int) -> bytes:
        return b"".join(child.expect(tag, "string segment").content for child in self.children(_MAX_SCANNED_ELEMENTS))

    def bits(self) -> bytes:
        """BIT STRING content of whole octets."""
        if self.tag != BIT_STRING or self.stop - self.body < 1 or self.data[self.body] != 0:
            raise DerError("not a bit string of whole octets")
        return self.data[self.body + 1 : self.stop]

    def flags(self) -> int:
        """A named-bit BIT STRING of up to 16 bits as an integer whose highest of 16 bits is bit 0."""
        size = self.stop - self.body
        if self.tag != BIT_STRING or not 1 <= size <= 3 or self.data[self.body] > 7:
            raise DerError("not a bit string of up to 16 flags")
        return int.from_bytes(self.data[self.body + 1 : self.stop].ljust(2, b"\0"), "big")

    def text(self) -> str:
        """Any ASN.1 string type as text; undecodable octets become U+FFFD."""
        codec = _STRING_CODECS.get(self.tag)
        if codec is None:
            raise DerError("not a character string")
        return self.content.decode(codec, "replace")

    def time(self) -> datetime:
        """UTCTime or GeneralizedTime with seconds, in UTC."""
        if self.tag not in (UTC_TIME, GENERALIZED_TIME):
            raise DerError("not a time")
        return parse_time(self.content, two_digit_year=self.tag == UTC_TIME)


class Cursor:
    """Walks the children of one element; `take` and `optional` consume, `finish` demands that nothing is left."""

    __slots__ = ("_element", "_position")

    def __init__(self, element: Element) -> None:
        self._element = element
        self._position = element.body

    @property
    def exhausted(self) -> bool:
        return self._position >= self._element.stop

    def peek(self) -> int | None:
        """The next identifier octet, or None at the end."""
        return None if self.exhausted else self._element.data[self._position]

    def take(self, tag: int | None = None, what: str = "element") -> Element:
        """The next child, of `tag` where given; DerError where absent or other."""
        if self.exhausted:
            raise DerError(f"{what} is missing")
        child = read(self._element.data, self._position, self._element.stop, ber=self._element.ber)
        if tag is not None:
            child.expect(tag, what)
        self._position = child.end
        return child

    def optional(self, tag: int) -> Element | None:
        """The next child if it has `tag`."""
        return self.take() if self.peek() == tag else None

    def finish(self, what: str = "structure") -> None:
        if not self.exhausted:
            raise DerError(f"{what}: unexpected elements at the end")


def parse(data: bytes, *, ber: bool = False) -> Element:
    """The one element that `data` is; DerError where anything follows it."""
    element = read(data, 0, len(data), ber=ber)
    if element.end != len(data):
        raise DerError("bytes follow the structure")
    return element


def read(data: bytes, start: int, limit: int, *, ber: bool = False) -> Element:
    """The element that begins at `start` and must end by `limit`."""
    if start + 2 > limit:
        raise DerError("truncated")
    tag = data[start]
    if tag & 0x1F == 0x1F:
        raise DerError("multi-octet tags do not occur in these structures")
    size = data[start + 1]
    body = start + 2
    if size >= 0x80:
        if size == 0x80:
            if not ber or not tag & 0x20:
                raise DerError("indefinite length")
            stop = _find_end(data, body, limit)
            return Element(data, tag, start, body, stop, stop + 2, ber)
        size, body = _long_length(data, body, size & 0x7F, limit, ber)
    stop = body + size
    if stop > limit:
        raise DerError("length reaches beyond the end")
    return Element(data, tag, start, body, stop, stop, ber)


def _long_length(data: bytes, position: int, octets: int, limit: int, ber: bool) -> tuple[int, int]:
    body = position + octets
    if octets > 4 or body > limit:
        raise DerError("length reaches beyond the end")
    size = int.from_bytes(data[position:body], "big")
    if not ber and (size < 0x80 or data[position] == 0):
        raise DerError("length is not minimal")
    return size, body


def _find_end(data: bytes, position: int, limit: int) -> int:
    """Where the end-of-contents octets lie of an indefinite length whose content begins at `position`."""
    open_levels = 1
    for _ in range(_MAX_SCANNED_ELEMENTS):
        if position + 2 > limit:
            break
        if data[position] == 0 and data[position + 1] == 0:
            open_levels -= 1
            if open_levels == 0:
                return position
            position += 2
        elif data[position + 1] == 0x80:
            open_levels += 1
            if open_levels > _MAX_DEPTH:
                raise DerError("nested too deeply")
            position += 2
        else:
            position = read(data, position, limit, ber=True).end
    raise DerError("indefinite length without end")


@lru_cache(maxsize=1024)
def _dotted(content: bytes) -> str:
    if not 0 < len(content) <= 40 or content[-1] & 0x80:
        raise DerError("malformed object identifier")
    arcs: list[int] = []
    value = 0
    for octet in content:
        if value == 0 and octet == 0x80:
            raise DerError("object identifier is not minimal")
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def parse_time(content: bytes, *, two_digit_year: bool) -> datetime:
    """`YYMMDDHHMMSS` or `YYYYMMDDHHMMSS[.f]` followed by Z or an offset, in UTC (X.680 46, 47)."""
    if len(content) > 32:
        raise DerError("malformed time")
    return _parse_time(content, two_digit_year)


@lru_cache(maxsize=4096)
def _parse_time(content: bytes, two_digit_year: bool) -> datetime:
    year_digits = 2 if two_digit_year else 4
    length = year_digits + 10
    digits, zone = content[:length], content[length:]
    if len(digits) != length or not digits.isdigit():
        raise DerError("malformed time")
    year = int(digits[:year_digits])
    if two_digit_year:
        year += 1900 if year >= 50 else 2000
    month, day, hour, minute, second = (int(digits[i : i + 2]) for i in range(year_digits, length, 2))
    microsecond = 0
    if not two_digit_year and zone[:1] == b".":
        fraction = zone[1:].rstrip(b"Z")
        if not fraction.isdigit() or zone[-1:] != b"Z" or len(fraction) > 12:
            raise DerError("malformed fraction of a second")
        microsecond, zone = int(fraction[:6].ljust(6, b"0")), b"Z"
    try:
        return datetime(year, month, day, hour, minute, second, microsecond, _zone(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise DerError("no such time") from None


def _zone(text: bytes) -> timezone:
    if text == b"Z":
        return UTC
    if len(text) == 5 and text[:1] in (b"+", b"-") and text[1:].isdigit():
        offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
        return timezone(offset if text[:1] == b"+" else -offset)
    raise DerError("time without zone")


_STRING_CODECS = {
    UTF8_STRING: "utf-8",
    PRINTABLE_STRING: "latin-1",
    T61_STRING: "latin-1",
    IA5_STRING: "latin-1",
    UNIVERSAL_STRING: "utf-32-be",
    BMP_STRING: "utf-16-be",
}
