"""Single frames of pixel data, native and encapsulated, as bytes (PS3.5 section 8 and annex A.4)."""

import struct
from dataclasses import dataclass
from io import BytesIO

from radbridge.dicom_edge.domain.dataset import (
    DOUBLE_FLOAT_PIXEL_DATA,
    FLOAT_PIXEL_DATA,
    Buffer,
    DataSetError,
)

_ITEM = 0xE000FFFE
_SEQUENCE_DELIMITER = 0xE0DDFFFE
"""As a little endian word: element number above group number."""
_ITEM_HEADER_BYTES = 8


class NoSuchFrame(LookupError):
    """The object has no such frame."""


@dataclass(frozen=True, slots=True)
class FrameGeometry:
    """What decides how many bytes a native frame takes."""

    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    photometric_interpretation: str
    number_of_frames: int

    @property
    def bits(self) -> int:
        """Bits of one frame. YBR_FULL_422 and YBR_PARTIAL_422 share two chroma samples between two pixels (PS3.3
        section C.7.6.3.1.2)."""
        samples = 2 if self.photometric_interpretation.endswith("_422") else self.samples_per_pixel
        return self.rows * self.columns * samples * self.bits_allocated

    def span(self, number: int) -> tuple[int, int, int]:
        """First byte, bytes to read and bits to drop at the start, of frame ``number`` (from 1).

        Frames of single-bit pixels follow one another without padding to bytes (PS3.5 section 8.1.1).

        :raises NoSuchFrame: it lies outside 1 … ``number_of_frames``, or the geometry is unknown.
        """
        if not 1 <= number <= self.number_of_frames or not self.bits:
            raise NoSuchFrame(number)
        first_bit = (number - 1) * self.bits
        last_bit = first_bit + self.bits
        first, last = first_bit // 8, (last_bit + 7) // 8
        return first, last - first, first_bit % 8


def geometry_of_tag(geometry: FrameGeometry, tag: int) -> FrameGeometry:
    """Float and double float pixel data have fixed sample sizes, whatever BitsAllocated says."""
    bits = {FLOAT_PIXEL_DATA: 32, DOUBLE_FLOAT_PIXEL_DATA: 64}.get(tag)
    if bits is None:
        return geometry
    return FrameGeometry(
        geometry.rows,
        geometry.columns,
        geometry.samples_per_pixel,
        bits,
        geometry.photometric_interpretation,
        geometry.number_of_frames,
    )


def align_bits(data: bytes, drop: int, bits: int) -> bytes:
    """Shift ``bits`` bits that begin ``drop`` bits into ``data`` (least significant first) to a byte boundary."""
    value = int.from_bytes(data, "little") >> drop
    value &= (1 << bits) - 1
    return value.to_bytes((bits + 7) // 8, "little")


def native_frame(geometry: FrameGeometry, number: int, data: bytes) -> bytes:
    """Frame ``number`` (from 1) of native pixel data, from the bytes that ``span`` names."""
    _, _, drop = geometry.span(number)
    return align_bits(data, drop, geometry.bits) if geometry.bits % 8 else data


def basic_offsets(start: bytes) -> list[int] | None:
    """Basic Offset Table at the start of an encapsulated value, as offsets from the value's first byte.

    ``None`` where it is empty, not whole in ``start``, or nonsense.
    """
    if len(start) < _ITEM_HEADER_BYTES:
        return None
    tag, length = struct.unpack_from("<II", start)
    end = _ITEM_HEADER_BYTES + length
    if tag != _ITEM or not length or length % 4 or end > len(start):
        return None
    offsets = [end + offset for offset in struct.unpack_from(f"<{length // 4}I", start, _ITEM_HEADER_BYTES)]
    return offsets if offsets[0] == end and offsets == sorted(set(offsets)) else None


def join_fragments(items: bytes) -> bytes:
    """A frame from the items that hold it.

    :raises DataSetError: the bytes are no items.
    """
    parts: list[bytes] = []
    position = 0
    while position + _ITEM_HEADER_BYTES <= len(items):
        tag, length = struct.unpack_from("<II", items, position)
        position += _ITEM_HEADER_BYTES
        if tag == _SEQUENCE_DELIMITER:
            break
        if tag != _ITEM or position + length > len(items):
            raise DataSetError("the offset table does not fit the fragments")
        parts.append(items[position : position + length])
        position += length
    return b"".join(parts)


def encapsulated_frames(
    value: Buffer, numbers: list[int], number_of_frames: int, offset_table: tuple[bytes, bytes] | None = None
) -> list[bytes]:
    """Frames (from 1) of an encapsulated value, fragments joined, in the order asked for.

    :param offset_table: values of (7FE0,0001) and (7FE0,0002), where the object has them.
    :raises NoSuchFrame: a frame is not there.
    :raises DataSetError: the fragments cannot be told apart.
    """
    from pydicom.encaps import generate_frames

    wanted = set(numbers)
    found: dict[int, bytes] = {}
    last = max(wanted, default=0)
    try:
        frames = generate_frames(BytesIO(value), number_of_frames=number_of_frames, extended_offsets=offset_table)
        for number, frame in enumerate(frames, start=1):
            if number in wanted:
                found[number] = frame
            if number >= last:
                break
    except (ValueError, EOFError) as error:
        raise DataSetError("the fragments of the pixel data cannot be told apart") from error
    for number in numbers:
        if number not in found or number < 1:
            raise NoSuchFrame(number)
    return [found[number] for number in numbers]
