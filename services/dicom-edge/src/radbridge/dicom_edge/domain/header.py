"""What the index needs to know of an object, read from its data set in one walk."""

import contextlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from radbridge.dicom_edge.domain.dataset import PIXEL_TAGS, Buffer, DataSetError, Element, walk
from radbridge.dicom_edge.domain.sop_classes import is_uid
from radbridge.dicom_edge.domain.text import declared_charsets, decode_text
from radbridge.dicom_edge.domain.transfer_syntaxes import Encoding, encoding_of, is_deflated

SPECIFIC_CHARACTER_SET = 0x00080005
SOP_CLASS_UID = 0x00080016
SOP_INSTANCE_UID = 0x00080018
STUDY_DATE = 0x00080020
STUDY_TIME = 0x00080030
ACCESSION_NUMBER = 0x00080050
MODALITY = 0x00080060
REFERRING_PHYSICIAN_NAME = 0x00080090
PATIENT_NAME = 0x00100010
PATIENT_ID = 0x00100020
STUDY_INSTANCE_UID = 0x0020000D
SERIES_INSTANCE_UID = 0x0020000E
STUDY_ID = 0x00200010
SERIES_NUMBER = 0x00200011
INSTANCE_NUMBER = 0x00200013
NUMBER_OF_FRAMES = 0x00280008
SAMPLES_PER_PIXEL = 0x00280002
PHOTOMETRIC_INTERPRETATION = 0x00280004
ROWS = 0x00280010
COLUMNS = 0x00280011
BITS_ALLOCATED = 0x00280100

STUDY_TAGS: tuple[int, ...] = (
    STUDY_DATE,
    STUDY_TIME,
    ACCESSION_NUMBER,
    0x00080080,  # InstitutionName
    REFERRING_PHYSICIAN_NAME,
    0x00080201,  # TimezoneOffsetFromUTC
    0x00081030,  # StudyDescription
    PATIENT_NAME,
    PATIENT_ID,
    0x00100021,  # IssuerOfPatientID
    0x00100030,  # PatientBirthDate
    0x00100040,  # PatientSex
    0x00101010,  # PatientAge
    STUDY_INSTANCE_UID,
    STUDY_ID,
)
SERIES_TAGS: tuple[int, ...] = (
    0x00080021,  # SeriesDate
    0x00080031,  # SeriesTime
    MODALITY,
    0x00080070,  # Manufacturer
    0x0008103E,  # SeriesDescription
    0x00180015,  # BodyPartExamined
    0x00181030,  # ProtocolName
    SERIES_INSTANCE_UID,
    SERIES_NUMBER,
    0x00200060,  # Laterality
    0x00400244,  # PerformedProcedureStepStartDate
    0x00400245,  # PerformedProcedureStepStartTime
)
INSTANCE_TAGS: tuple[int, ...] = (
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    INSTANCE_NUMBER,
    NUMBER_OF_FRAMES,
    ROWS,
    COLUMNS,
    BITS_ALLOCATED,
)
_PIXEL_MODULE_TAGS = (SAMPLES_PER_PIXEL, PHOTOMETRIC_INTERPRETATION)
_EXTENDED_OFFSET_TABLE = 0x7FE00001
_EXTENDED_OFFSET_TABLE_LENGTHS = 0x7FE00002
_WANTED = frozenset((SPECIFIC_CHARACTER_SET, *STUDY_TAGS, *SERIES_TAGS, *INSTANCE_TAGS, *_PIXEL_MODULE_TAGS))

INFLATED_MAX = 256 << 20
"""Bytes of a deflated data set that are inflated at most."""
INFLATION_MAX = 1032
"""Times that deflated data can grow (RFC 1951: 258 bytes from two bits)."""
_INFLATED_AT_ONCE = 1 << 20
_OFFSET_TABLE_MAX = 8 << 20
_VALUE_MAX = 4096
"""Longer values of wanted elements are no such values."""


@dataclass(frozen=True, slots=True)
class PixelLocation:
    """Where pixel data lies, in bytes from the start of the data set."""

    tag: int
    offset: int
    length: int
    encapsulated: bool


@dataclass(frozen=True, slots=True)
class ObjectHeader:
    """Identity of an object and the elements the index keeps."""

    transfer_syntax_uid: str
    encoding: Encoding
    charsets: tuple[str, ...]
    raw: dict[int, bytes]
    """Values of the wanted elements as encoded."""
    elements: dict[int, Element]
    pixel: PixelLocation | None

    def text(self, tag: int) -> str:
        """First value of an element as text; empty where there is none."""
        raw = self.raw.get(tag, b"")
        return decode_text(raw, self.charsets, person_name=tag == PATIENT_NAME).split("\\")[0].strip()

    def uid(self, tag: int) -> str:
        """A UID as written; empty where there is none."""
        return self.raw.get(tag, b"").decode("ascii", "replace").rstrip("\0 ").strip()

    def number(self, tag: int) -> int | None:
        """An IS or US value; ``None`` where it is missing or no number."""
        raw = self.raw.get(tag, b"")
        element = self.elements.get(tag)
        if element is not None and element.vr in ("US", "SS", "UL", "SL"):
            order = "big" if self.encoding.big_endian else "little"
            return int.from_bytes(raw[: 2 if element.vr in ("US", "SS") else 4], order) if raw else None
        try:
            return int(float(raw.decode("ascii").split("\\")[0].strip("\0 ")))
        except (ValueError, OverflowError):
            return None

    def identity_fault(self) -> str | None:
        """Why the object cannot be told from others, or ``None``."""
        for tag, name in (
            (SOP_CLASS_UID, "SOPClassUID"),
            (SOP_INSTANCE_UID, "SOPInstanceUID"),
            (STUDY_INSTANCE_UID, "StudyInstanceUID"),
            (SERIES_INSTANCE_UID, "SeriesInstanceUID"),
        ):
            uid = self.uid(tag)
            if not uid:
                return f"{name} is missing"
            if not is_uid(uid):
                return f"{name} is not a UID"
        return None


class Inflater:
    """Inflates a data set that comes in parts, to at most ``INFLATED_MAX`` bytes.

    :raises DataSetError: in ``feed``, it is not deflated data or too large; in ``close``, it ends early.
    """

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._size = 0

    def feed(self, data: Buffer) -> Iterator[bytes]:
        """What the next bytes bring."""
        more = True
        while more and not self._inflater.eof:
            try:
                clear = self._inflater.decompress(data, _INFLATED_AT_ONCE)
            except zlib.error as error:
                raise DataSetError("the deflated data set cannot be inflated") from error
            self._size += len(clear)
            if self._size > INFLATED_MAX:
                raise DataSetError("the deflated data set is too large")
            yield clear
            data = self._inflater.unconsumed_tail
            more = len(data) > 0 or len(clear) == _INFLATED_AT_ONCE

    def close(self) -> None:
        """The data ended."""
        if not self._inflater.eof:
            raise DataSetError("the deflated data set ends early")


def inflate(data: Buffer) -> Buffer:
    """A deflated data set in clear, at most ``INFLATED_MAX`` bytes of it.

    :raises DataSetError: it is not deflated data, ends early, or is too large.
    """
    inflater, clear = Inflater(), bytearray()
    view = memoryview(data)
    for start in range(0, len(view), _INFLATED_AT_ONCE):
        for piece in inflater.feed(view[start : start + _INFLATED_AT_ONCE]):
            clear += piece
    inflater.close()
    return clear


def read_header(data_set: Buffer, transfer_syntax_uid: str) -> ObjectHeader:
    """Walk an object's data set to its end and keep what the index wants.

    :raises DataSetError: the bytes are no data set, or it is cut short.
    """
    clear: Buffer = inflate(data_set) if is_deflated(transfer_syntax_uid) else data_set
    encoding = encoding_of(transfer_syntax_uid, bytes(clear[:8]))
    raw: dict[int, bytes] = {}
    elements: dict[int, Element] = {}
    pixel: PixelLocation | None = None
    for element in _elements(clear, encoding):
        if element.tag in _WANTED and element.length <= _VALUE_MAX:
            raw[element.tag] = bytes(clear[element.offset : element.offset + element.length])
            elements[element.tag] = element
        elif element.tag in PIXEL_TAGS:
            pixel = PixelLocation(element.tag, element.offset, element.length, encapsulated=not element.defined)
    if not elements:
        raise DataSetError("the data set holds no known element")
    charsets = declared_charsets(raw.get(SPECIFIC_CHARACTER_SET, b""))
    return ObjectHeader(transfer_syntax_uid, encoding, charsets, raw, elements, pixel)


def offset_table(header: Buffer, encoding: Encoding) -> tuple[bytes, bytes] | None:
    """Extended Offset Table and its lengths (7FE0,0001) and (7FE0,0002), from a data set cut off at its pixel data."""
    tables: dict[int, bytes] = {}
    with contextlib.suppress(DataSetError):
        for element in walk(header, encoding):
            is_table = element.tag in (_EXTENDED_OFFSET_TABLE, _EXTENDED_OFFSET_TABLE_LENGTHS)
            if is_table and element.length <= _OFFSET_TABLE_MAX:
                tables[element.tag] = bytes(header[element.offset : element.offset + element.length])
    if len(tables) < 2:
        return None
    return tables[_EXTENDED_OFFSET_TABLE], tables[_EXTENDED_OFFSET_TABLE_LENGTHS]


def _elements(data_set: Buffer, encoding: Encoding) -> Iterator[Element]:
    if not len(data_set):
        raise DataSetError("the data set is empty")
    yield from walk(data_set, encoding)
