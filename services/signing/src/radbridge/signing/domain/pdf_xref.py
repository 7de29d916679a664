"""The cross-reference of a PDF (ISO 32000-1 clauses 7.5.4 to 7.5.8), section by section as its revisions wrote it.

Nothing is repaired or guessed: for each object the newest section that speaks of it counts, also where it frees it and
whatever the generation, as in viewers. So what one revision says can be held against what the next one says.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from radbridge.signing.domain.errors import SealFormError

if TYPE_CHECKING:
    from pypdf.generic import EncodedStreamObject

# (FREE, 0, 0), (PLAIN, offset, generation) or (PACKED, number of the object stream, index in it).
Location = tuple[int, int, int]
PdfDict = dict[str, object]
FREE, PLAIN, PACKED = 0, 1, 2
FREED: Location = (FREE, 0, 0)
MAX_ENTRIES = 200_000
_SLACK = 1024
_BLANKS = re.compile(rb"[\s\0]*")
_START = re.compile(rb"startxref[\s\0]+(\d{1,10})[\s\0]+%%EOF")
_TABLE = re.compile(rb"[\s\0]*xref(?=[\s\0])")
_SUBSECTION = re.compile(rb"[\s\0]*(\d{1,10})[ \t]+(\d{1,10})(?=[\s\0])")
_ROW = re.compile(rb"[\s\0]*(\d{10}) (\d{5}) ([nf])(?=[\s\0])")
_TRAILER = re.compile(rb"[\s\0]*trailer[\s\0]*(?=<<)")
_OBJECT = re.compile(rb"[\s\0]*(\d{1,10})[\s\0]+(\d{1,5})[\s\0]+obj\b[\s\0]*")

# Parses the object that begins at an offset: its value, and the offset after it.
Parse = Callable[[int], tuple[object, int]]


@dataclass(frozen=True, slots=True)
class Section:
    """One section: what it says of objects, its trailer with unresolved values, and where the section before begins."""

    start: int
    stop: int
    entries: dict[int, Location]
    trailer: PdfDict
    previous: int | None


def section_start(data: bytes, end: int) -> int:
    """Where the newest section of the revision that ends at `end` begins."""
    found = _START.match(data, data.rfind(b"startxref", 0, end), end) if b"startxref" in data else None
    if found is None:
        raise SealFormError("PDF has no startxref")
    return _BLANKS.match(data, int(found[1]), end).end()  # pyright: ignore[reportOptionalMemberAccess]


def object_header(data: bytes, offset: int) -> tuple[int, int, int] | None:
    """Number, generation and where the value begins of the object at `offset`."""
    found = _OBJECT.match(data, offset)
    return None if found is None else (int(found[1]), int(found[2]), found.end())


def read_section(data: bytes, start: int, parse: Parse) -> Section:
    """The section at `start`, a table or a stream; SealFormError where there is none."""
    table = _TABLE.match(data, start)
    section = _stream_section(data, start, parse) if table is None else _table_section(data, start, table.end(), parse)
    if (hybrid := section.trailer.get("/XRefStm")) is None:
        return section
    # A hybrid file: readers look into the stream after the table and before the sections that came earlier.
    further = _stream_section(data, _offset(hybrid, data), parse)
    return Section(
        start,
        max(section.stop, further.stop),
        {**further.entries, **section.entries},
        section.trailer,
        section.previous,
    )


def _table_section(data: bytes, start: int, position: int, parse: Parse) -> Section:
    entries: dict[int, Location] = {}
    while (head := _SUBSECTION.match(data, position)) is not None:
        first, count, position = int(head[1]), int(head[2]), head.end()
        if len(entries) + count > MAX_ENTRIES:
            raise SealFormError("PDF has too many objects")
        row = _ROW.match(data, position)
        if first == 1 and row is not None and row[2] == b"65535":
            # Some writers count from 1 although their first row is that of object 0.
            first = 0
        for number in range(first, first + count):
            row = _ROW.match(data, position)
            if row is None:
                raise SealFormError("PDF has a damaged cross-reference table")
            position = row.end()
            entries[number] = (PLAIN, int(row[1]), int(row[2])) if row[3] == b"n" else FREED
    found = _TRAILER.match(data, position)
    if found is None:
        raise SealFormError("PDF has a cross-reference table without trailer")
    trailer, stop = parse(found.end())
    return _section(data, start, stop, entries, trailer)


def _stream_section(data: bytes, start: int, parse: Parse) -> Section:
    header = object_header(data, start)
    if header is None:
        raise SealFormError("PDF has no cross-reference where it should be")
    stream, stop = parse(header[2])
    if not isinstance(stream, dict) or not hasattr(stream, "get_data"):
        raise SealFormError("PDF has a cross-reference that is no stream")
    fields = cast("PdfDict", stream)
    widths = _integers(fields.get("/W"))
    index = _integers(fields.get("/Index", [0, fields.get("/Size")]))
    if fields.get("/Type") != "/XRef" or len(widths) != 3 or not 1 <= sum(widths) <= 24 or len(index) % 2:
        raise SealFormError("PDF has a malformed cross-reference stream")
    count = sum(index[1::2])
    if count > MAX_ENTRIES:
        raise SealFormError("PDF has too many objects")
    rows = decoded(cast("EncodedStreamObject", stream), limit=count * (sum(widths) + 1))
    if len(rows) < count * sum(widths):
        raise SealFormError("PDF has a truncated cross-reference stream")
    numbers = (
        number for first, size in zip(index[::2], index[1::2], strict=True) for number in range(first, first + size)
    )
    return _section(data, start, stop, dict(zip(numbers, _rows(rows, widths), strict=False)), fields)


def _rows(rows: bytes, widths: list[int]) -> list[Location]:
    """The rows of a stream section; a kind that is not known counts as free (clause 7.5.8.3)."""
    one, two, width = widths[0], widths[0] + widths[1], sum(widths)
    number = int.from_bytes
    found: list[Location] = []
    for at in range(0, len(rows) - width + 1, width):
        kind = number(rows[at : at + one], "big") if one else PLAIN
        found.append(
            (kind, number(rows[at + one : at + two], "big"), number(rows[at + two : at + width], "big"))
            if kind in (PLAIN, PACKED)
            else FREED
        )
    return found


def decoded(stream: EncodedStreamObject, *, limit: int) -> bytes:
    """The decoded octets of a stream of structure, refused where they are more than about `limit`."""
    kind = stream.get("/Filter")
    if kind is not None:
        unpacker = zlib.decompressobj()
        unpacker.decompress(stream._data, limit + _SLACK)  # pyright: ignore[reportPrivateUsage]
        if kind not in ("/FlateDecode", ["/FlateDecode"]) or unpacker.unconsumed_tail:
            raise SealFormError("PDF has a stream of structure that is too large to read")
    return stream.get_data()


def _section(data: bytes, start: int, stop: int, entries: dict[int, Location], trailer: object) -> Section:
    if not isinstance(trailer, dict):
        raise SealFormError("PDF has a cross-reference without trailer")
    fields = dict(cast("PdfDict", trailer).items())
    previous = fields.get("/Prev")
    # /Prev 0 is how some writers say that there is none.
    return Section(start, stop, entries, fields, _offset(previous, data) if previous else None)


def _offset(value: object, data: bytes) -> int:
    if not isinstance(value, int) or not 0 < value < len(data):
        raise SealFormError("PDF has a cross-reference out of its bounds")
    return _BLANKS.match(data, value).end()  # pyright: ignore[reportOptionalMemberAccess]


def _integers(value: object) -> list[int]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    numbers = [item for item in items if isinstance(item, int) and item >= 0]
    if len(numbers) != len(items):
        raise SealFormError("PDF has a malformed cross-reference stream")
    return numbers
