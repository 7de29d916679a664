"""Storage commitment, push model (PS3.4 annex J): the request's and the report's data sets, and the verdict."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from radbridge.dicom_edge.domain.dataset import Buffer, DataSetError, items, walk
from radbridge.dicom_edge.domain.sop_classes import is_uid
from radbridge.dicom_edge.domain.statuses import FailureReason
from radbridge.dicom_edge.domain.transfer_syntaxes import Encoding, encoding_of

REQUEST_ACTION_TYPE = 1
ALL_COMMITTED = 1
FAILURES_EXIST = 2
REFERENCES_MAX = 100_000

_TRANSACTION_UID = 0x00081195
_FAILURE_REASON = 0x00081197
_FAILED_SOP_SEQUENCE = 0x00081198
_REFERENCED_SOP_SEQUENCE = 0x00081199
_REFERENCED_SOP_CLASS_UID = 0x00081150
_REFERENCED_SOP_INSTANCE_UID = 0x00081155


@dataclass(frozen=True, slots=True)
class Reference:
    """One object that the peer asks about."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class CommitmentRequest:
    """Action Information of the N-ACTION."""

    transaction_uid: str
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """An object as the index has it."""

    sop_class_uid: str
    quarantined: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is committed and what is not, in the order asked."""

    committed: tuple[Reference, ...]
    failed: tuple[tuple[Reference, FailureReason], ...]

    @property
    def event_type_id(self) -> int:
        """Event Type ID of the report."""
        return FAILURES_EXIST if self.failed else ALL_COMMITTED


def read_request(data_set: Buffer, transfer_syntax_uid: str) -> CommitmentRequest:
    """Action Information of a request.

    :raises DataSetError: it is malformed, has no transaction UID, or names nothing or too much.
    """
    encoding = encoding_of(transfer_syntax_uid, bytes(data_set[:8]))
    transaction_uid = ""
    references: list[Reference] = []
    for element in walk(data_set, encoding):
        if element.tag == _TRANSACTION_UID:
            transaction_uid = _uid(data_set, element.offset, element.length)
        elif element.tag == _REFERENCED_SOP_SEQUENCE and element.vr == "SQ":
            for start, end in items(data_set, element):
                references.append(_reference(data_set, encoding, start, end))
                if len(references) > REFERENCES_MAX:
                    raise DataSetError("too many objects in one request")
    if not is_uid(transaction_uid):
        raise DataSetError("TransactionUID is missing or is no UID")
    if not references:
        raise DataSetError("ReferencedSOPSequence names no object")
    return CommitmentRequest(transaction_uid, tuple(references))


def judge(references: Sequence[Reference], held: Mapping[str, Held]) -> Verdict:
    """Only what is durable and served is committed."""
    committed: list[Reference] = []
    failed: list[tuple[Reference, FailureReason]] = []
    for reference in references:
        there = held.get(reference.sop_instance_uid)
        if there is None:
            failed.append((reference, FailureReason.NO_SUCH_OBJECT_INSTANCE))
        elif there.quarantined:
            failed.append((reference, FailureReason.PROCESSING_FAILURE))
        elif there.sop_class_uid != reference.sop_class_uid:
            failed.append((reference, FailureReason.CLASS_INSTANCE_CONFLICT))
        else:
            committed.append(reference)
    return Verdict(tuple(committed), tuple(failed))


def encode_report(transaction_uid: str, verdict: Verdict, transfer_syntax_uid: str) -> bytes:
    """Event Information of the N-EVENT-REPORT."""
    encoding = encoding_of(transfer_syntax_uid, b"")
    parts = [_element(encoding, _TRANSACTION_UID, b"UI", _ui(transaction_uid))]
    if verdict.failed:
        parts.append(_sequence(encoding, _FAILED_SOP_SEQUENCE, _failed_items(encoding, verdict)))
    if verdict.committed:
        committed = (_reference_item(encoding, reference) for reference in verdict.committed)
        parts.append(_sequence(encoding, _REFERENCED_SOP_SEQUENCE, committed))
    return b"".join(parts)


def _failed_items(encoding: Encoding, verdict: Verdict) -> Iterator[bytes]:
    for reference, reason in verdict.failed:
        yield _reference_item(encoding, reference) + _element(
            encoding, _FAILURE_REASON, b"US", struct.pack("<H", reason)
        )


def _reference(data_set: Buffer, encoding: Encoding, start: int, end: int) -> Reference:
    values = {
        element.tag: _uid(data_set, element.offset, element.length)
        for element in walk(data_set, encoding, start=start, end=end)
    }
    return Reference(values.get(_REFERENCED_SOP_CLASS_UID, ""), values.get(_REFERENCED_SOP_INSTANCE_UID, ""))


def _reference_item(encoding: Encoding, reference: Reference) -> bytes:
    return _element(encoding, _REFERENCED_SOP_CLASS_UID, b"UI", _ui(reference.sop_class_uid)) + _element(
        encoding, _REFERENCED_SOP_INSTANCE_UID, b"UI", _ui(reference.sop_instance_uid)
    )


def _sequence(encoding: Encoding, tag: int, contents: Iterator[bytes]) -> bytes:
    value = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(content)) + content for content in contents)
    return _element(encoding, tag, b"SQ", value)


def _element(encoding: Encoding, tag: int, vr: bytes, value: bytes) -> bytes:
    start = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not encoding.explicit_vr:
        return start + struct.pack("<I", len(value)) + value
    if vr == b"SQ":
        return start + vr + struct.pack("<HI", 0, len(value)) + value
    return start + vr + struct.pack("<H", len(value)) + value


def _ui(uid: str) -> bytes:
    data = uid.encode("ascii", "replace")[:64]
    return data + b"\0" * (len(data) % 2)


def _uid(data_set: Buffer, offset: int, length: int) -> str:
    return bytes(data_set[offset : offset + min(length, 65)]).decode("ascii", "replace").rstrip("\0 ")
