"""Storage commitment: requests are kept until their report reached the peer.

A report goes out on the association of the request if the peer keeps that open, else on the peer's next association
that offers the service, else (where the institution registered ``dicom_address`` as ``host:port``) on one that this
service opens. The verdict is made when the report is sent, so it is never older than the report.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from radbridge.contracts.institution_settings import host_and_port
from radbridge.dicom_edge.domain.commitment import (
    CommitmentRequest,
    Held,
    Reference,
    Verdict,
    encode_report,
    judge,
)
from radbridge.dicom_edge.domain.sop_classes import (
    STORAGE_COMMITMENT_PUSH_MODEL,
    STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE,
)
from radbridge.dicom_edge.queries import Where
from radbridge.dicom_edge.scp.dimse import encode_n_event_report_rq
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.database.protocol import Database, DatabaseUnavailable, Row
from radbridge.runtime.directory import Directory

_SAME_ASSOCIATION_FIRST = timedelta(seconds=30)
_RETRY = timedelta(minutes=2)
_RETRY_MAX = timedelta(hours=2)
_FORGOTTEN_AFTER = timedelta(days=7)
_SWEEP_SECONDS = 5.0
_BATCH = 500

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PendingCommitment:
    """A request whose report was not delivered yet."""

    institution_id: str
    transaction_uid: str
    calling_ae_title: str
    references: tuple[Reference, ...]
    attempts: int = 0


class Commitments:
    """Keeps requests, judges them and delivers reports."""

    def __init__(self, database: Database, directory: Directory, *, clock: Clock) -> None:
        self._database = database
        self._directory = directory
        self._clock = clock

    async def keep(self, institution_id: str, calling_ae_title: str, request: CommitmentRequest) -> PendingCommitment:
        """Store a request; asked again under the same transaction UID, the newer one counts."""
        now = self._clock()
        references = [[one.sop_class_uid, one.sop_instance_uid] for one in request.references]
        await self._database.write_one(
            """INSERT INTO commitment (institution_id, transaction_uid, calling_ae_title, request, attempts,
                                       next_attempt_at, requested_at)
               VALUES ($1, $2, $3, $4, 0, $5, $6)
               ON CONFLICT (institution_id, transaction_uid) DO UPDATE SET request = excluded.request, attempts = 0,
                   next_attempt_at = excluded.next_attempt_at, requested_at = excluded.requested_at""",
            institution_id,
            request.transaction_uid,
            calling_ae_title,
            orjson.dumps(references).decode(),
            to_micros(now + _SAME_ASSOCIATION_FIRST),
            to_micros(now),
        )
        return PendingCommitment(institution_id, request.transaction_uid, calling_ae_title, request.references)

    async def pending(self, institution_id: str, calling_ae_title: str) -> list[PendingCommitment]:
        """Requests of a peer that wait for a way to it, none that another association is about to answer."""
        rows = await self._database.fetch(
            """SELECT * FROM commitment WHERE institution_id = $1 AND calling_ae_title = $2
               AND (attempts > 0 OR next_attempt_at <= $3) ORDER BY requested_at LIMIT 100""",
            institution_id,
            calling_ae_title,
            to_micros(self._clock()),
        )
        return [_pending(row) for row in rows]

    async def judge(self, pending: PendingCommitment) -> Verdict:
        """What is durable and served now."""
        uids = sorted({reference.sop_instance_uid for reference in pending.references})

        held: dict[str, Held] = {}
        for start in range(0, len(uids), _BATCH):
            where = Where()
            where.equals("institution_id", pending.institution_id)
            where.any_of("sop_instance_uid", uids[start : start + _BATCH])
            rows = await self._database.fetch(
                f"SELECT sop_instance_uid, sop_class_uid, quarantined_at FROM instance WHERE {where}",  # noqa: S608
                *where.values,
            )
            for row in rows:
                held[row["sop_instance_uid"]] = Held(row["sop_class_uid"], row["quarantined_at"] is not None)
        return judge(pending.references, held)

    async def delivered(self, pending: PendingCommitment) -> None:
        """The peer has its report."""
        await self._database.write_one(
            "DELETE FROM commitment WHERE institution_id = $1 AND transaction_uid = $2",
            pending.institution_id,
            pending.transaction_uid,
        )

    async def returned(self, pending: PendingCommitment) -> None:
        """A way to the peer failed: try another later, ever more rarely."""
        attempts = pending.attempts + 1
        pause = min(_RETRY * 2 ** min(attempts - 1, 10), _RETRY_MAX) if pending.attempts else timedelta()
        await self._database.write_one(
            """UPDATE commitment SET attempts = $3, next_attempt_at = $4
               WHERE institution_id = $1 AND transaction_uid = $2""",
            pending.institution_id,
            pending.transaction_uid,
            attempts,
            to_micros(self._clock() + pause),
        )

    async def run(self) -> None:
        """Open associations for reports that found no other way, for ever."""
        while True:
            for pending in await self._due():
                await self._deliver_or_return(pending)
            await asyncio.sleep(_SWEEP_SECONDS)

    async def _due(self) -> Sequence[PendingCommitment]:
        now = self._clock()
        await self._database.write_one(
            "DELETE FROM commitment WHERE requested_at < $1", to_micros(now - _FORGOTTEN_AFTER)
        )
        rows = await self._database.fetch(
            "SELECT * FROM commitment WHERE next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT 100", to_micros(now)
        )
        return [_pending(row) for row in rows]

    async def _deliver_or_return(self, pending: PendingCommitment) -> None:
        """Whatever is wrong with one peer, the reports to others go on."""
        try:
            await self._deliver(pending)
        except DatabaseUnavailable:
            raise
        except Exception:
            _log.exception(
                "a storage commitment report could not be sent", extra={"institution_id": pending.institution_id}
            )
            await self.returned(pending)

    async def _deliver(self, pending: PendingCommitment) -> None:
        institution = self._directory.by_id(pending.institution_id)
        if institution is None or institution.settings.dicom_address is None:
            await self.returned(pending)
            return
        host, port = host_and_port(institution.settings.dicom_address)
        verdict = await self.judge(pending)
        sent = await asyncio.to_thread(
            _report_on_new_association, host, port, institution.called_ae_title, pending, verdict
        )
        if sent:
            await self.delivered(pending)
        else:
            _log.warning("a storage commitment report was not taken", extra={"institution_id": institution.id})
            await self.returned(pending)


def report_messages(
    pending: PendingCommitment, verdict: Verdict, transfer_syntax_uid: str, message_id: int
) -> tuple[bytes, bytes]:
    """Command set and data set of the N-EVENT-REPORT."""
    command = encode_n_event_report_rq(
        message_id,
        STORAGE_COMMITMENT_PUSH_MODEL,
        STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE,
        verdict.event_type_id,
    )
    return command, encode_report(pending.transaction_uid, verdict, transfer_syntax_uid)


def _pending(row: Row) -> PendingCommitment:
    references: list[list[str]] = orjson.loads(row["request"])
    return PendingCommitment(
        row["institution_id"],
        row["transaction_uid"],
        row["calling_ae_title"],
        tuple(Reference(*reference) for reference in references),
        row["attempts"],
    )


def _report_on_new_association(
    host: str, port: int, our_ae_title: str, pending: PendingCommitment, verdict: Verdict
) -> bool:
    """Whether the peer took the report. Blocks."""
    # imported here: pynetdicom takes a third of a second that a start without reports should not pay
    from io import BytesIO

    from pydicom import dcmread
    from pynetdicom import AE, build_role, evt

    def no_delay(event: Any) -> None:
        import socket

        event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    ae = AE(ae_title=our_ae_title)
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 10
    ae.add_requested_context(STORAGE_COMMITMENT_PUSH_MODEL)
    association = ae.associate(
        host,
        port,
        ae_title=pending.calling_ae_title,
        ext_neg=[build_role(STORAGE_COMMITMENT_PUSH_MODEL, scp_role=True)],
        evt_handlers=[(evt.EVT_CONN_OPEN, no_delay)],
    )
    if not association.is_established:
        return False
    try:
        information = dcmread(BytesIO(encode_report(pending.transaction_uid, verdict, "1.2.840.10008.1.2")), force=True)
        status, _ = association.send_n_event_report(
            information,
            verdict.event_type_id,
            STORAGE_COMMITMENT_PUSH_MODEL,
            STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE,
        )
        return "Status" in status
    finally:
        association.release()
