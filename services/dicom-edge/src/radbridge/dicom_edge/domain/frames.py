"""Where single frames of pixel data lie, native ones (PS3.5 section 8) and any as bits to read."""

from collections.abc import Iterator
from dataclasses import dataclass

from radbridge.dicom_edge.domain.dataset import DOUBLE_FLOAT_PIXEL_DATA, FLOAT_PIXEL_DATA


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

    def frame(self, number: int, value_bytes: int) -> "Frame":
        """Frame ``number`` (from 1) of a value of so many bytes.

        Frames of single-bit pixels follow one another without padding to bytes (PS3.5 section 8.1.1).

        :raises NoSuchFrame: it lies outside 1 … ``number_of_frames`` or the value, or the geometry is unknown.
        """
        if not 1 <= number <= self.number_of_frames or not self.bits:
            raise NoSuchFrame(number)
        first_bit = (number - 1) * self.bits
        if first_bit + self.bits > 8 * value_bytes:
            raise NoSuchFrame(number)
        return Frame(((first_bit, self.bits),))


@dataclass(frozen=True, slots=True)
class Frame:
    """What makes up one frame, or any other part of a value."""

    spans: tuple[tuple[int, int], ...]
    """First bit and number of bits, from the value's start."""

    @classmethod
    def of_bytes(cls, *spans: tuple[int, int]) -> "Frame":
        """From first byte and number of bytes."""
        return cls(tuple((8 * first, 8 * length) for first, length in spans))

    @property
    def length(self) -> int:
        """In bytes, as given to a reader: every span begins on a byte."""
        return sum((bits + 7) // 8 for _, bits in self.spans)

    def pieces(self, bytes_max: int) -> Iterator["Piece"]:
        """What to read, one after the other."""
        for first_bit, bits in self.spans:
            for done in range(0, bits, 8 * bytes_max):
                start, count = first_bit + done, min(8 * bytes_max, bits - done)
                first, end = start // 8, (start + count + 7) // 8
                yield Piece(first, end - first, start % 8, count)


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes to read at once, and the bits of them that are wanted."""

    offset: int
    length: int
    drop: int
    bits: int

    def cut(self, data: bytes) -> bytes:
        """The wanted bits, beginning on a byte."""
        return align_bits(data, self.drop, self.bits) if self.drop or self.bits % 8 else data


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
