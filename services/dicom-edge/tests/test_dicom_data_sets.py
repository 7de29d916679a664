"""Encoded data sets: walked, told as JSON, and refused where they are none."""

import struct
import zlib
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radbridge.dicom_edge.domain.bulk_data import find_value
from radbridge.dicom_edge.domain.dataset import DataSetError, walk
from radbridge.dicom_edge.domain.header import (
    PATIENT_NAME,
    SERIES_NUMBER,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    inflate,
    read_header,
)
from radbridge.dicom_edge.domain.json_model import DEPTH_MAX, data_set_json
from radbridge.dicom_edge.domain.part10 import encode_file_meta, read_file_meta
from radbridge.dicom_edge.domain.sop_classes import Service, is_uid, service_of
from radbridge.dicom_edge.domain.text import decode_text
from radbridge.dicom_edge.domain.transfer_syntaxes import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    choose_transfer_syntax,
    encoding_of,
    is_deflated,
)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_the_header_is_read_in_every_encoding(ct: Any, syntax: str) -> None:
    file = ct.as_file(ct.image(SeriesNumber=7), syntax)
    meta = read_file_meta(file)
    header = read_header(memoryview(file)[meta.data_set_offset :], meta.transfer_syntax_uid)
    assert header.uid(SOP_INSTANCE_UID) == meta.sop_instance_uid
    assert (header.uid(STUDY_INSTANCE_UID), header.text(PATIENT_NAME)) == ("1.2.3.4.5", "Zhang^San")
    assert (header.number(SERIES_NUMBER), header.number(0x00280010)) == (7, 16)
    assert header.pixel is not None
    assert (header.pixel.length, header.pixel.encapsulated) == (512, False)
    assert header.identity_fault() is None


def test_file_meta_is_read_as_written() -> None:
    file = encode_file_meta(
        sop_class_uid="1.2", sop_instance_uid="1.2.3", transfer_syntax_uid=ExplicitVRLittleEndian, source_ae_title="A"
    )
    meta = read_file_meta(file)
    assert (meta.sop_class_uid, meta.sop_instance_uid) == ("1.2", "1.2.3")
    assert (meta.transfer_syntax_uid, meta.data_set_offset) == (ExplicitVRLittleEndian, len(file))


@given(st.binary(max_size=400), st.sampled_from(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2",
                                                 "1.2.840.10008.1.2.1.99", "1.2.3"]))  # fmt: skip
def test_any_bytes_are_a_data_set_or_refused(data: bytes, syntax: str) -> None:
    try:
        header = read_header(data, syntax)
    except DataSetError:
        return
    header.identity_fault()
    data_set_json(data, encoding_of(syntax, data[:8]), bulk_data_uri=str)


@given(st.data())
def test_any_change_of_an_object_is_read_or_refused(data: st.DataObject) -> None:
    file = bytearray(_NESTED)
    for _ in range(data.draw(st.integers(1, 4))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_header(bytes(file), ExplicitVRLittleEndian)
    except DataSetError:
        return
    data_set_json(bytes(file), EXPLICIT_LITTLE, bulk_data_uri=str)


def nested(depth: int) -> bytes:
    """Sequences of undefined length inside one another."""
    inside = b"\x10\x00\x10\x00PN\x04\x00A^B "
    for _ in range(depth):
        inside = (
            b"\x08\x00\x15\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
            + inside
            + b"\xfe\xff\x0d\xe0\x00\x00\x00\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00"
        )
    return inside


_NESTED = nested(3) + b"\x10\x00\x20\x00LO\x04\x00ID01"


def test_nesting_of_any_depth_is_walked_and_told_to_a_limit() -> None:
    data_set = nested(5000)
    assert [element.length for element in walk(data_set, EXPLICIT_LITTLE)] == [len(data_set) - 12]
    told: Any = data_set_json(data_set, EXPLICIT_LITTLE, bulk_data_uri=str)
    depth = 0
    while told.get("00081115", {}).get("Value"):
        told = told["00081115"]["Value"][0]
        depth += 1
    assert depth == DEPTH_MAX


def test_a_sequence_written_as_un_is_read_as_implicit() -> None:
    inner = b"\x08\x00\x55\x11\x04\x00\x00\x001.2\x00"
    un = b"\x08\x00\x99\x11UN\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0" + struct.pack("<I", len(inner)) + inner
    data_set = un + b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
    told = data_set_json(data_set, EXPLICIT_LITTLE, bulk_data_uri=str)
    assert told["00081199"] == {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2"]}}]}


def test_json_of_values() -> None:
    def element(tag: int, vr: bytes, value: bytes) -> bytes:
        return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value

    data_set = b"".join(
        (
            element(0x00080008, b"CS", b"ORIGINAL\\\\AXIAL "),
            element(0x00100010, b"PN", b"A^B=\xe5\xbc\xa0 "),
            element(0x00100020, b"LO", b""),
            element(0x00200013, b"IS", b"12\\x "),
            element(0x00280009, b"AT", b"\x18\x00\x63\x10"),
            element(0x00280030, b"DS", b"0.5\\1e3\\"),
            element(0x00189461, b"FL", struct.pack("<f", float("nan"))),
        )
    )
    assert data_set_json(data_set, EXPLICIT_LITTLE, bulk_data_uri=str) == {
        "00080008": {"vr": "CS", "Value": ["ORIGINAL", None, "AXIAL"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B", "Ideographic": "张"}]},
        "00100020": {"vr": "LO"},
        "00200013": {"vr": "IS", "Value": [12, "x"]},
        "00280009": {"vr": "AT", "Value": ["00181063"]},
        "00280030": {"vr": "DS", "Value": [0.5, 1000.0, None]},
        "00189461": {"vr": "FL", "Value": ["NaN"]},
    }


def test_long_values_are_named_and_found_by_their_address() -> None:
    value = bytes(2000)
    inner = b"\x54\x00\x10\x10OW\x00\x00" + struct.pack("<I", len(value)) + value
    data_set = b"\x54\x00\x00\x01SQ\x00\x00" + struct.pack("<I", len(inner) + 8)
    data_set += b"\xfe\xff\x00\xe0" + struct.pack("<I", len(inner)) + inner
    told: Any = data_set_json(data_set, EXPLICIT_LITTLE, bulk_data_uri="http://x/".__add__)
    address = told["00540100"]["Value"][0]["00541010"]["BulkDataURI"]
    assert address == "http://x/00540100/0/00541010"
    start, length = find_value(data_set, EXPLICIT_LITTLE, address.removeprefix("http://x/").split("/"))
    assert data_set[start : start + length] == value


def test_deflated_data_is_inflated_to_its_end_and_not_beyond_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radbridge.dicom_edge.domain.header.INFLATED_MAX", 3 << 20)

    def deflated(data: bytes) -> bytes:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return packer.compress(data) + packer.flush()

    for size in (0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20):
        assert inflate(deflated(bytes(size))) == bytes(size)
    noise = Random(1).randbytes(2_500_000)
    assert inflate(memoryview(deflated(noise) + b"padding")) == noise
    for wrong in (deflated(bytes((3 << 20) + 1)), deflated(noise)[:-1], b"", b"\xff\xff"):
        with pytest.raises(DataSetError):
            inflate(wrong)


def test_json_says_what_pydicom_says(shared_dicom: Path) -> None:
    """Values of the published objects, but text, where the two differ knowingly (padding, mislabelled bytes)."""
    for folder in ("us", "sr", "seg", "misc", "pt", "ecg", "ct_one_image_all_ts"):
        for path in sorted((shared_dicom / folder).glob("*.dcm")):
            file = path.read_bytes()
            try:
                meta = read_file_meta(file)
            except DataSetError:
                continue
            data_set: bytes = file[meta.data_set_offset :]
            if is_deflated(meta.transfer_syntax_uid):
                data_set = inflate(data_set)
            encoding = encoding_of(meta.transfer_syntax_uid, data_set[:8])
            told = data_set_json(data_set, encoding, bulk_data_uri=str)
            expected = dcmread(path).to_json_dict(bulk_data_threshold=1024, bulk_data_element_handler=lambda _: "")
            for tag, element in expected.items():
                private = int(tag[:4], 16) % 2
                if (
                    private
                    or tag.endswith("0000")
                    or element["vr"] in ("SQ", "PN", "CS", "LO")
                    or "Value" not in element
                ):
                    continue
                assert told[tag].get("Value") == element["Value"], (path.name, tag)


@pytest.mark.parametrize(
    ("raw", "charsets", "text"),
    [
        ("张^小明".encode("gbk"), ("ISO_IR 100",), "张^小明"),
        ("张^小明".encode("gbk"), ("",), "张^小明"),
        ("朱^镕基".encode("gbk"), (), "朱^镕基"),
        ("王^𠮷".encode(), ("ISO_IR 192",), "王^𠮷"),
        ("王^小明".encode(), ("ISO_IR 100",), "王^小明"),
        ("王^小明".encode("gbk"), ("ISO_IR 192",), "王^小明"),
        ("Jérôme".encode("latin-1"), ("ISO_IR 100",), "Jérôme"),
        ("Äneas^Rüdiger".encode("latin-1"), ("ISO_IR 100",), "Äneas^Rüdiger"),
        (b"Zhang^San  ", ("GB18030",), "Zhang^San"),
        (b"\xff\xfe\xfd", ("NONSENSE",), "\xff\xfe\xfd"),
    ],
)
def test_text_is_shown_as_it_was_meant(raw: bytes, charsets: tuple[str, ...], text: str) -> None:
    assert decode_text(raw, charsets, person_name=True) == text


@given(st.binary(max_size=64), st.sampled_from([("",), ("ISO_IR 192",), ("GBK",), ("", "ISO 2022 IR 58"), ("X",)]))
def test_no_bytes_are_beyond_reading(raw: bytes, charsets: tuple[str, ...]) -> None:
    assert isinstance(decode_text(raw, charsets), str)


@pytest.mark.parametrize(
    ("uid", "service"),
    [
        ("1.2.840.10008.1.1", Service.VERIFICATION),
        ("1.2.840.10008.1.20.1", Service.STORAGE_COMMITMENT),
        ("1.2.840.10008.5.1.4.1.1.2", Service.STORAGE),
        ("1.2.840.10008.5.1.4.1.1.88.33", Service.STORAGE),
        ("1.2.840.10008.5.1.4.1.2.2.1", None),
        ("1.2.840.10008.5.1.4.31", None),
        ("1.2.840.10008.1.3.10", None),
        ("not a uid", None),
    ],
)
def test_abstract_syntaxes_are_known_for_what_they_are(uid: str, service: Service | None) -> None:
    assert service_of(uid) is service


def test_the_senders_first_choice_wins_but_for_implicit_vr() -> None:
    assert choose_transfer_syntax(["1.2.840.10008.1.2.4.70", ExplicitVRLittleEndian]) == "1.2.840.10008.1.2.4.70"
    assert choose_transfer_syntax([ImplicitVRLittleEndian, ExplicitVRLittleEndian]) == ExplicitVRLittleEndian
    assert choose_transfer_syntax([ImplicitVRLittleEndian]) == ImplicitVRLittleEndian
    assert encoding_of("1.2.3", b"\x08\x00\x05\x00CS") == EXPLICIT_LITTLE
    assert encoding_of("1.2.3", b"\x08\x00\x05\x00\x0a\x00") == IMPLICIT_LITTLE


@pytest.mark.parametrize("uid", ["", ".", "1.", "1..2", "1.2/3", "../1", "1" * 65, "１.2", "1.2\n"])
def test_what_is_no_uid(uid: str) -> None:
    assert not is_uid(uid)
