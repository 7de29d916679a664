"""QIDO-RS and WADO-RS: what is asked for is found and given, byte for byte where bytes are asked for."""

import asyncio
import threading
from email.parser import BytesParser
from email.policy import HTTP
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit

from radbridge.dicom_edge.domain.part10 import read_file_meta
from radbridge.runtime.security.keyring import Keyring

STUDY = "/dicom-web/studies/1.2.3.4.5"
SERIES = f"{STUDY}/series/1.2.3.4.5.1"
OBJECTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'
FRAMES = "multipart/related; type=application/octet-stream; transfer-syntax=*"
JSON = {"accept": "application/dicom+json"}


def parts(answer: Any) -> list[tuple[str, bytes]]:
    """Content-Type and bytes of each part of a multipart answer."""
    head = b"Content-Type: " + answer.headers["content-type"].encode() + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + answer.content)
    return [(part["content-type"].replace('"', ""), part.get_payload(decode=True)) for part in message.iter_parts()]


def uids(answer: Any, tag: str) -> list[str]:
    return [] if answer.status_code == 204 else [one[tag]["Value"][0] for one in answer.json()]


async def send(sender: Any, *files: bytes) -> None:
    assert await asyncio.to_thread(sender.send, *files) == [0x0000] * len(files)


@pytest.fixture
async def two_studies(edge: Any, sender: Any, ct: Any) -> None:
    await send(
        sender,
        ct.as_file(ct.image(SOPInstanceUID="1.1", InstanceNumber=2)),
        ct.as_file(ct.image(SOPInstanceUID="1.2", InstanceNumber=1)),
        ct.as_file(
            ct.image(
                SOPInstanceUID="2.1",
                StudyInstanceUID="1.2.9",
                SeriesInstanceUID="1.2.9.1",
                Modality="MR",
                StudyDate="20250607",
                AccessionNumber="ACC2",
                SpecificCharacterSet="ISO_IR 192",
                PatientName="Li^Si=李^四",
                PatientID="P-0002",
            )
        ),
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["1.2.9", "1.2.3.4.5"]),
        ("StudyInstanceUID=1.2.9", ["1.2.9"]),
        ("StudyInstanceUID=1.2.9,1.2.3.4.5", ["1.2.9", "1.2.3.4.5"]),
        ("0020000D=1.2.9", ["1.2.9"]),
        ("PatientID=P-0001", ["1.2.3.4.5"]),
        ("PatientID=P-*", ["1.2.9", "1.2.3.4.5"]),
        ("PatientID=p-0001", []),
        ("PatientName=li*", ["1.2.9"]),
        ("PatientName=李^四", ["1.2.9"]),
        ("PatientName=Zhang^San", ["1.2.3.4.5"]),
        ("PatientName=*an*&ModalitiesInStudy=CT", ["1.2.3.4.5"]),
        ("AccessionNumber=ACC2", ["1.2.9"]),
        ("AccessionNumber=ACC?", ["1.2.9", "1.2.3.4.5"]),
        ("StudyDate=20240102", ["1.2.3.4.5"]),
        ("StudyDate=20240101-20241231", ["1.2.3.4.5"]),
        ("StudyDate=20240103-", ["1.2.9"]),
        ("StudyDate=-20240102", ["1.2.3.4.5"]),
        ("StudyTime=1000-1100", ["1.2.9", "1.2.3.4.5"]),
        ("StudyTime=1100-", []),
        ("ModalitiesInStudy=MR", ["1.2.9"]),
        ("ModalitiesInStudy=US", []),
        ("limit=1", ["1.2.9"]),
        ("limit=1&offset=1", ["1.2.3.4.5"]),
        ("limit=1&offset=1&PatientName=*", ["1.2.3.4.5"]),
    ],
)
@pytest.mark.usefixtures("two_studies")
async def test_studies_are_found_by_what_the_standard_names(edge: Any, query: str, found: list[str]) -> None:
    answer = await edge.admin.get(f"/dicom-web/studies?{query}", headers=JSON)
    assert answer.status_code in (200, 204)
    assert uids(answer, "0020000D") == found


@pytest.mark.usefixtures("two_studies")
async def test_results_carry_the_attributes_of_their_level(edge: Any) -> None:
    [study] = (await edge.admin.get("/dicom-web/studies?PatientID=P-0002")).json()
    assert study["00100010"]["Value"] == [{"Alphabetic": "Li^Si", "Ideographic": "李^四"}]
    assert study["00080061"]["Value"] == ["MR"]
    assert (study["00201206"]["Value"], study["00201208"]["Value"]) == ([1], [1])
    assert study["00081190"]["Value"] == ["http://127.0.0.1:8080/dicom-web/studies/1.2.9"]
    [series] = (await edge.admin.get(f"{STUDY}/series")).json()
    assert (series["0020000E"]["Value"], series["00201209"]["Value"]) == (["1.2.3.4.5.1"], [2])
    instances = (await edge.admin.get(f"{SERIES}/instances")).json()
    assert [one["00080018"]["Value"][0] for one in instances] == ["1.2", "1.1"]
    assert instances[0]["00280010"]["Value"] == [16]
    assert uids(await edge.admin.get("/dicom-web/series?Modality=MR"), "0020000E") == ["1.2.9.1"]
    assert uids(await edge.admin.get("/dicom-web/instances?InstanceNumber=2"), "00080018") == ["1.1"]


@pytest.mark.parametrize("query", ["", "?PatientName=Zhang*&SeriesNumber=1"])
async def test_results_are_opened_off_the_event_loop_and_a_series_once(
    edge: Any, sender: Any, ct: Any, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    await send(sender, *(ct.as_file(ct.image()) for _ in range(5)))
    threads: list[threading.Thread] = []
    clear = Keyring.open

    def opened(self: Keyring, token: str, *, place: str) -> bytes:
        if place.startswith("dicom-edge/"):
            threads.append(threading.current_thread())
        return clear(self, token, place=place)

    monkeypatch.setattr(Keyring, "open", opened)
    assert len((await edge.admin.get(f"/dicom-web/instances{query}")).json()) == 5
    assert len(threads) == (4 if query else 2)
    assert threading.current_thread() not in threads


@pytest.mark.parametrize("query", ["Nonsense=1", "limit=x", "limit=-1", "includefield=Nonsense"])
async def test_malformed_queries_are_refused(edge: Any, query: str) -> None:
    answer = await edge.admin.get(f"/dicom-web/studies?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_fuzzy_matching_is_said_not_to_be_done(edge: Any) -> None:
    answer = await edge.admin.get("/dicom-web/studies?fuzzymatching=true")
    assert "299" in answer.headers["warning"]


@pytest.mark.parametrize("accept", [OBJECTS, 'multipart/related; type="application/dicom"', "*/*", None])
@pytest.mark.proves("SX-013")
async def test_objects_are_given_as_stored(edge: Any, sender: Any, ct: Any, accept: str | None) -> None:
    files = {}
    for number, syntax in enumerate(("1.2.840.10008.1.2.1", ImplicitVRLittleEndian, ExplicitVRBigEndian)):
        file = ct.as_file(ct.image(InstanceNumber=number), syntax)
        files[read_file_meta(file).sop_instance_uid] = file
    await send(sender, *files.values())
    headers = {"accept": accept} if accept else {}
    for path in (STUDY, SERIES):
        given = parts(await edge.admin.get(path, headers=headers))
        assert len(given) == 3
        for content_type, content in given:
            meta = read_file_meta(content)
            assert ct.data_set(content) == ct.data_set(files[meta.sop_instance_uid])
            assert content_type == f"application/dicom; transfer-syntax={meta.transfer_syntax_uid}"


@pytest.mark.usefixtures("two_studies")
async def test_another_form_than_the_stored_one_is_not_acceptable(edge: Any) -> None:
    for accept in (
        'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.90',
        "image/png",
        "text/html",
    ):
        assert (await edge.admin.get(f"{SERIES}/instances/1.1", headers={"accept": accept})).status_code == 406
    same = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1'
    assert (await edge.admin.get(f"{SERIES}/instances/1.1", headers={"accept": same})).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/dicom-web/studies/9.9", "/dicom-web/studies/9.9/metadata", f"{STUDY}/series/9.9", f"{SERIES}/instances/9.9",
     f"{SERIES}/instances/1.1/frames/2", f"{SERIES}/instances/1.1/frames/0",
     f"{SERIES}/instances/1.1/bulkdata/00420011", f"{SERIES}/instances/1.1/bulkdata/nonsense",
     "/dicom-web/studies/..%2F..%2Fetc", "/dicom-web/studies/1.2.3.4.5/rendered"],
)  # fmt: skip
@pytest.mark.usefixtures("two_studies")
async def test_what_is_not_there_is_not_found(edge: Any, path: str) -> None:
    assert (await edge.admin.get(path)).status_code == 404


@pytest.mark.usefixtures("two_studies")
async def test_metadata_tells_every_element_and_where_bulk_data_is(edge: Any) -> None:
    for path in (f"{SERIES}/instances/1.1/metadata", f"{SERIES}/metadata", f"{STUDY}/metadata"):
        answer = await edge.admin.get(path, headers=JSON)
        assert answer.headers["content-type"] == "application/dicom+json"
        [found] = [one for one in answer.json() if one["00080018"]["Value"] == ["1.1"]]
        assert found["00280010"] == {"vr": "US", "Value": [16]}
        address = found["7FE00010"]["BulkDataURI"]
        assert address == f"http://127.0.0.1:8080{SERIES}/instances/1.1/bulkdata/7FE00010"
    bulk = await edge.admin.get(address.removeprefix("http://127.0.0.1:8080"))
    [(content_type, value)] = parts(bulk)
    assert content_type.startswith("application/octet-stream")
    frame = await edge.admin.get(f"{SERIES}/instances/1.1/frames/1", headers={"accept": FRAMES})
    assert parts(frame)[0][1] == value


async def test_prepared_metadata_follows_new_objects(edge: Any, sender: Any, ct: Any) -> None:
    for count in (1, 2, 3):
        await send(sender, ct.as_file(ct.image()))
        assert len((await edge.admin.get(f"{SERIES}/metadata")).json()) == count
    [cached] = (edge.running.resources.data_dir / "metadata").glob("*.sealed")
    assert b"Zhang" not in cached.read_bytes()
    cached.write_bytes(b"damaged")
    assert len((await edge.admin.get(f"{SERIES}/metadata")).json()) == 3


async def test_single_frames_of_native_and_compressed_objects(edge: Any, sender: Any, ct: Any) -> None:
    three = [bytes([n]) * 4 for n in (1, 2, 3)]
    native = ct.image(SOPInstanceUID="3.1", Rows=2, Columns=2, BitsAllocated=8, NumberOfFrames=3,
                      PixelData=b"".join(three))  # fmt: skip
    jpeg = [b"\xff\xd8" + bytes([n]) * 7 + b"\xff\xd9\x00" for n in (1, 2, 3)]
    packed = ct.image(SOPInstanceUID="3.2", NumberOfFrames=3, PixelData=encapsulate(jpeg))
    packed["PixelData"].VR = "OB"
    packed["PixelData"].is_undefined_length = True
    await send(sender, ct.as_file(native), ct.as_file(packed, JPEGBaseline8Bit))

    async def frames(uid: str, numbers: str, accept: str = FRAMES) -> list[tuple[str, bytes]]:
        answer = await edge.admin.get(f"{SERIES}/instances/{uid}/frames/{numbers}", headers={"accept": accept})
        assert answer.status_code == 200, answer.text
        return parts(answer)

    octets = "application/octet-stream; transfer-syntax="
    assert await frames("3.1", "3,1") == [(octets + "1.2.840.10008.1.2.1", three[n]) for n in (2, 0)]
    assert await frames("3.2", "2,3") == [(octets + JPEGBaseline8Bit, jpeg[n]) for n in (1, 2)]
    as_jpeg = await frames("3.2", "1", 'multipart/related; type="image/jpeg"')
    assert as_jpeg == [(f"image/jpeg; transfer-syntax={JPEGBaseline8Bit}", jpeg[0])]
    single = await edge.admin.get(f"{SERIES}/instances/3.2/frames/1", headers={"accept": "image/jpeg"})
    assert (single.content, single.headers["content-type"].split(";")[0]) == (jpeg[0], "image/jpeg")
    refused = await edge.admin.get(f"{SERIES}/instances/3.2/frames/1", headers={"accept": "image/png"})
    assert refused.status_code == 406


@pytest.mark.parametrize("has_offsets", [True, False])
async def test_frames_are_cut_with_and_without_an_offset_table(
    edge: Any, sender: Any, ct: Any, has_offsets: bool
) -> None:
    jpeg = [b"\xff\xd8" + bytes([n]) * (50 * n) + b"\xff\xd9" for n in (1, 2, 3)]
    packed = ct.image(SOPInstanceUID="3.2", NumberOfFrames=3)
    packed.PixelData = encapsulate(jpeg, fragments_per_frame=2, has_bot=has_offsets)
    packed["PixelData"].VR = "OB"
    packed["PixelData"].is_undefined_length = True
    await send(sender, ct.as_file(packed, JPEGBaseline8Bit))
    answer = await edge.admin.get(f"{SERIES}/instances/3.2/frames/3,1,2", headers={"accept": FRAMES})
    assert [frame for _, frame in parts(answer)] == [jpeg[2], jpeg[0], jpeg[1]]
    beyond = await edge.admin.get(f"{SERIES}/instances/3.2/frames/4", headers={"accept": FRAMES})
    assert beyond.status_code == 404


async def test_frames_of_published_objects_are_what_pydicom_cuts(edge: Any, sender: Any, shared_dicom: Path) -> None:
    names = ["us/examples_ybr_color.dcm", "us/US-PAL-8-10x-echo.dcm", "seg/liver.dcm",
             "misc/SC_ybr_full_422_uncompressed.dcm", "misc/emri_small_jpeg_2k_lossless.dcm",
             "broken/CT0012.fragmented_no_bot_jpeg_baseline.51.dcm"]  # fmt: skip
    for name in names:
        path = shared_dicom / name
        await send(sender, path.read_bytes())
        data_set = dcmread(path)
        for number, expected in enumerate(_frames(data_set), start=1):
            address = (
                f"/dicom-web/studies/{data_set.StudyInstanceUID}/series/{data_set.SeriesInstanceUID}"
                f"/instances/{data_set.SOPInstanceUID}/frames/{number}"
            )
            answer = await edge.admin.get(address, headers={"accept": FRAMES})
            assert parts(answer)[0][1] == expected, (name, number)


def _frames(data_set: Dataset) -> list[bytes]:
    number_of_frames = int(data_set.get("NumberOfFrames", 1))
    if data_set.file_meta.TransferSyntaxUID.is_compressed:
        return list(generate_frames(data_set.PixelData, number_of_frames=number_of_frames))
    value = data_set.get("PixelData") or data_set.get("FloatPixelData")
    if data_set.get("BitsAllocated") == 1:
        pixels = data_set.Rows * data_set.Columns
        assert pixels % 8 == 0
        size = pixels // 8
    else:
        size = len(value) // number_of_frames
    return [value[n * size : (n + 1) * size] for n in range(number_of_frames)]


async def test_frames_that_do_not_end_on_a_byte(edge: Any, sender: Any, shared_dicom: Path) -> None:
    path = shared_dicom / "seg/liver_nonbyte_aligned.dcm"
    await send(sender, path.read_bytes())
    data_set = dcmread(path)
    bits = "".join(f"{byte:08b}"[::-1] for byte in data_set.PixelData)
    pixels = data_set.Rows * data_set.Columns
    address = (
        f"/dicom-web/studies/{data_set.StudyInstanceUID}/series/{data_set.SeriesInstanceUID}"
        f"/instances/{data_set.SOPInstanceUID}/frames/2"
    )
    frame = parts(await edge.admin.get(address, headers={"accept": FRAMES}))[0][1]
    assert "".join(f"{byte:08b}"[::-1] for byte in frame)[:pixels] == bits[pixels : 2 * pixels]


async def test_chinese_names_are_shown_whatever_the_object_declares(edge: Any, sender: Any, shared_dicom: Path) -> None:
    shown = {
        "aa_gbk_declared_latin1": "张^小明", "bb_gbk_undeclared": "张^小明", "cc_gb18030_4byte_rare": "䶮^㛃",
        "dd_gbk_declared": "欧阳^振华", "ee_utf8_astral": "王^𠮷", "ff_iso2022_ir58": "张^小东",
        "chrFren": "Buc^Jérôme",
    }  # fmt: skip
    for name, expected in shown.items():
        file = (shared_dicom / "charset" / f"{name}.dcm").read_bytes()
        await send(sender, file)
        data_set = dcmread(BytesIO(file))
        study = f"/dicom-web/studies/{data_set.StudyInstanceUID}"
        instance = f"{study}/series/{data_set.SeriesInstanceUID}/instances/{data_set.SOPInstanceUID}"
        [metadata] = (await edge.admin.get(f"{instance}/metadata")).json()
        assert expected in metadata["00100010"]["Value"][0].values(), name
