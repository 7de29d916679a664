"""A-ASSOCIATE, A-RELEASE and A-ABORT PDUs (PS3.8 section 9.3), as far as an acceptor needs them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from radbridge.dicom_edge.domain.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

APPLICATION_CONTEXT_NAME = "1.2.840.10008.3.1.1.1"
_FIXED_BYTES = 68
_PROTOCOL_VERSION = 1


class PduType(IntEnum):
    """PDU types (PS3.8 section 9.3.1)."""

    ASSOCIATE_RQ = 0x01
    ASSOCIATE_AC = 0x02
    ASSOCIATE_RJ = 0x03
    P_DATA_TF = 0x04
    RELEASE_RQ = 0x05
    RELEASE_RP = 0x06
    ABORT = 0x07


class _Item(IntEnum):
    APPLICATION_CONTEXT = 0x10
    PRESENTATION_CONTEXT_RQ = 0x20
    PRESENTATION_CONTEXT_AC = 0x21
    ABSTRACT_SYNTAX = 0x30
    TRANSFER_SYNTAX = 0x40
    USER_INFORMATION = 0x50
    MAXIMUM_LENGTH = 0x51
    IMPLEMENTATION_CLASS_UID = 0x52
    ROLE_SELECTION = 0x54
    IMPLEMENTATION_VERSION_NAME = 0x55


class ContextResult(IntEnum):
    """Result of one presentation context (PS3.8 table 9-18)."""

    ACCEPTANCE = 0
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an association is refused (PS3.8 table 9-21)."""

    result: int
    source: int
    reason: int


CALLING_AE_NOT_RECOGNIZED = Rejection(1, 1, 3)
CALLED_AE_NOT_RECOGNIZED = Rejection(1, 1, 7)
APPLICATION_CONTEXT_NOT_SUPPORTED = Rejection(1, 1, 2)
PROTOCOL_VERSION_NOT_SUPPORTED = Rejection(1, 2, 2)
LOCAL_LIMIT_EXCEEDED = Rejection(2, 3, 2)


class AbortReason(IntEnum):
    """Reasons of an abort by the service provider (PS3.8 table 9-26)."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNEXPECTED_PDU_PARAMETER = 5
    INVALID_PDU_PARAMETER = 6


class PduError(ValueError):
    """A PDU cannot be read."""

    def __init__(self, text: str, reason: AbortReason = AbortReason.INVALID_PDU_PARAMETER) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context as proposed."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: list[str]


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """An A-ASSOCIATE-RQ."""

    protocol_version: int
    called_ae_title: str
    calling_ae_title: str
    ae_titles_as_sent: bytes
    """Both titles and the reserved bytes after them, to be sent back (PS3.8 table 9-17)."""
    application_context_name: str
    contexts: tuple[ProposedContext, ...]
    maximum_length: int = 0
    """Longest P-DATA-TF the requestor takes; 0 is no limit."""
    role_selections: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """SOP Class to proposed (SCU, SCP) roles."""

    @property
    def speaks_our_version(self) -> bool:
        """Whether version 1 of the protocol is among those offered."""
        return bool(self.protocol_version & _PROTOCOL_VERSION)


@dataclass(frozen=True, slots=True)
class ContextAnswer:
    """The answer to one presentation context."""

    context_id: int
    result: ContextResult
    abstract_syntax: str
    transfer_syntax: str


def decode_associate_rq(body: bytes) -> AssociateRequest:
    """Body of an A-ASSOCIATE-RQ, what follows the six bytes of the PDU header.

    :raises PduError: it is malformed.
    """
    if len(body) < _FIXED_BYTES:
        raise PduError("A-ASSOCIATE-RQ is cut short")
    application_context = ""
    contexts: list[ProposedContext] = []
    maximum_length = 0
    roles: dict[str, tuple[int, int]] = {}
    for kind, value in _items(body[_FIXED_BYTES:]):
        if kind == _Item.APPLICATION_CONTEXT:
            application_context = _uid(value)
        elif kind == _Item.PRESENTATION_CONTEXT_RQ:
            contexts.append(_context(value))
        elif kind == _Item.USER_INFORMATION:
            for sub_kind, sub_value in _items(value):
                if sub_kind == _Item.MAXIMUM_LENGTH and len(sub_value) == 4:
                    (maximum_length,) = struct.unpack(">I", sub_value)
                elif sub_kind == _Item.ROLE_SELECTION:
                    uid, role = _role(sub_value)
                    roles[uid] = role
    if len({context.context_id for context in contexts}) != len(contexts):
        raise PduError("a presentation context id is used twice")
    return AssociateRequest(
        protocol_version=struct.unpack_from(">H", body)[0],
        called_ae_title=_ae_title(body[4:20]),
        calling_ae_title=_ae_title(body[20:36]),
        ae_titles_as_sent=body[4:_FIXED_BYTES],
        application_context_name=application_context,
        contexts=tuple(contexts),
        maximum_length=maximum_length,
        role_selections=roles,
    )


def encode_associate_ac(
    request: AssociateRequest,
    answers: tuple[ContextAnswer, ...],
    roles: dict[str, tuple[int, int]],
    maximum_length: int,
) -> bytes:
    """An A-ASSOCIATE-AC that answers the request."""
    user_information = b"".join(
        (
            _item(_Item.MAXIMUM_LENGTH, struct.pack(">I", maximum_length)),
            _item(_Item.IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_CLASS_UID.encode()),
            *(
                _item(_Item.ROLE_SELECTION, struct.pack(">H", len(uid)) + uid.encode() + bytes(role))
                for uid, role in roles.items()
            ),
            _item(_Item.IMPLEMENTATION_VERSION_NAME, IMPLEMENTATION_VERSION_NAME.encode()),
        )
    )
    body = b"".join(
        (
            struct.pack(">HH", _PROTOCOL_VERSION, 0),
            request.ae_titles_as_sent,
            _item(_Item.APPLICATION_CONTEXT, APPLICATION_CONTEXT_NAME.encode()),
            *(
                _item(
                    _Item.PRESENTATION_CONTEXT_AC,
                    struct.pack(">BBBB", answer.context_id, 0, answer.result, 0)
                    + _item(_Item.TRANSFER_SYNTAX, answer.transfer_syntax.encode()),
                )
                for answer in answers
            ),
            _item(_Item.USER_INFORMATION, user_information),
        )
    )
    return pdu(PduType.ASSOCIATE_AC, body)


def encode_associate_rj(rejection: Rejection) -> bytes:
    """An A-ASSOCIATE-RJ."""
    return pdu(PduType.ASSOCIATE_RJ, bytes((0, rejection.result, rejection.source, rejection.reason)))


def encode_release_rp() -> bytes:
    """An A-RELEASE-RP."""
    return pdu(PduType.RELEASE_RP, bytes(4))


def encode_abort(reason: AbortReason) -> bytes:
    """An A-ABORT by the service provider."""
    return pdu(PduType.ABORT, bytes((0, 0, 2, reason)))


def pdu(kind: PduType, body: bytes) -> bytes:
    """A PDU with its header."""
    return struct.pack(">BBI", kind, 0, len(body)) + body


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        if position + 4 > len(data):
            raise PduError("an item header is cut short")
        kind, _, length = struct.unpack_from(">BBH", data, position)
        position += 4
        if position + length > len(data):
            raise PduError("an item is cut short")
        yield kind, data[position : position + length]
        position += length


def _context(value: bytes) -> ProposedContext:
    if len(value) < 4 or not value[0] % 2:
        raise PduError("a presentation context has no valid id")
    abstract_syntax = ""
    transfer_syntaxes: list[str] = []
    for kind, data in _items(value[4:]):
        if kind == _Item.ABSTRACT_SYNTAX:
            abstract_syntax = _uid(data)
        elif kind == _Item.TRANSFER_SYNTAX:
            transfer_syntaxes.append(_uid(data))
    if not transfer_syntaxes:
        raise PduError("a presentation context proposes no transfer syntax")
    return ProposedContext(value[0], abstract_syntax, transfer_syntaxes)


def _role(value: bytes) -> tuple[str, tuple[int, int]]:
    if len(value) < 4:
        raise PduError("a role selection is cut short")
    (length,) = struct.unpack_from(">H", value)
    if len(value) != 4 + length:
        raise PduError("a role selection has a wrong length")
    return _uid(value[2 : 2 + length]), (value[-2], value[-1])


def _item(kind: _Item, value: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(value)) + value


def _uid(value: bytes) -> str:
    return value.decode("ascii", "replace").rstrip("\0 ")


def _ae_title(value: bytes) -> str:
    return value.decode("ascii", "replace").strip("\0 ")
