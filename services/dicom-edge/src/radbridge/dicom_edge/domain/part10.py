"""File Meta Information: the Part 10 header in front of a stored data set (PS3.10 section 7.1)."""

import struct
from dataclasses import dataclass

from radbridge.dicom_edge.domain.dataset import Buffer, DataSetError, walk
from radbridge.dicom_edge.domain.sop_classes import is_uid
from radbridge.dicom_edge.domain.transfer_syntaxes import EXPLICIT_LITTLE

PREAMBLE_BYTES = 128
MAGIC = b"DICM"
IMPLEMENTATION_CLASS_UID = "2.25.190433838293917286478519326419817042305"
IMPLEMENTATION_VERSION_NAME = "RADBRIDGE_1"

_GROUP_LENGTH_BYTES = 12
_MEDIA_STORAGE_SOP_CLASS_UID = 0x00020002
_MEDIA_STORAGE_SOP_INSTANCE_UID = 0x00020003
_TRANSFER_SYNTAX_UID = 0x00020010
_META_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What the header of a Part 10 file says."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set_offset: int
    """Bytes before the data set."""


def encode_file_meta(
    *, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, source_ae_title: str = ""
) -> bytes:
    """Preamble, prefix and File Meta Information for a data set."""
    meta = b"".join(
        (
            b"\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01",
            _element(0x0002, b"UI", sop_class_uid, b"\0"),
            _element(0x0003, b"UI", sop_instance_uid, b"\0"),
            _element(0x0010, b"UI", transfer_syntax_uid, b"\0"),
            _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID, b"\0"),
            _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME, b" "),
            _element(0x0016, b"AE", source_ae_title, b" ") if source_ae_title else b"",
        )
    )
    return bytes(PREAMBLE_BYTES) + MAGIC + b"\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(meta)) + meta


def read_file_meta(file: Buffer) -> FileMeta:
    """Header of a Part 10 file.

    :raises DataSetError: there is no preamble, no File Meta Information, or no transfer syntax in it.
    """
    start = PREAMBLE_BYTES + len(MAGIC)
    if len(file) < start + _GROUP_LENGTH_BYTES or bytes(file[PREAMBLE_BYTES:start]) != MAGIC:
        raise DataSetError("not a DICOM Part 10 file: no DICM prefix")
    values: dict[int, str] = {}
    offset = start
    for element in walk(file[: start + _META_MAX], EXPLICIT_LITTLE, start=start, end=_meta_end(file, start)):
        values[element.tag] = (
            bytes(file[element.offset : element.offset + element.length]).decode("ascii", "replace").rstrip("\0 ")
            if element.length <= _GROUP_LENGTH_BYTES * 8
            else ""
        )
        offset = element.offset + element.length
    transfer_syntax_uid = values.get(_TRANSFER_SYNTAX_UID, "")
    if not is_uid(transfer_syntax_uid):
        raise DataSetError("the File Meta Information names no TransferSyntaxUID")
    return FileMeta(
        sop_class_uid=values.get(_MEDIA_STORAGE_SOP_CLASS_UID, ""),
        sop_instance_uid=values.get(_MEDIA_STORAGE_SOP_INSTANCE_UID, ""),
        transfer_syntax_uid=transfer_syntax_uid,
        data_set_offset=offset,
    )


def _meta_end(file: Buffer, start: int) -> int:
    """Where group 0002 ends, found by its elements: group lengths of devices in use are not always right."""
    position = start
    limit = min(len(file), start + _META_MAX)
    while position + 8 <= limit and bytes(file[position : position + 2]) == b"\x02\x00":
        long = bytes(file[position + 4 : position + 6]) in (b"OB", b"OW", b"UN", b"UT", b"SQ")
        header, form = (12, "<I") if long else (8, "<H")
        if position + header > limit:
            break
        position += header + struct.unpack_from(form, file, position + header - struct.calcsize(form))[0]
    if position > len(file):
        raise DataSetError("the File Meta Information is cut short")
    return position


def _element(number: int, vr: bytes, value: str, padding: bytes) -> bytes:
    data = value.encode("ascii", "replace")
    data += padding * (len(data) % 2)
    return struct.pack("<HH2sH", 0x0002, number, vr, len(data)) + data
