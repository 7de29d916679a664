"""What associations do, put on the event loop's database from their threads."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from opentelemetry.trace import SpanKind

from radbridge.dicom_edge.announcer import Announcer
from radbridge.dicom_edge.commitments import Commitments, PendingCommitment, report_messages
from radbridge.dicom_edge.domain.commitment import REQUEST_ACTION_TYPE, read_request
from radbridge.dicom_edge.domain.dataset import DataSetError
from radbridge.dicom_edge.domain.sop_classes import STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE, is_uid
from radbridge.dicom_edge.domain.statuses import ActionStatus, StoreStatus
from radbridge.dicom_edge.reception import Claim, Received, Reception
from radbridge.dicom_edge.scp.association import Caller, ObjectSink, Report
from radbridge.dicom_edge.scp.dimse import Command
from radbridge.dicom_edge.volume import IncomingFile, VolumeFull
from radbridge.runtime.database.protocol import DatabaseError
from radbridge.runtime.telemetry.traces import ActiveSpan, Tracing

_DATABASE_SECONDS_MAX = 30.0

T = TypeVar("T")

_log = logging.getLogger(__name__)


class EdgeSession:
    """One association's ``radbridge.dicom_edge.scp.association.Session``. It opens its trace's span and closes it.

    :param loop: the event loop that the database belongs to.
    :param count: told the status of each C-STORE.
    """

    def __init__(
        self,
        caller: Caller,
        reception: Reception,
        commitments: Commitments,
        announcer: Announcer,
        tracing: Tracing,
        loop: asyncio.AbstractEventLoop,
        *,
        count: Callable[[str], None],
    ) -> None:
        self._caller = caller
        self._studies: set[str] = set()
        self._reception = reception
        self._commitments = commitments
        self._announcer = announcer
        self._loop = loop
        self._count = count
        self._tracing = tracing
        attributes = {"dicom.calling_ae": caller.ae_title, "radbridge.institution_id": caller.peer.id}
        self._span = tracing.span("dicom.association", kind=SpanKind.SERVER, attributes=attributes)
        self._span.__enter__()

    def store(self, command: Command, transfer_syntax_uid: str) -> ObjectSink:
        """An object begins."""
        uid = command.sop_instance_uid
        if not is_uid(uid) or not is_uid(command.sop_class_uid):
            return _Refusal(StoreStatus.IDENTITY_MISSING, "the request names no valid UIDs", self._count)
        claim = Claim(
            institution_id=self._caller.peer.id,
            received_by="dimse",
            sop_class_uid=command.sop_class_uid,
            sop_instance_uid=uid,
            transfer_syntax_uid=transfer_syntax_uid,
        )
        try:
            incoming = self._reception.begin(claim, source_ae_title=self._caller.ae_title)
        except VolumeFull:
            return _Refusal(StoreStatus.OUT_OF_RESOURCES, "no room on the volume", self._count)
        span = self._tracing.span("C-STORE", attributes={"dicom.sop_class_uid": command.sop_class_uid})
        return _Sink(incoming, lambda: self._finish(incoming, claim), span)

    def commit(self, command: Command, data_set: bytes, transfer_syntax_uid: str) -> tuple[int, list[Report]]:
        """N-ACTION of storage commitment."""
        if command.sop_instance_uid != STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE:
            return ActionStatus.NO_SUCH_SOP_INSTANCE, []
        if command.action_type_id != REQUEST_ACTION_TYPE:
            return ActionStatus.NO_SUCH_ACTION, []
        try:
            request = read_request(data_set, transfer_syntax_uid)
        except DataSetError:
            return ActionStatus.INVALID_ARGUMENT_VALUE, []
        try:
            pending = self._on_loop(self._commitments.keep(self._caller.peer.id, self._caller.ae_title, request))
        except (DatabaseError, TimeoutError):
            return ActionStatus.RESOURCE_LIMITATION, []
        return ActionStatus.SUCCESS, [_CommitmentReport(self, pending, transfer_syntax_uid)]

    def pending_reports(self, transfer_syntax_uid: str) -> list[Report]:
        """Reports of earlier requests of this peer."""
        try:
            waiting = self._on_loop(self._commitments.pending(self._caller.peer.id, self._caller.ae_title))
        except (DatabaseError, TimeoutError):
            return []
        return [_CommitmentReport(self, pending, transfer_syntax_uid) for pending in waiting]

    def ended(self) -> None:
        """What the peer sent is complete as far as it goes."""
        self._span.__exit__(None, None, None)
        self._loop.call_soon_threadsafe(self._announcer.hurry, self._studies)

    def report(self, pending: PendingCommitment, transfer_syntax_uid: str, message_id: int) -> tuple[bytes, bytes]:
        """The report as it stands now."""
        verdict = self._on_loop(self._commitments.judge(pending))
        return report_messages(pending, verdict, transfer_syntax_uid, message_id)

    def report_ended(self, pending: PendingCommitment, *, delivered: bool) -> None:
        """The peer answered a report, or the association ended without an answer."""
        work = self._commitments.delivered(pending) if delivered else self._commitments.returned(pending)
        try:
            self._on_loop(work)
        except (DatabaseError, TimeoutError):
            _log.warning("a storage commitment could not be updated; it is reported again later")

    def _finish(self, incoming: IncomingFile, claim: Claim) -> Received:
        received = self._reception.finish(incoming, claim, self._loop)
        self._count(received.status.name)
        if received.acknowledged:
            self._studies.add(received.study_id)
        else:
            _log.warning("object refused", extra={"status": f"{received.status:04X}", "reason": received.comment})
        return received

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_DATABASE_SECONDS_MAX)


class _Sink:
    """The data set of one C-STORE, on its way to the volume. What it leads to stands below its span."""

    def __init__(self, incoming: IncomingFile, finish: Callable[[], Received], span: ActiveSpan) -> None:
        self._incoming = incoming
        self._finish = finish
        self._span = span
        self._open = contextlib.ExitStack()
        self._open.enter_context(span)

    def write(self, data: memoryview) -> None:
        self._incoming.write(data)

    def finish(self) -> tuple[StoreStatus, str]:
        received = self._finish()
        self._span.describe({"dicom.status": received.status.name})
        if not received.acknowledged:
            self._span.fail(received.status.name)
        return received.status, received.comment

    def close(self) -> None:
        self._incoming.close()
        self._open.close()


class _Refusal:
    """Takes the bytes of an object that is refused already."""

    def __init__(self, status: StoreStatus, comment: str, count: Callable[[str], None]) -> None:
        self._status = status
        self._comment = comment
        self._count = count

    def write(self, data: memoryview) -> None:
        pass

    def finish(self) -> tuple[StoreStatus, str]:
        self._count(self._status.name)
        return self._status, self._comment

    def close(self) -> None:
        pass


class _CommitmentReport:
    """One report, bound to the association's transfer syntax."""

    def __init__(self, session: EdgeSession, pending: PendingCommitment, transfer_syntax_uid: str) -> None:
        self._session = session
        self._pending = pending
        self._transfer_syntax_uid = transfer_syntax_uid

    def messages(self, message_id: int) -> tuple[bytes, bytes]:
        return self._session.report(self._pending, self._transfer_syntax_uid, message_id)

    def delivered(self) -> None:
        self._session.report_ended(self._pending, delivered=True)

    def returned(self) -> None:
        self._session.report_ended(self._pending, delivered=False)
