"""The DICOM JSON Model (PS3.18 annex F), made from encoded elements."""

import base64
import contextlib
import math
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from radbridge.dicom_edge.domain.dataset import PIXEL_TAGS, Buffer, DataSetError, Element, items, tag_text, walk
from radbridge.dicom_edge.domain.header import SPECIFIC_CHARACTER_SET, ObjectHeader
from radbridge.dicom_edge.domain.text import declared_charsets, decode_text
from radbridge.dicom_edge.domain.transfer_syntaxes import Encoding

Json: TypeAlias = "str | int | float | list[Json] | dict[str, Json] | None"
JsonElement: TypeAlias = dict[str, Json]
JsonDataSet: TypeAlias = dict[str, JsonElement]

INLINE_BYTES_MAX = 1024
"""Longer binary values are named by a BulkDataURI."""
VALUE_BYTES_MAX = 64 << 10
"""Longer values of any VR but SQ are named by a BulkDataURI."""
DEPTH_MAX = 32
"""Sequences nested deeper are told without their items, so that every JSON reader can follow."""

_BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_SINGLE_TEXT_VRS = frozenset({"LT", "ST", "UT", "UR"})
_DECODED_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_NUMBER_FORMATS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
_WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_PN_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_PIXEL_REPRESENTATION = 0x00280103
_SIGNED_WITH_PIXELS = frozenset(
    {0x00280104, 0x00280105, 0x00280106, 0x00280107, 0x00280108, 0x00280109, 0x00280110, 0x00280111, 0x00280120,
     0x00280121, 0x00281101, 0x00281102, 0x00281103, 0x00283002}
)  # fmt: skip
"""VR "US or SS" in the dictionary: signed where PixelRepresentation is 1."""


@dataclass(frozen=True, slots=True)
class _Context:
    buffer: Buffer
    encoding: Encoding
    charsets: tuple[str, ...]
    signed_pixels: bool
    bulk_data_uri: Callable[[str], str]
    path: str
    depth: int


def data_set_json(
    data_set: Buffer, encoding: Encoding, *, bulk_data_uri: Callable[[str], str], end: int | None = None
) -> JsonDataSet:
    """A whole data set; ``bulk_data_uri`` makes the address of a value from its tag path (``54000100/0/54001010``).

    What cannot be read (a damaged sequence, the rest after it) is left out.
    """
    context = _Context(data_set, encoding, (), signed_pixels=False, bulk_data_uri=bulk_data_uri, path="", depth=0)
    return _elements(context, 0, len(data_set) if end is None else end)


def header_json(header: ObjectHeader, tags: Iterable[int]) -> JsonDataSet:
    """Chosen elements of an object's header, as the index keeps them."""
    found: JsonDataSet = {}
    for tag in tags:
        element = header.elements.get(tag)
        if element is None:
            continue
        raw = header.raw[tag]
        context = _Context(
            raw, header.encoding, header.charsets, signed_pixels=False, bulk_data_uri=str, path="", depth=0
        )
        found[tag_text(tag)] = _element(context, element._replace(offset=0, length=len(raw)))
    return found


def json_element(vr: str, *values: Json) -> JsonElement:
    """An element from values that are known."""
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def _elements(context: _Context, start: int, end: int) -> JsonDataSet:
    found: list[Element] = []
    with contextlib.suppress(DataSetError):
        for element in walk(context.buffer, context.encoding, start=start, end=end):
            found.append(element)
    for element in found:
        if element.tag == SPECIFIC_CHARACTER_SET:
            context = replace(context, charsets=declared_charsets(_raw(context, element)))
        elif element.tag == _PIXEL_REPRESENTATION:
            context = replace(context, signed_pixels=_raw(context, element)[:2] in (b"\x01\x00", b"\x00\x01"))
    return {tag_text(element.tag): _element(context, element) for element in found if element.tag & 0xFFFF}


def _element(context: _Context, element: Element) -> JsonElement:
    vr = element.vr
    if vr == "US" and context.signed_pixels and element.tag in _SIGNED_WITH_PIXELS and not element.inner.explicit_vr:
        vr = "SS"
    if not element.length:
        return {"vr": vr}
    if vr == "SQ":
        return _sequence(context, element)
    limit = INLINE_BYTES_MAX if vr in _BINARY_VRS else VALUE_BYTES_MAX
    if element.tag in PIXEL_TAGS or not element.defined or element.length > limit:
        return {"vr": vr, "BulkDataURI": context.bulk_data_uri(context.path + tag_text(element.tag))}
    raw = _raw(context, element)
    if vr in _BINARY_VRS:
        return {"vr": vr, "InlineBinary": base64.b64encode(_little_endian(raw, vr, context.encoding)).decode()}
    values = _values(raw, vr, context)
    return {"vr": vr, "Value": values} if any(value is not None for value in values) else {"vr": vr}


def _sequence(context: _Context, element: Element) -> JsonElement:
    if context.depth >= DEPTH_MAX:
        return {"vr": "SQ"}
    values: list[Json] = []
    try:
        for index, (start, end) in enumerate(items(context.buffer, element)):
            inside = replace(
                context,
                encoding=element.inner,
                path=f"{context.path}{tag_text(element.tag)}/{index}/",
                depth=context.depth + 1,
            )
            values.append(dict[str, Json](_elements(inside, start, end)))
    except DataSetError:
        return {"vr": "SQ"}
    return {"vr": "SQ", "Value": values} if values else {"vr": "SQ"}


def _raw(context: _Context, element: Element) -> bytes:
    return bytes(context.buffer[element.offset : element.offset + element.length])


def _values(raw: bytes, vr: str, context: _Context) -> list[Json]:
    if vr in _NUMBER_FORMATS:
        return _numbers(raw, _NUMBER_FORMATS[vr], context.encoding)
    if vr == "AT":
        order = ">" if context.encoding.big_endian else "<"
        pairs = struct.iter_unpack(order + "HH", raw[: len(raw) // 4 * 4])
        return [f"{group:04X}{number:04X}" for group, number in pairs]
    if vr in _DECODED_TEXT_VRS:
        text = decode_text(raw, context.charsets, person_name=vr == "PN")
    else:
        text = raw.decode("latin-1").rstrip("\0 ")
    if vr in _SINGLE_TEXT_VRS:
        return [text]
    parts = [part.strip(" \0") for part in text.split("\\")]
    if vr == "PN":
        return [_person_name(part) for part in parts]
    if vr == "IS":
        return [_integer(part) for part in parts]
    if vr == "DS":
        return [_decimal(part) for part in parts]
    return [part or None for part in parts]


def _numbers(raw: bytes, form: str, encoding: Encoding) -> list[Json]:
    size = struct.calcsize(form)
    count = len(raw) // size
    unpacked = struct.unpack_from((">" if encoding.big_endian else "<") + form * count, raw)
    return [_finite(value) if isinstance(value, float) else value for value in unpacked]


def _finite(value: float) -> Json:
    """Numbers that JSON cannot write become text (PS3.18 section F.2.2, note)."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("inf" if value > 0 else "-inf")


def _integer(text: str) -> Json:
    try:
        return int(text)
    except ValueError:
        return _decimal(text)


def _decimal(text: str) -> Json:
    if not text:
        return None
    try:
        return _finite(float(text))
    except ValueError:
        return text


def _person_name(text: str) -> Json:
    groups: dict[str, Json] = {
        name: part for name, part in zip(_PN_GROUPS, text.split("="), strict=False) if part.strip("^ ")
    }
    return groups or None


def _little_endian(raw: bytes, vr: str, encoding: Encoding) -> bytes:
    size = _WORD_BYTES.get(vr, 1)
    if not encoding.big_endian or size == 1 or len(raw) % size:
        return raw
    swapped = bytearray(len(raw))
    for index in range(size):
        swapped[index::size] = raw[size - 1 - index :: size]
    return bytes(swapped)
