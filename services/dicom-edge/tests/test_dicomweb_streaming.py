"""Frames and bulk data of any size are given in pieces, and are the same bytes as ever."""

import asyncio
import struct
from email.parser import BytesParser
from email.policy import HTTP
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, JPEGBaseline8Bit

from radbridge.dicom_edge.domain.dataset import DataSetError
from radbridge.dicom_edge.domain.frames import FrameGeometry, NoSuchFrame, align_bits
from radbridge.dicom_edge.frame_reader import locate_frames
from radbridge.dicom_edge.objects import CHUNK_BYTES, Objects, StoredBytes
from radbridge.dicom_edge.store import Instance

INSTANCE = "/dicom-web/studies/1.2.3.4.5/series/1.2.3.4.5.1/instances/3.1"
FRAMES = {"accept": "multipart/related; type=application/octet-stream; transfer-syntax=*"}


def parts(answer: Any) -> list[bytes]:
    assert answer.status_code == 200, answer.text
    head = b"Content-Type: " + answer.headers["content-type"].encode() + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + answer.content)
    return [part.get_payload(decode=True) for part in message.iter_parts()]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much was read at once, each time."""
    lengths: list[int] = []
    read = Objects.read

    async def counted(self: Objects, instance: Instance, *, offset: int = 0, length: int | None = None) -> bytes:
        data = await read(self, instance, offset=offset, length=length)
        lengths.append(len(data))
        return data

    monkeypatch.setattr(Objects, "read", counted)
    return lengths


async def send(sender: Any, file: bytes) -> None:
    assert await asyncio.to_thread(sender.send, file) == [0x0000]


def compressed(ct: Any, value: bytes, frames: int) -> bytes:
    image = ct.image(SOPInstanceUID="3.1", NumberOfFrames=frames, PixelData=value)
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = True
    return ct.as_file(image, JPEGBaseline8Bit)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
async def test_large_native_frames(edge: Any, sender: Any, ct: Any, reads: list[int], syntax: str) -> None:
    size = 1536 * 1024
    noise = [Random(n).randbytes(size) for n in range(4)]
    image = ct.image(SOPInstanceUID="3.1", Rows=1536, Columns=1024, BitsAllocated=8, NumberOfFrames=4,
                     PixelData=b"".join(noise))  # fmt: skip
    await send(sender, ct.as_file(image, syntax))
    answer = await edge.admin.get(f"{INSTANCE}/frames/4,1,3", headers=FRAMES)
    assert parts(answer) == [noise[3], noise[0], noise[2]]
    assert int(answer.headers["content-length"]) == len(answer.content)
    alone = await edge.admin.get(f"{INSTANCE}/frames/2", headers={"accept": "application/octet-stream"})
    assert alone.content == noise[1]
    assert max(reads) <= CHUNK_BYTES


@pytest.mark.parametrize("has_offsets", [True, False])
async def test_large_compressed_frames(edge: Any, sender: Any, ct: Any, reads: list[int], has_offsets: bool) -> None:
    jpeg = [b"\xff\xd8" + Random(n).randbytes(1_400_000) + b"\xff\xd9" for n in range(3)]
    await send(sender, compressed(ct, encapsulate(jpeg, fragments_per_frame=2, has_bot=has_offsets), 3))
    assert parts(await edge.admin.get(f"{INSTANCE}/frames/3,1", headers=FRAMES)) == [jpeg[2], jpeg[0]]
    assert parts(await edge.admin.get(f"{INSTANCE}/frames/2", headers=FRAMES)) == [jpeg[1]]
    assert max(reads) <= CHUNK_BYTES


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
async def test_large_bulk_data(edge: Any, sender: Any, ct: Any, reads: list[int], syntax: str) -> None:
    noise = Random(1).randbytes(5_000_000)
    image = ct.image(SOPInstanceUID="3.1", Rows=2500, Columns=1000, PixelData=noise)
    image.add_new(0x00420011, "OB", noise[::-1])
    image.add_new(0xFFFCFFFC, "OB", noise[:100])
    await send(sender, ct.as_file(image, syntax))
    for tag, value in (("7FE00010", noise), ("7fe00010", noise), ("00420011", noise[::-1]), ("FFFCFFFC", noise[:100])):
        assert parts(await edge.admin.get(f"{INSTANCE}/bulkdata/{tag}")) == [value], tag
    assert len((await edge.admin.get(f"{INSTANCE}/metadata")).json()) == 1
    assert max(reads) <= CHUNK_BYTES


async def test_large_values_are_not_given_where_the_disk_has_no_room_for_them(
    edge: Any, sender: Any, ct: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = ct.image(SOPInstanceUID="3.1")
    image.add_new(0x00420011, "OB", bytes(5_000_000))
    await send(sender, ct.as_file(image))
    monkeypatch.setattr("radbridge.dicom_edge.volume.Volume.free_bytes", lambda self: 0)
    assert (await edge.admin.get(f"{INSTANCE}/bulkdata/00420011")).status_code == 503
    assert (await edge.admin.get(f"{INSTANCE}/frames/1")).status_code == 200


async def test_a_frame_is_asked_for_once(edge: Any, sender: Any, ct: Any) -> None:
    await send(sender, ct.as_file(ct.image(SOPInstanceUID="3.1")))
    for numbers in ("1,1", "1,2,1", ",".join(["1"] * 10_000)):
        answer = await edge.admin.get(f"{INSTANCE}/frames/{numbers}", headers=FRAMES)
        assert (answer.status_code, answer.json()["detail"]) == (400, "Each frame is given once.")


async def test_an_offset_table_that_names_bytes_again_and_again_is_no_way_to_grow_an_answer(
    edge: Any, sender: Any, ct: Any
) -> None:
    image = ct.image(SOPInstanceUID="3.1", NumberOfFrames=3, PixelData=encapsulate([bytes(90)], has_bot=False))
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = True
    image.ExtendedOffsetTable = bytes(24)
    image.ExtendedOffsetTableLengths = struct.pack("<3Q", 90, 90, 90)
    await send(sender, ct.as_file(image, JPEGBaseline8Bit))
    assert parts(await edge.admin.get(f"{INSTANCE}/frames/2", headers=FRAMES)) == [bytes(90)]
    assert (await edge.admin.get(f"{INSTANCE}/frames/1,2,3", headers=FRAMES)).status_code == 410


def stored(value: bytes) -> StoredBytes:
    async def read(offset: int, length: int) -> bytes:
        return value[offset : offset + length]

    return StoredBytes(read, len(value))


async def cut(value: bytes, number_of_frames: int, numbers: list[int], most: int) -> list[bytes]:
    """Frames as the service cuts them, from windows of ``most`` bytes."""

    class NoHeader:
        async def header(self, _: Any) -> bytes:
            return b""

    instance = SimpleNamespace(encapsulated=1, number_of_frames=number_of_frames, transfer_syntax_uid=JPEGBaseline8Bit)
    source = stored(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("radbridge.dicom_edge.frame_reader.CHUNK_BYTES", most)
        patch.setattr("radbridge.dicom_edge.frame_reader._GLANCE_BYTES", most)
        frames = await locate_frames(cast("Any", NoHeader()), source, cast("Any", instance), numbers)
    return [b"".join([chunk async for chunk in source.stream(frame)]) for frame in frames]


def item(value: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(value)) + value


fragment = st.one_of(
    st.binary(max_size=40), st.binary(max_size=30).map(lambda data: data + b"\xff\xd9"), st.just(b"\xff\xd9\x00")
)


@given(
    fragments=st.lists(fragment, min_size=1, max_size=8),
    offsets=st.one_of(st.just([]), st.lists(st.integers(0, 200), max_size=6).map(lambda some: [0, *sorted(some)])),
    number_of_frames=st.integers(1, 8),
    most=st.sampled_from([1, 19, 64, 1 << 20]),
)
@pytest.mark.filterwarnings("ignore:The end of the encapsulated pixel data")
def test_fragments_are_cut_as_pydicom_cuts_them(
    fragments: list[bytes], offsets: list[int], number_of_frames: int, most: int
) -> None:
    table = item(struct.pack(f"<{len(offsets)}I", *offsets))
    value = table + b"".join(map(item, fragments)) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    ours = cut(value, number_of_frames, [1], most)
    try:
        expected = list(generate_frames(value, number_of_frames=number_of_frames))
    except ValueError:
        with pytest.raises(DataSetError):
            asyncio.run(ours)
        return
    if len(offsets) == number_of_frames > 1 and offsets == sorted(set(offsets)):
        ours.close()  # an offset that is none of a fragment's is refused there, and read past by pydicom
        starts = {sum(len(one) + 8 for one in fragments[:count]) for count in range(len(fragments))}
        if not starts.issuperset(offsets):
            return
        ours = cut(value, number_of_frames, [1], most)
    assert asyncio.run(ours) == expected[:1]
    numbers = list(range(len(expected), 0, -1))
    assert asyncio.run(cut(value, number_of_frames, numbers, most)) == expected[::-1]
    for number in (0, len(expected) + 1):
        with pytest.raises(NoSuchFrame):
            asyncio.run(cut(value, number_of_frames, [number], most))


@pytest.mark.parametrize(
    "value", [b"", b"\xfe\xff", item(b""), item(b"abc"), item(b"") + b"\xff" * 8, item(b"") + item(bytes(20))[:-1]]
)
async def test_what_is_no_encapsulated_value_is_refused(value: bytes) -> None:
    with pytest.raises(DataSetError):
        await cut(value, 2, [1], 64)


@given(st.data())
def test_frames_of_any_number_of_bits_in_pieces_of_any_size(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    count = data.draw(st.integers(1, 4))
    geometry = FrameGeometry(rows, columns, 1, data.draw(st.sampled_from([1, 8, 12, 16])), "MONOCHROME2", count)
    value = data.draw(st.binary(min_size=(geometry.bits * count + 7) // 8, max_size=(geometry.bits * count + 7) // 8))
    bits = "".join(f"{byte:08b}"[::-1] for byte in value)
    for number in range(1, count + 1):
        frame = geometry.frame(number, len(value))
        pieces = list(frame.pieces(data.draw(st.integers(1, 7))))
        given = b"".join(piece.cut(value[piece.offset : piece.offset + piece.length]) for piece in pieces)
        wanted = bits[(number - 1) * geometry.bits : number * geometry.bits]
        assert len(given) == frame.length
        assert "".join(f"{byte:08b}"[::-1] for byte in given) == wanted.ljust(8 * frame.length, "0")
    with pytest.raises(NoSuchFrame):
        geometry.frame(count, len(value) - 1)
    assert align_bits(b"\x80\x01", 7, 2) == b"\x03"
