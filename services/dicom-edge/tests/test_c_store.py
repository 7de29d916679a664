"""C-STORE: what is acknowledged is served bit for bit; what is refused is never listed, on a living association."""

import asyncio
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

from radbridge.dicom_edge.domain.dataset import DataSetError
from radbridge.dicom_edge.domain.part10 import encode_file_meta, read_file_meta
from radbridge.dicom_edge.domain.sop_classes import is_uid

_COMPRESSED = "4.50 4.51 4.57 4.70 4.80 4.81 4.90 4.91 4.92 4.100 4.102 4.107 4.110 4.201 4.203 5 8.1"
ENCAPSULATED = [f"1.2.840.10008.1.2.{rest}" for rest in _COMPRESSED.split()]
PRIVATE = "1.2.826.0.1.3680043.10.999.7"


async def served(edge: Any, file: bytes, *, instance: str | None = None) -> bytes | None:
    """The object as DICOMweb gives it; ``None`` where it is not listed."""
    found = await edge.admin.get("/dicom-web/instances", params={"SOPInstanceUID": instance or _uid(file)})
    if found.status_code == 204:
        return None
    assert found.status_code == 200, found.text
    [result] = found.json()
    path = result["00081190"]["Value"][0].partition("/dicom-web")[2]
    answer = await edge.admin.get("/dicom-web" + path, headers={"accept": "application/dicom; transfer-syntax=*"})
    assert answer.status_code == 200, answer.text
    return answer.content


def _uid(file: bytes) -> str:
    return read_file_meta(file).sop_instance_uid


def _data_set(file: bytes) -> bytes:
    return file[read_file_meta(file).data_set_offset :]


def in_transfer_syntax(make_data_set: Callable[..., Any], as_file: Any, uid: str) -> bytes:
    """A CT image in any transfer syntax. Compressed frames hold invented bytes: nothing here decodes them."""
    if uid in (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian):
        return as_file(make_data_set(), uid)
    if uid == PRIVATE:
        explicit = as_file(make_data_set())
        meta = read_file_meta(explicit)
        return (
            encode_file_meta(
                sop_class_uid=meta.sop_class_uid, sop_instance_uid=meta.sop_instance_uid, transfer_syntax_uid=PRIVATE
            )
            + explicit[meta.data_set_offset :]
        )
    data_set = make_data_set(PixelData=encapsulate([b"\xff\xd8 invented \xff\xd9"]))
    data_set["PixelData"].VR = "OB"
    data_set["PixelData"].is_undefined_length = True
    return as_file(data_set, uid)


@pytest.mark.proves("JS-007", "SX-044", "SZ-032", "CQ-021")
async def test_every_transfer_syntax_is_served_bit_for_bit(edge: Any, sender: Any, ct: Any) -> None:
    syntaxes = [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        *ENCAPSULATED,
        PRIVATE,
    ]
    files = [in_transfer_syntax(ct.image, ct.as_file, uid) for uid in syntaxes]
    assert await asyncio.to_thread(sender.send, *files) == [0x0000] * len(files)
    for uid, file in zip(syntaxes, files, strict=True):
        given = await served(edge, file)
        assert given is not None
        assert _data_set(given) == _data_set(file)
        assert read_file_meta(given).transfer_syntax_uid == uid


@pytest.mark.proves("SX-045", "SX-048", "JS-009", "SZ-185")
async def test_a_series_sent_by_dcmtk_arrives_whole(edge: Any, dcmtk: Any, shared_dicom: Path) -> None:
    folder = shared_dicom / "ct_philips_headphantom_54"
    files = sorted(path for path in folder.glob("*.dcm") if path.name != "001.dcm")
    code, output = await dcmtk("echoscu", "-aet", "HOSPITAL_A", "-aec", "RADBRIDGE", "127.0.0.1", edge.port)
    assert code == 0, output
    code, output = await dcmtk("storescu", "-aet", "HOSPITAL_A", "-aec", "RADBRIDGE", "127.0.0.1", edge.port, *files)
    assert code == 0, output
    for path in files:
        given = await served(edge, path.read_bytes())
        assert given is not None
        # DCMTK writes group lengths and sequences its own way, so the data sets are compared by what they say
        assert dcmread(BytesIO(given)) == dcmread(path)


async def test_published_objects_are_acknowledged_and_served_or_refused_and_not_listed(
    edge: Any, sender: Any, shared_dicom: Path
) -> None:
    """Every published object, the broken and hostile ones too, over as few associations as they need."""
    first: dict[str, bytes] = {}
    outcomes: dict[str, int | None] = {}
    for path in sorted(shared_dicom.rglob("*.dcm")):  # noqa: ASYNC240
        if path.parent.name == "mr_t1_human_64":
            continue
        file = path.read_bytes()
        try:
            meta = read_file_meta(file)
        except DataSetError:
            continue
        if not (meta.sop_class_uid and meta.sop_instance_uid and is_uid(meta.sop_class_uid)):
            continue
        if meta.sop_class_uid == "1.2.840.10008.1.3.10":
            continue
        [status] = await asyncio.to_thread(sender.send, file)
        outcomes[path.name] = status
        uid = meta.sop_instance_uid
        given = await served(edge, file) if is_uid(uid) else None
        if status == 0x0000:
            assert given is not None
            assert _data_set(given) == _data_set(file), path
            first[uid] = file
        elif uid in first:
            assert given is not None
            assert _data_set(given) == _data_set(first[uid]), path
        else:
            assert given is None, path
    assert outcomes["same_uid_a.dcm"] == 0x0000
    assert outcomes["same_uid_b.dcm"] == 0x0111
    assert outcomes["deep_sequence_250.dcm"] == 0x0000
    assert outcomes["uid_path_traversal.dcm"] == 0xC001
    assert outcomes["MR_truncated.dcm"] == 0xC000
    assert sum(status == 0x0000 for status in outcomes.values()) > 100
    assert not Path("/tmp/evil").exists()  # noqa: ASYNC240


@pytest.mark.parametrize(
    ("elements", "status"),
    [
        ({"StudyInstanceUID": None}, 0xC001),
        ({"SeriesInstanceUID": ""}, 0xC001),
        ({"SOPInstanceUID": None}, 0xC001),
        ({"StudyInstanceUID": "1.2/../../etc"}, 0xC001),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, 0xA900),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
async def test_a_bad_object_is_refused_and_the_next_one_taken(
    edge: Any, sender: Any, ct: Any, elements: dict[str, Any], status: int
) -> None:
    good = ct.as_file(ct.image())
    bad_data_set = ct.image(**elements)
    bad = ct.as_file(bad_data_set)
    claimed = encode_file_meta(
        sop_class_uid=read_file_meta(good).sop_class_uid,
        sop_instance_uid=bad_data_set.get("SOPInstanceUID", "1.2.3.99"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    assert await asyncio.to_thread(sender.send, claimed + _data_set(bad), good) == [status, 0x0000]
    assert await served(edge, good) is not None
    assert await served(edge, claimed) is None


@pytest.mark.parametrize("cut", [1, 40, 300])
async def test_a_data_set_that_ends_early_is_refused(edge: Any, sender: Any, ct: Any, cut: int) -> None:
    file, good = ct.as_file(ct.image()), ct.as_file(ct.image())
    assert await asyncio.to_thread(sender.send, file[:-cut], good) == [0xC000, 0x0000]
    assert await served(edge, file) is None


async def test_an_object_under_another_uid_than_its_own_is_refused(edge: Any, sender: Any, ct: Any) -> None:
    file = ct.as_file(ct.image())
    meta = read_file_meta(file)

    def send() -> list[int | None]:
        association = sender.associate([(meta.sop_class_uid, meta.transfer_syntax_uid)])
        try:
            return [
                ct.store_bytes(association, file, sop_instance_uid="1.2.3.4"),
                ct.store_bytes(association, file, sop_instance_uid="../../evil"),
                ct.store_bytes(association, file),
            ]
        finally:
            association.release()

    assert await asyncio.to_thread(send) == [0xC002, 0xC001, 0x0000]


async def test_the_same_object_again_is_acknowledged_and_another_one_under_its_uid_refused(
    edge: Any, sender: Any, ct: Any
) -> None:
    uid = generate_uid()
    file = ct.as_file(ct.image(SOPInstanceUID=uid))
    other = ct.as_file(ct.image(SOPInstanceUID=uid, PatientName="Li^Si"))
    assert await asyncio.to_thread(sender.send, file, file, other) == [0x0000, 0x0000, 0x0111]
    assert _data_set(await served(edge, file) or b"") == _data_set(file)


async def test_two_institutions_may_hold_the_same_object(edge: Any, ct: Any) -> None:
    file = ct.as_file(ct.image())
    for ae_title in ("HOSPITAL_A", "HOSPITAL_B"):
        assert await asyncio.to_thread(ct.sender(edge.port, ae_title).send, file) == [0x0000]
    stats = (await edge.admin.get("/api/dicom-edge/v1/stats")).json()
    assert (stats["studies"], stats["instances"]) == (2, 2)


@pytest.mark.parametrize(
    ("calling", "called", "reason"), [("STRANGER", "RADBRIDGE", 3), ("HOSPITAL_A", "SOMEBODY", 7), ("", "RADBRIDGE", 3)]
)
@pytest.mark.proves("SX-048")
async def test_unknown_application_entities_are_rejected(
    edge: Any, ct: Any, calling: str, called: str, reason: int
) -> None:
    def rejected() -> bytes:
        return ct.raw_associate(edge.port, calling, called)

    # A-ASSOCIATE-RJ: rejected-permanent, by the service user, for the reason
    assert await asyncio.to_thread(rejected) == struct.pack(">BBIBBBB", 3, 0, 4, 0, 1, 1, reason)


async def test_twenty_associations_at_once_lose_nothing(edge: Any, ct: Any) -> None:
    batches = [[ct.as_file(ct.image(SeriesInstanceUID=f"1.2.3.{n}")) for _ in range(5)] for n in range(20)]
    sender = ct.sender(edge.port)

    def send_all() -> list[list[int | None]]:
        with ThreadPoolExecutor(len(batches)) as pool:
            return list(pool.map(lambda batch: sender.send(*batch), batches))

    assert await asyncio.to_thread(send_all) == [[0x0000] * 5] * 20
    found = await edge.admin.get("/dicom-web/instances", params={"limit": "1000"})
    assert {one["00080018"]["Value"][0] for one in found.json()} == {_uid(file) for batch in batches for file in batch}


async def test_a_full_volume_refuses_and_recovers(start_edge: Any, ct: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = ct.as_file(ct.image())
    monkeypatch.setenv("RADBRIDGE_DICOM_EDGE_OBJECT_BYTES_MAX", "1100")
    async with start_edge() as edge:
        small = ct.as_file(ct.image(PixelData=b"\0\0", Rows=1, Columns=1))
        assert await asyncio.to_thread(ct.sender(edge.port).send, file, small) == [0xA700, 0x0000]
        assert await served(edge, file) is None
        files = list((edge.running.resources.data_dir / "objects").rglob("*.dcm"))
        assert len(files) == 1
    monkeypatch.delenv("RADBRIDGE_DICOM_EDGE_OBJECT_BYTES_MAX")
    async with start_edge() as edge:
        assert await asyncio.to_thread(ct.sender(edge.port).send, file) == [0x0000]


async def test_without_free_room_objects_are_refused_and_the_service_is_not_ready(
    edge: Any, sender: Any, ct: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radbridge.dicom_edge.volume.Volume.free_bytes", lambda self: 0)
    assert await asyncio.to_thread(sender.send, ct.as_file(ct.image())) == [0xA700]
    assert (await edge.running.client.get("/readyz")).status_code == 503


async def test_other_operations_and_other_classes_are_answered(edge: Any, sender: Any, ct: Any) -> None:
    def offered() -> tuple[int, list[str]]:
        from pydicom.dataset import Dataset

        association = sender.associate(
            [
                ("1.2.840.10008.1.1", ImplicitVRLittleEndian),
                ("1.2.840.10008.5.1.4.1.2.2.1", ImplicitVRLittleEndian),  # Study Root FIND
                ("1.2.840.10008.5.1.4.1.1.999.1", ImplicitVRLittleEndian),  # a storage class of a later edition
                ("1.2.826.0.1.3680043.10.999.2", ImplicitVRLittleEndian),  # a private one
            ]
        )
        try:
            status: Dataset = association.send_c_echo()
            return status.Status, [str(cx.abstract_syntax) for cx in association.accepted_contexts]
        finally:
            association.release()

    status, accepted = await asyncio.to_thread(offered)
    assert status == 0x0000
    assert accepted == ["1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.999.1", "1.2.826.0.1.3680043.10.999.2"]
