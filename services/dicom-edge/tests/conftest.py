"""A running service with two registered institutions, peers that send to it, and objects to send."""

import asyncio
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt
from pynetdicom.association import Association

from radbridge.contracts.identifiers import new_id
from radbridge.dicom_edge.domain.part10 import read_file_meta
from radbridge.dicom_edge.main import SERVICE
from radbridge.runtime.directory import Institution
from radbridge.runtime.testing import Running, running_service

SHARED = Path(os.environ.get("RADBRIDGE_SHARED", Path(__file__).parents[4] / "shared")) / "data" / "dicom"


@dataclass
class Edge:
    """The running service."""

    running: Running
    hospital: Institution
    other: Institution
    port: int

    @property
    def admin(self) -> Any:
        """HTTP client with the admin token."""
        return self.running.admin


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies are announced when the association that brought them has ended, however slowly its objects came; objects
    move when a test says so."""
    monkeypatch.setenv("RADBRIDGE_DICOM_EDGE_MOVE_AFTER_SECONDS", "3600")
    monkeypatch.setenv("RADBRIDGE_DICOM_EDGE_QUIET_SECONDS", "3600")
    monkeypatch.setenv("RADBRIDGE_DICOM_EDGE_ANNOUNCE_SECONDS_MAX", "3600")


@pytest.fixture
def start_edge(tmp_path: Path) -> Callable[[], Any]:
    """Starts the service on the test's folder; started again, it finds its data."""
    from contextlib import asynccontextmanager

    ids = (new_id(), new_id())

    @asynccontextmanager
    async def start() -> AsyncIterator[Edge]:
        async with running_service(SERVICE, tmp_path / "suite", settings={"dicom_port": 0}) as running:
            directory = running.resources.directory
            hospital = directory.by_id(ids[0]) or await running.add_institution(
                institution_id=ids[0], code="HOSPITAL-A", ae_title="HOSPITAL_A"
            )
            other = directory.by_id(ids[1]) or await running.add_institution(
                institution_id=ids[1], code="HOSPITAL-B", ae_title="HOSPITAL_B"
            )
            port = (await running.admin.get("/api/dicom-edge/v1/stats")).json()["dicom_port"]
            yield Edge(running, hospital, other, port)

    return start


@pytest.fixture
async def edge(start_edge: Callable[[], Any]) -> AsyncIterator[Edge]:
    """The running service."""
    async with start_edge() as found:
        yield found


def no_delay(event: evt.Event) -> None:
    """TCP_NODELAY on the sender's side."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@dataclass
class Sender:
    """A pynetdicom SCU that sends encoded data sets untouched."""

    port: int
    ae_title: str = "HOSPITAL_A"
    called: str = "RADBRIDGE"

    def associate(self, contexts: Sequence[tuple[str, str | list[str]]], **options: Any) -> Association:
        """Request an association. Blocks."""
        ae = AE(ae_title=self.ae_title)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 60
        for abstract, transfer in contexts:
            ae.add_requested_context(abstract, transfer)
        handlers = [(evt.EVT_CONN_OPEN, no_delay), *options.pop("evt_handlers", [])]
        return ae.associate("127.0.0.1", self.port, ae_title=self.called, evt_handlers=handlers, **options)

    def send(self, *files: bytes) -> list[int | None]:
        """Send Part 10 files as they are, one association for all; statuses in order. Blocks."""
        contexts = sorted({(meta.sop_class_uid, meta.transfer_syntax_uid) for meta in map(read_file_meta, files)})
        association = self.associate(contexts)
        assert association.is_established
        try:
            return [store_bytes(association, file) for file in files]
        finally:
            association.release()


def store_bytes(association: Association, file: bytes, *, sop_instance_uid: str | None = None) -> int | None:
    """C-STORE of a file's data set, byte for byte. Blocks; ``None``: the association broke."""
    from io import BytesIO

    from pynetdicom.dimse_primitives import C_STORE

    meta = read_file_meta(file)
    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID = meta.sop_class_uid
    request.AffectedSOPInstanceUID = sop_instance_uid or meta.sop_instance_uid
    request.Priority = 2
    request.DataSet = BytesIO(file[meta.data_set_offset :])
    context = next(
        cx
        for cx in association.accepted_contexts
        if (cx.abstract_syntax, cx.transfer_syntax[0]) == (meta.sop_class_uid, meta.transfer_syntax_uid)
    )
    association._reactor_checkpoint.clear()
    association.dimse.send_msg(request, context.context_id)
    _, response = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return None if response is None else response.Status


@pytest.fixture
def sender(edge: Edge) -> Sender:
    """Hospital A's PACS."""
    return Sender(edge.port)


def ct_image(**elements: Any) -> Dataset:
    """A CT image of 16 × 16 pixels; ``elements`` by keyword replace or, as ``None``, remove."""
    data_set = Dataset()
    data_set.SOPClassUID = CTImageStorage
    data_set.SOPInstanceUID = generate_uid()
    data_set.StudyInstanceUID = "1.2.3.4.5"
    data_set.SeriesInstanceUID = "1.2.3.4.5.1"
    data_set.StudyDate = "20240102"
    data_set.StudyTime = "101112"
    data_set.AccessionNumber = "ACC1"
    data_set.Modality = "CT"
    data_set.PatientName = "Zhang^San"
    data_set.PatientID = "P-0001"
    data_set.InstanceNumber = 1
    data_set.SeriesNumber = 1
    data_set.Rows = data_set.Columns = 16
    data_set.SamplesPerPixel = 1
    data_set.PhotometricInterpretation = "MONOCHROME2"
    data_set.BitsAllocated = data_set.BitsStored = 16
    data_set.HighBit = 15
    data_set.PixelRepresentation = 0
    data_set.PixelData = struct.pack("<256H", *range(256))
    for keyword, value in elements.items():
        if value is None:
            delattr(data_set, keyword)
        else:
            setattr(data_set, keyword, value)
    return data_set


def as_file(data_set: Dataset, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> bytes:
    """A Part 10 file of a data set."""
    from io import BytesIO

    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = transfer_syntax_uid
    data_set.file_meta.MediaStorageSOPClassUID = data_set.get("SOPClassUID", CTImageStorage)
    data_set.file_meta.MediaStorageSOPInstanceUID = data_set.get("SOPInstanceUID", "1.2.3") or "1.2.3"
    buffer = BytesIO()
    data_set.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture
def shared_dicom() -> Path:
    """Folder of the published objects."""
    if not SHARED.is_dir():
        pytest.skip(f"no published DICOM objects at {SHARED}")
    return SHARED


@pytest.fixture
def dcmtk() -> Callable[..., Any]:
    """Runs a DCMTK program; answers its exit code and output."""

    def tool(name: str) -> str:
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"DCMTK's {name} is not installed")
        return found

    async def run(name: str, *arguments: object) -> tuple[int, str]:
        environment = {**os.environ, "TCP_NODELAY": "1"}
        process = await asyncio.create_subprocess_exec(
            tool(name),
            *map(str, arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode("utf-8", "replace")

    return run


def data_set_of(file: bytes) -> bytes:
    """The data set of a Part 10 file."""
    return file[read_file_meta(file).data_set_offset :]


def raw_associate(port: int, calling: str, called: str) -> bytes:
    """Ask for an association for verification by bytes of our own; answers the first bytes that come back. Blocks."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(associate_rq(calling, called))
        return sock.recv(4096)


def associate_rq(calling: str = "HOSPITAL_A", called: str = "RADBRIDGE") -> bytes:
    """An A-ASSOCIATE-RQ that proposes verification."""

    def item(kind: int, value: bytes) -> bytes:
        return struct.pack(">BBH", kind, 0, len(value)) + value

    context = struct.pack(">BBBB", 1, 0, 0, 0) + item(0x30, b"1.2.840.10008.1.1") + item(0x40, b"1.2.840.10008.1.2")
    body = (
        struct.pack(">HH16s16s32x", 1, 0, called.ljust(16).encode(), calling.ljust(16).encode())
        + item(0x10, b"1.2.840.10008.3.1.1.1")
        + item(0x20, context)
        + item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4"))
    )
    return struct.pack(">BBI", 1, 0, len(body)) + body


@pytest.fixture
def ct() -> SimpleNamespace:
    """Makes and sends CT images."""
    return SimpleNamespace(
        image=ct_image,
        as_file=as_file,
        store_bytes=store_bytes,
        sender=Sender,
        raw_associate=raw_associate,
        associate_rq=associate_rq,
        data_set=data_set_of,
    )
