"""Walking over encoded data elements without recursion (PS3.5 section 7).

A walk touches headers only: values are skipped by their lengths, so it costs the same for a small and for a huge
object, and nesting of any depth is a counter, never a call.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from radbridge.dicom_edge.domain.dictionary import vr_of
from radbridge.dicom_edge.domain.transfer_syntaxes import IMPLICIT_LITTLE, Encoding

Buffer = bytes | bytearray | memoryview
UNDEFINED = 0xFFFFFFFF

ITEM = 0xFFFEE000
ITEM_DELIMITER = 0xFFFEE00D
SEQUENCE_DELIMITER = 0xFFFEE0DD

PIXEL_DATA = 0x7FE00010
FLOAT_PIXEL_DATA = 0x7FE00008
DOUBLE_FLOAT_PIXEL_DATA = 0x7FE00009
PIXEL_TAGS = frozenset({PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA})

_LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
"""VRs with two reserved bytes and a length of four (PS3.5 table 7.1-1)."""
_ITEM_HEADER_BYTES = 8


class DataSetError(ValueError):
    """The bytes are not a data set; the text says what is wrong at which element, never a value."""


class Element(NamedTuple):
    """One element as it lies in the buffer."""

    tag: int
    vr: str
    offset: int
    """Where the value begins."""
    length: int
    """Of the value as encoded: with delimiters, where the length was undefined."""
    defined: bool
    """Whether the header told the length."""
    inner: Encoding
    """Of the items inside: a sequence written as UN is implicit little endian (PS3.5 section 6.2.2)."""


def tag_text(tag: int) -> str:
    """``7FE00010``, as DICOM JSON writes tags."""
    return f"{tag:08X}"


def walk(buffer: Buffer, encoding: Encoding, *, start: int = 0, end: int | None = None) -> Iterator[Element]:
    """Elements between ``start`` and ``end`` in their order, sequences whole.

    Zero bytes behind the last element end the walk, since some writers pad data sets.

    :raises DataSetError: an element reaches beyond the end, or the bytes are no element.
    """
    end = len(buffer) if end is None else end
    position = start
    while position < end:
        if end - position < _ITEM_HEADER_BYTES:
            if not any(buffer[position:end]):
                return
            raise DataSetError(f"data set ends inside an element header at byte {position}")
        element = read_element(buffer, encoding, position, end)
        if element.tag == 0:
            return
        yield element
        position = element.offset + element.length


def read_element(buffer: Buffer, encoding: Encoding, position: int, end: int) -> Element:
    """The element whose header begins at ``position``.

    :raises DataSetError: it reaches beyond ``end``, or its VR is no VR.
    """
    tag, vr, value, length = _header(buffer, encoding, position, end)
    if length == UNDEFINED:
        inner = IMPLICIT_LITTLE if vr == "UN" else encoding
        after = _skip(buffer, inner, value, end, tag, closing=SEQUENCE_DELIMITER)
        return Element(tag, "SQ" if vr == "UN" else vr, value, after - value, defined=False, inner=inner)
    if value + length > end:
        raise DataSetError(f"element {tag_text(tag)} announces {length} bytes, {end - value} are there")
    if vr == "UN" and encoding.explicit_vr and (known := vr_of(tag)) != "UN":
        return Element(tag, known, value, length, defined=True, inner=IMPLICIT_LITTLE)
    return Element(tag, vr, value, length, defined=True, inner=encoding)


def items(buffer: Buffer, element: Element) -> Iterator[tuple[int, int]]:
    """Start and end of each item of a sequence or of each fragment of encapsulated pixel data.

    :raises DataSetError: the items do not fill the value.
    """
    position, end = element.offset, element.offset + element.length
    while position + _ITEM_HEADER_BYTES <= end:
        tag, length = _item_header(buffer, element.inner, position)
        position += _ITEM_HEADER_BYTES
        if tag == SEQUENCE_DELIMITER:
            return
        if tag != ITEM:
            raise DataSetError(f"element {tag_text(element.tag)} holds something other than items")
        if length == UNDEFINED:
            after = _skip(buffer, element.inner, position, end, element.tag, closing=ITEM_DELIMITER)
            yield position, after - _ITEM_HEADER_BYTES
            position = after
        else:
            if position + length > end:
                raise DataSetError(f"an item of element {tag_text(element.tag)} reaches beyond it")
            yield position, position + length
            position += length


def _header(buffer: Buffer, encoding: Encoding, position: int, end: int) -> tuple[int, str, int, int]:
    order = ">" if encoding.big_endian else "<"
    group, number = struct.unpack_from(order + "HH", buffer, position)
    tag = group << 16 | number
    if not encoding.explicit_vr or group == 0xFFFE:
        (length,) = struct.unpack_from(order + "I", buffer, position + 4)
        return tag, vr_of(tag), position + 8, length
    vr = bytes(buffer[position + 4 : position + 6]).decode("latin-1")
    if vr in _LONG_VRS:
        if position + 12 > end:
            raise DataSetError(f"data set ends inside the header of element {tag_text(tag)}")
        (length,) = struct.unpack_from(order + "I", buffer, position + 8)
        return tag, vr, position + 12, length
    if not (vr.isascii() and vr.isalpha() and vr.isupper()):
        if tag == 0:
            return 0, "UN", position + 8, 0
        raise DataSetError(f"element {tag_text(tag)} has no VR")
    (length,) = struct.unpack_from(order + "H", buffer, position + 6)
    return tag, vr, position + 8, length


def _item_header(buffer: Buffer, encoding: Encoding, position: int) -> tuple[int, int]:
    group, number, length = struct.unpack_from(">HHI" if encoding.big_endian else "<HHI", buffer, position)
    return group << 16 | number, length


def _skip(buffer: Buffer, encoding: Encoding, position: int, end: int, tag: int, *, closing: int) -> int:
    """Position behind the delimiter ``closing``, whatever is nested before it.

    ``open_`` holds the delimiter awaited and the encoding inside, of everything that is open.
    """
    open_: list[tuple[int, Encoding]] = [(closing, encoding)]
    while open_:
        awaited, inside = open_[-1]
        if position + _ITEM_HEADER_BYTES > end:
            raise DataSetError(f"element {tag_text(tag)} of undefined length is not closed")
        if awaited == SEQUENCE_DELIMITER:
            found, length = _item_header(buffer, inside, position)
            position += _ITEM_HEADER_BYTES
            if found == SEQUENCE_DELIMITER:
                open_.pop()
            elif found != ITEM:
                raise DataSetError(f"element {tag_text(tag)} holds something other than items")
            elif length == UNDEFINED:
                open_.append((ITEM_DELIMITER, inside))
            else:
                position += length
            continue
        found, vr, value, length = _header(buffer, inside, position, end)
        position = value
        if found == ITEM_DELIMITER:
            open_.pop()
        elif length == UNDEFINED:
            open_.append((SEQUENCE_DELIMITER, IMPLICIT_LITTLE if vr == "UN" else inside))
        else:
            position += length
    if position > end:
        raise DataSetError(f"element {tag_text(tag)} reaches beyond the data set")
    return position
