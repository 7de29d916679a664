"""Storage commitment: only what is durable is committed, and the report reaches the peer in the end."""

import asyncio
import threading
import time
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, generate_uid
from pynetdicom import AE, evt
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from radbridge.dicom_edge.commitments import Commitments, PendingCommitment
from radbridge.dicom_edge.domain.commitment import CommitmentRequest, Reference
from radbridge.dicom_edge.domain.part10 import read_file_meta
from radbridge.dicom_edge.scp.association import Limits
from radbridge.runtime.testing import eventually

UNKNOWN = "1.2.3.4.404"
SYNTAX = "1.2.840.10008.1.2.1"


def action(*references: tuple[str, str], transaction_uid: str = "") -> Dataset:
    information = Dataset()
    information.TransactionUID = transaction_uid or generate_uid()
    information.ReferencedSOPSequence = []
    for sop_class_uid, sop_instance_uid in references:
        item = Dataset()
        item.ReferencedSOPClassUID = sop_class_uid
        item.ReferencedSOPInstanceUID = sop_instance_uid
        information.ReferencedSOPSequence.append(item)
    return information


def until_established(event: evt.Event) -> None:
    """Keep a report back until this end has noted its contexts: pynetdicom, where it is slow to, fails on it."""
    association = event.assoc
    while isinstance(event.pdu, P_DATA_TF) and not (association.is_established or association.is_aborted):
        time.sleep(0.01)


class Scu:
    """A storage commitment SCU that keeps the reports it gets."""

    def __init__(self, sender: Any) -> None:
        self.sender = sender
        self.reports: list[tuple[int, Dataset]] = []
        self.arrived = threading.Event()

    def take(self, event: evt.Event) -> tuple[int, None]:
        self.reports.append((event.request.EventTypeID, event.event_information))
        self.arrived.set()
        return 0x0000, None

    def ask(self, information: Dataset, *, wait: bool) -> int:
        """Request, and keep the association open for the report if told to."""
        association = self.sender.associate(
            [(StorageCommitmentPushModel, SYNTAX)], evt_handlers=[(evt.EVT_N_EVENT_REPORT, self.take)]
        )
        assert association.is_established
        status, _ = association.send_n_action(
            information, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        if wait:
            assert self.arrived.wait(60)
        association.release()
        return status.Status

    def listen(self) -> None:
        """Offer the service again and wait for what was left."""
        association = self.sender.associate(
            [(StorageCommitmentPushModel, SYNTAX)],
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, self.take), (evt.EVT_PDU_RECV, until_established)],
        )
        assert self.arrived.wait(60)
        association.release()


@pytest.fixture
def scu(sender: Any) -> Scu:
    return Scu(sender)


def leave_time_to_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no report go out on the association of its request while a slow peer is about to release that."""
    patient = partial(Limits, report_delay_seconds=60)
    monkeypatch.setattr("radbridge.dicom_edge.main.Limits", patient)


async def test_stored_objects_are_committed_on_the_same_association(edge: Any, sender: Any, ct: Any, scu: Scu) -> None:
    files = [ct.as_file(ct.image()) for _ in range(3)]
    assert await asyncio.to_thread(sender.send, *files) == [0x0000] * 3
    uids = [read_file_meta(file).sop_instance_uid for file in files]
    information = action(*((CTImageStorage, uid) for uid in uids))
    assert await asyncio.to_thread(scu.ask, information, wait=True) == 0x0000
    [(event_type, report)] = scu.reports
    assert event_type == 1
    assert report.TransactionUID == information.TransactionUID
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == uids
    assert "FailedSOPSequence" not in report


async def test_what_is_not_held_fails_with_its_reason(edge: Any, sender: Any, ct: Any, scu: Scu) -> None:
    file = ct.as_file(ct.image())
    await asyncio.to_thread(sender.send, file)
    uid = read_file_meta(file).sop_instance_uid
    information = action((CTImageStorage, uid), (CTImageStorage, UNKNOWN), ("1.2.840.10008.5.1.4.1.1.4", uid))
    await asyncio.to_thread(scu.ask, information, wait=True)
    [(event_type, report)] = scu.reports
    assert event_type == 2
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == [uid]
    reasons = [(item.ReferencedSOPInstanceUID, item.FailureReason) for item in report.FailedSOPSequence]
    assert reasons == [(UNKNOWN, 0x0112), (uid, 0x0119)]


async def test_another_hospitals_objects_are_not_committed(edge: Any, ct: Any, scu: Scu) -> None:
    file = ct.as_file(ct.image())
    assert await asyncio.to_thread(ct.sender(edge.port, "HOSPITAL_B").send, file) == [0x0000]
    await asyncio.to_thread(scu.ask, action((CTImageStorage, read_file_meta(file).sop_instance_uid)), wait=True)
    [(_, report)] = scu.reports
    assert report.FailedSOPSequence[0].FailureReason == 0x0112


async def test_a_report_waits_for_the_peers_next_association(
    start_edge: Any, ct: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer leaves before the report and the service restarts: the request is not forgotten."""
    file = ct.as_file(ct.image())
    with monkeypatch.context() as patch:
        leave_time_to_leave(patch)
        async with start_edge() as edge:
            scu = Scu(ct.sender(edge.port))
            await asyncio.to_thread(scu.sender.send, file)
            information = action((CTImageStorage, read_file_meta(file).sop_instance_uid))
            assert await asyncio.to_thread(scu.ask, information, wait=False) == 0x0000

            async def is_returned() -> bool:
                [row] = await edge.running.resources.database.fetch("SELECT attempts FROM commitment")
                return row["attempts"] > 0

            await eventually(is_returned)
    assert scu.reports == []
    async with start_edge() as edge:
        scu.sender = ct.sender(edge.port)
        await asyncio.to_thread(scu.listen)
        [(event_type, report)] = scu.reports
        assert (event_type, report.TransactionUID) == (1, information.TransactionUID)
        async with asyncio.timeout(60):
            while await edge.running.resources.database.fetch("SELECT * FROM commitment"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@pytest.fixture
def peers_may_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_time_to_leave(monkeypatch)


@pytest.mark.usefixtures("peers_may_leave")
async def test_a_report_goes_to_the_registered_address(edge: Any, ct: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radbridge.dicom_edge.commitments._SWEEP_SECONDS", 0.1)
    received: list[Dataset] = []
    arrived = threading.Event()

    def take(event: evt.Event) -> tuple[int, None]:
        received.append(event.event_information)
        arrived.set()
        return 0x0000, None

    ae = AE(ae_title="HOSPITAL_C")
    ae.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    listener = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, take)])
    try:
        port = listener.socket.getsockname()[1]
        await edge.running.add_institution(
            code="HOSPITAL-C", ae_title="HOSPITAL_C", settings={"dicom_address": f"127.0.0.1:{port}"}
        )
        scu = Scu(ct.sender(edge.port, "HOSPITAL_C"))
        information = action((CTImageStorage, UNKNOWN))
        await asyncio.to_thread(scu.ask, information, wait=False)
        assert await asyncio.to_thread(arrived.wait, 60)
    finally:
        await asyncio.to_thread(listener.shutdown)
    assert received[0].TransactionUID == information.TransactionUID


@pytest.mark.parametrize("error", [UnicodeError("label too long"), OSError("no route"), RuntimeError("unforeseen")])
async def test_a_report_that_cannot_be_sent_holds_up_no_other(
    edge: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("radbridge.dicom_edge.commitments._SWEEP_SECONDS", 0.1)
    reported: list[str] = []

    def report(host: str, port: int, our_ae_title: str, pending: PendingCommitment, verdict: Any) -> bool:
        reported.append(pending.transaction_uid)
        if pending.transaction_uid == "1.1":
            raise error
        return True

    monkeypatch.setattr("radbridge.dicom_edge.commitments._report_on_new_association", report)
    hospital = await edge.running.add_institution(
        code="HOSPITAL-C", ae_title="HOSPITAL_C", settings={"dicom_address": "127.0.0.1:1"}
    )
    resources = edge.running.resources
    now = resources.clock()
    moments = iter([now, now + timedelta(seconds=1)])
    early = Commitments(resources.database, resources.directory, clock=lambda: next(moments))
    for transaction_uid in ("1.1", "1.2"):
        await early.keep(hospital.id, "HOSPITAL_C", CommitmentRequest(transaction_uid, (Reference("1.2", "1.3"),)))
    late = Commitments(resources.database, resources.directory, clock=lambda: now + timedelta(hours=1))
    sending = asyncio.create_task(late.run())

    async def only_one_waits() -> bool:
        rows = await resources.database.fetch("SELECT transaction_uid, attempts FROM commitment")
        return [(row["transaction_uid"], row["attempts"] > 1) for row in rows] == [("1.1", True)]

    try:
        await eventually(only_one_waits)
        assert not sending.done()
    finally:
        sending.cancel()
    assert reported[:2] == ["1.1", "1.2"]


@pytest.mark.parametrize(
    ("information", "status"),
    [(action(), 0x0115), (action(("1.2", "1.2"), transaction_uid="not a uid"), 0x0115)],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
async def test_a_malformed_request_is_refused(scu: Scu, information: Dataset, status: int) -> None:
    assert await asyncio.to_thread(scu.ask, information, wait=False) == status
