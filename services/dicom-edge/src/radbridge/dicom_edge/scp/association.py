"""One association from its request to its end (PS3.8 section 9.2, the acceptor's side)."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from radbridge.dicom_edge.domain.sop_classes import Service, service_of
from radbridge.dicom_edge.domain.statuses import UNRECOGNIZED_OPERATION, StoreStatus
from radbridge.dicom_edge.scp.association_pdu import (
    LOCAL_LIMIT_EXCEEDED,
    AbortReason,
    AssociateRequest,
    ContextAnswer,
    ContextResult,
    PduError,
    PduType,
    Rejection,
    decode_associate_rq,
    encode_abort,
    encode_associate_ac,
    encode_associate_rj,
    encode_release_rp,
)
from radbridge.dicom_edge.scp.connection import (
    COMMAND_FRAGMENT,
    LAST_FRAGMENT,
    Connection,
    Disconnected,
    Idle,
    fragments_of,
)
from radbridge.dicom_edge.scp.dimse import Command, CommandField, decode_command, encode_response
from radbridge.dicom_edge.scp.negotiation import Acceptance, FindPeer, Peer, negotiate

_COMMAND_SET_MAX = 64 << 10
_DATA_SET_IN_MEMORY_MAX = 16 << 20
"""Of messages other than C-STORE."""
_LAST_WORD_SECONDS = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end."""

    peer: Peer
    ae_title: str
    address: str


class ObjectSink(Protocol):
    """Takes the data set of one C-STORE as it arrives."""

    def write(self, data: memoryview) -> None:
        """The next bytes."""
        ...

    def finish(self) -> tuple[StoreStatus, str]:
        """All bytes were written: status and, for failures, a comment. Blocks until the object is durable."""
        ...

    def close(self) -> None:
        """Forget the object unless ``finish`` succeeded."""
        ...


class Report(Protocol):
    """A storage commitment report that waits for its way to the peer."""

    def messages(self, message_id: int) -> tuple[bytes, bytes]:
        """Command set and data set of the N-EVENT-REPORT."""
        ...

    def delivered(self) -> None:
        """The peer answered it."""
        ...

    def returned(self) -> None:
        """The association ended without an answer."""
        ...


class Session(Protocol):
    """What one association can do for its peer. All of it is called in the association's thread and may block."""

    def store(self, command: Command, transfer_syntax_uid: str) -> ObjectSink:
        """An object begins."""
        ...

    def commit(self, command: Command, data_set: bytes, transfer_syntax_uid: str) -> tuple[int, list[Report]]:
        """N-ACTION of storage commitment: status, and the reports to send now."""
        ...

    def pending_reports(self, transfer_syntax_uid: str) -> list[Report]:
        """Reports of earlier requests that the peer has not had yet."""
        ...

    def ended(self) -> None:
        """The association is over."""
        ...


OpenSession = Callable[[Caller], Session]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much."""

    idle_seconds: float
    stall_seconds: float
    pdu_length_max: int
    report_delay_seconds: float = 0.1
    """A peer that stays silent so long after its request waits for the report on this association."""


@dataclass(slots=True)
class _Message:
    """A DIMSE message that is arriving."""

    context_id: int
    command_bytes: bytearray = field(default_factory=bytearray)
    command: Command | None = None
    data_set: bytearray = field(default_factory=bytearray)
    sink: ObjectSink | None = None


class Association:
    """Runs one association; ``run`` returns when it is over.

    :param has_room: whether one more association may be accepted.
    """

    def __init__(
        self,
        connection: Connection,
        address: str,
        *,
        find_peer: FindPeer,
        has_room: Callable[[], bool],
        open_session: OpenSession,
        limits: Limits,
    ) -> None:
        self._connection = connection
        self._address = address
        self._find_peer = find_peer
        self._has_room = has_room
        self._open_session = open_session
        self._session: Session | None = None
        self._limits = limits
        self._contexts: dict[int, ContextAnswer] = {}
        self._peer_maximum_length = 0
        self._message: _Message | None = None
        self._reports: list[tuple[int, Report]] = []
        """Waiting to be sent, with the presentation context to use."""
        self._sent_report: tuple[int, Report] | None = None
        """Sent, with its message id, and not answered yet."""
        self._last_message_id = 0

    def run(self) -> None:
        """Serve the peer until it releases, aborts, leaves or is cut off."""
        try:
            session = self._session = self._establish()
            if session is not None:
                self._serve(session)
        except (PduError, Idle) as error:
            reason = error.reason if isinstance(error, PduError) else AbortReason.NOT_SPECIFIED
            self._abort(reason, str(error) or "idle")
        except Disconnected:
            _log.info("association lost", extra={"peer": self._address})
        except Exception:
            _log.exception("association failed", extra={"peer": self._address})
            self._abort(AbortReason.NOT_SPECIFIED, "internal error")
        finally:
            self._end()

    def _establish(self) -> Session | None:
        kind, body = self._connection.read(idle_seconds=self._limits.stall_seconds)
        if kind == PduType.ABORT:
            return None
        if kind != PduType.ASSOCIATE_RQ:
            raise PduError("expected A-ASSOCIATE-RQ", AbortReason.UNEXPECTED_PDU)
        request = decode_associate_rq(bytes(body))
        outcome = negotiate(request, self._find_peer)
        if isinstance(outcome, Acceptance) and not self._has_room():
            outcome = LOCAL_LIMIT_EXCEEDED
        if isinstance(outcome, Rejection):
            _log.warning(
                "association rejected",
                extra={"peer": self._address, "calling_ae": request.calling_ae_title, "reason": outcome.reason},
            )
            self._connection.send(encode_associate_rj(outcome))
            self._connection.close_by_peer(_LAST_WORD_SECONDS)
            return None
        return self._accept(request, outcome)

    def _accept(self, request: AssociateRequest, outcome: Acceptance) -> Session:
        self._contexts = {
            answer.context_id: answer for answer in outcome.answers if answer.result == ContextResult.ACCEPTANCE
        }
        self._peer_maximum_length = request.maximum_length
        session = self._open_session(Caller(outcome.peer, request.calling_ae_title, self._address))
        self._connection.send(encode_associate_ac(request, outcome.answers, outcome.roles, self._limits.pdu_length_max))
        commitment = next((a for a in self._contexts.values() if _service(a) is Service.STORAGE_COMMITMENT), None)
        if commitment is not None:
            reports = session.pending_reports(commitment.transfer_syntax)
            self._reports.extend((commitment.context_id, report) for report in reports)
        return session

    def _serve(self, session: Session) -> None:
        while True:
            may_report = self._reports and self._sent_report is None and self._message is None
            if may_report and not self._connection.wait(self._limits.report_delay_seconds):
                self._send_report()
            kind, body = self._connection.read(
                idle_seconds=self._limits.idle_seconds if self._message is None else self._limits.stall_seconds
            )
            if kind == PduType.P_DATA_TF:
                for context_id, control, fragment in fragments_of(body):
                    self._take(session, context_id, control, fragment)
            elif kind == PduType.RELEASE_RQ:
                self._connection.send(encode_release_rp())
                self._connection.close_by_peer(_LAST_WORD_SECONDS)
                return
            elif kind == PduType.ABORT:
                return
            else:
                raise PduError("unexpected PDU", AbortReason.UNEXPECTED_PDU)

    def _take(self, session: Session, context_id: int, control: int, fragment: memoryview) -> None:
        if context_id not in self._contexts:
            raise PduError("a presentation context was not accepted")
        message = self._message
        if message is None:
            message = self._message = _Message(context_id)
        if message.context_id != context_id or (message.command is None) != bool(control & COMMAND_FRAGMENT):
            raise PduError("fragments of two messages are mixed")
        if message.command is None:
            message.command_bytes += fragment
            if len(message.command_bytes) > _COMMAND_SET_MAX:
                raise PduError("the command set is too long")
            if control & LAST_FRAGMENT:
                self._begin(session, message, decode_command(bytes(message.command_bytes)))
            return
        if message.sink is not None:
            message.sink.write(fragment)
        elif len(message.data_set) + len(fragment) <= _DATA_SET_IN_MEMORY_MAX:
            message.data_set += fragment
        else:
            raise PduError("the data set is too long for this operation")
        if control & LAST_FRAGMENT:
            self._complete(session, message, message.command)

    def _begin(self, session: Session, message: _Message, command: Command) -> None:
        message.command = command
        context = self._contexts[message.context_id]
        if not command.has_data_set:
            self._complete(session, message, command)
        elif command.field == CommandField.C_STORE_RQ and _service(context) is Service.STORAGE:
            message.sink = session.store(command, context.transfer_syntax)

    def _complete(self, session: Session, message: _Message, command: Command) -> None:
        context = self._contexts[message.context_id]
        if command.is_response:
            self._take_response(command)
        elif message.sink is not None:
            try:
                status, comment = message.sink.finish()
            finally:
                message.sink.close()
            self._respond(message, command, status, comment)
        elif command.field == CommandField.C_ECHO_RQ:
            self._respond(message, command, StoreStatus.SUCCESS)
        elif command.field == CommandField.N_ACTION_RQ and _service(context) is Service.STORAGE_COMMITMENT:
            status, reports = session.commit(command, bytes(message.data_set), context.transfer_syntax)
            self._respond(message, command, status)
            self._reports.extend((message.context_id, report) for report in reports)
        elif command.field == CommandField.C_STORE_RQ:
            missing = _service(context) is Service.STORAGE
            status = StoreStatus.CANNOT_UNDERSTAND if missing else StoreStatus.SOP_CLASS_NOT_SUPPORTED
            self._respond(message, command, status, "no data set" if missing else "")
        elif command.field != CommandField.C_CANCEL_RQ:
            self._respond(message, command, UNRECOGNIZED_OPERATION)
        self._message = None

    def _respond(self, message: _Message, command: Command, status: int, comment: str = "") -> None:
        self._connection.send_message(
            message.context_id,
            encode_response(command, status, comment=comment),
            None,
            maximum_length=self._peer_maximum_length,
        )

    def _send_report(self) -> None:
        context_id, report = self._reports.pop(0)
        self._last_message_id = self._last_message_id % 0xFFFF + 1
        self._sent_report = (self._last_message_id, report)
        command, data_set = report.messages(self._last_message_id)
        self._connection.send_message(context_id, command, data_set, maximum_length=self._peer_maximum_length)

    def _take_response(self, command: Command) -> None:
        if self._sent_report is None or self._sent_report[0] != command.message_id_being_responded_to:
            return
        report, self._sent_report = self._sent_report[1], None
        report.delivered()

    def _end(self) -> None:
        try:
            if self._message is not None and self._message.sink is not None:
                self._message.sink.close()
            self._return_reports()
            if self._session is not None:
                self._session.ended()
        finally:
            self._connection.close()

    def _return_reports(self) -> None:
        reports = [report for _, report in self._reports]
        if self._sent_report is not None:
            reports.append(self._sent_report[1])
        for report in reports:
            report.returned()

    def _abort(self, reason: AbortReason, text: str) -> None:
        _log.warning("association aborted", extra={"peer": self._address, "reason": text})
        try:
            self._connection.send(encode_abort(reason))
            self._connection.close_by_peer(_LAST_WORD_SECONDS)
        except Disconnected:
            pass


def _service(context: ContextAnswer) -> Service | None:
    return service_of(context.abstract_syntax)
