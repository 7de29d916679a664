"""DIMSE command sets (PS3.7 section 6.3 and annex E): group 0000, implicit VR little endian."""

import struct
from dataclasses import dataclass
from enum import IntEnum

from radbridge.dicom_edge.scp.association_pdu import PduError

NO_DATA_SET = 0x0101
_DATA_SET_FOLLOWS = 0x0001
_RESPONSE = 0x8000

_GROUP_LENGTH = 0x0000
_AFFECTED_SOP_CLASS_UID = 0x0002
_REQUESTED_SOP_CLASS_UID = 0x0003
_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_MESSAGE_ID_BEING_RESPONDED_TO = 0x0120
_COMMAND_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_ERROR_COMMENT = 0x0902
_AFFECTED_SOP_INSTANCE_UID = 0x1000
_REQUESTED_SOP_INSTANCE_UID = 0x1001
_EVENT_TYPE_ID = 0x1002
_ACTION_TYPE_ID = 0x1008
_ERROR_COMMENT_MAX = 64


class CommandField(IntEnum):
    """Command Field (0000,0100) values that are understood."""

    C_STORE_RQ = 0x0001
    C_ECHO_RQ = 0x0030
    C_CANCEL_RQ = 0x0FFF
    N_EVENT_REPORT_RQ = 0x0100
    N_EVENT_REPORT_RSP = 0x8100
    N_ACTION_RQ = 0x0130


@dataclass(frozen=True, slots=True)
class Command:
    """A command set as received."""

    values: dict[int, bytes]

    @property
    def field(self) -> int:
        """Command Field."""
        return self._number(_COMMAND_FIELD)

    @property
    def is_response(self) -> bool:
        """Whether it answers a request of ours."""
        return bool(self.field & _RESPONSE)

    @property
    def message_id(self) -> int:
        """Message ID of a request."""
        return self._number(_MESSAGE_ID)

    @property
    def message_id_being_responded_to(self) -> int:
        """The request of ours that a response answers."""
        return self._number(_MESSAGE_ID_BEING_RESPONDED_TO)

    @property
    def has_data_set(self) -> bool:
        """Whether a data set follows."""
        return self._number(_COMMAND_DATA_SET_TYPE, NO_DATA_SET) != NO_DATA_SET

    @property
    def status(self) -> int:
        """Status of a response."""
        return self._number(_STATUS)

    @property
    def action_type_id(self) -> int:
        """Action Type ID of an N-ACTION."""
        return self._number(_ACTION_TYPE_ID)

    @property
    def sop_class_uid(self) -> str:
        """Affected or Requested SOP Class UID."""
        return self._uid(_AFFECTED_SOP_CLASS_UID) or self._uid(_REQUESTED_SOP_CLASS_UID)

    @property
    def sop_instance_uid(self) -> str:
        """Affected or Requested SOP Instance UID."""
        return self._uid(_AFFECTED_SOP_INSTANCE_UID) or self._uid(_REQUESTED_SOP_INSTANCE_UID)

    def _number(self, element: int, default: int = 0) -> int:
        raw = self.values.get(element, b"")
        return int.from_bytes(raw[:2], "little") if raw else default

    def _uid(self, element: int) -> str:
        return self.values.get(element, b"").decode("ascii", "replace").rstrip("\0 ")


def decode_command(data: bytes) -> Command:
    """A command set.

    :raises PduError: it is malformed.
    """
    values: dict[int, bytes] = {}
    position = 0
    while position < len(data):
        if position + 8 > len(data):
            raise PduError("the command set is cut short")
        group, element, length = struct.unpack_from("<HHI", data, position)
        position += 8
        if group or position + length > len(data):
            raise PduError("the command set is malformed")
        values[element] = data[position : position + length]
        position += length
    if _COMMAND_FIELD not in values:
        raise PduError("the command set has no command field")
    return Command(values)


def encode_response(request: Command, status: int, *, comment: str = "") -> bytes:
    """Response to a request: its identifiers, a status and, for failures, an Error Comment."""
    elements = [
        (_COMMAND_FIELD, _us(request.field | _RESPONSE)),
        (_MESSAGE_ID_BEING_RESPONDED_TO, _us(request.message_id)),
        (_COMMAND_DATA_SET_TYPE, _us(NO_DATA_SET)),
        (_STATUS, _us(status)),
    ]
    if request.sop_class_uid:
        elements.append((_AFFECTED_SOP_CLASS_UID, _ui(request.sop_class_uid)))
    if request.sop_instance_uid:
        elements.append((_AFFECTED_SOP_INSTANCE_UID, _ui(request.sop_instance_uid)))
    if request.field == CommandField.N_ACTION_RQ:
        elements.append((_ACTION_TYPE_ID, _us(request.action_type_id)))
    if comment:
        elements.append((_ERROR_COMMENT, _lo(comment)))
    return _encode(elements)


def encode_n_event_report_rq(message_id: int, sop_class_uid: str, sop_instance_uid: str, event_type_id: int) -> bytes:
    """Command set of an N-EVENT-REPORT request with a data set."""
    return _encode(
        [
            (_AFFECTED_SOP_CLASS_UID, _ui(sop_class_uid)),
            (_COMMAND_FIELD, _us(CommandField.N_EVENT_REPORT_RQ)),
            (_MESSAGE_ID, _us(message_id)),
            (_COMMAND_DATA_SET_TYPE, _us(_DATA_SET_FOLLOWS)),
            (_AFFECTED_SOP_INSTANCE_UID, _ui(sop_instance_uid)),
            (_EVENT_TYPE_ID, _us(event_type_id)),
        ]
    )


def _encode(elements: list[tuple[int, bytes]]) -> bytes:
    body = b"".join(struct.pack("<HHI", 0, element, len(value)) + value for element, value in sorted(elements))
    return struct.pack("<HHII", 0, _GROUP_LENGTH, 4, len(body)) + body


def _us(value: int) -> bytes:
    return struct.pack("<H", value)


def _ui(uid: str) -> bytes:
    data = uid.encode("ascii", "replace")
    return data + b"\0" * (len(data) % 2)


def _lo(text: str) -> bytes:
    data = text.encode("ascii", "replace")[:_ERROR_COMMENT_MAX]
    return data + b" " * (len(data) % 2)
