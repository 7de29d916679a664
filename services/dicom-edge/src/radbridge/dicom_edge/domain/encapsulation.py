"""Which fragments of an encapsulated value make up a frame (PS3.5 annex A.4, PS3.3 section C.7.6.3.1.8)."""

import struct
from array import array
from collections.abc import Iterator
from itertools import islice

from radbridge.dicom_edge.domain.dataset import DataSetError
from radbridge.dicom_edge.domain.frames import Frame, NoSuchFrame

ITEM_HEADER_BYTES = 8
FRAGMENTS_MAX = 1_000_000
"""Fragments of one value, and entries of its offset tables, that are looked at."""

_ITEM = 0xE000FFFE
_SEQUENCE_DELIMITER = 0xE0DDFFFE
"""As a little endian word: element number above group number."""
_TAIL_BYTES = 10
_END_OF_IMAGE = b"\xff\xd9"
"""Closes JPEG, JPEG-LS and JPEG 2000 streams; a byte of padding may follow."""


def basic_offsets(start: bytes) -> list[int] | None:
    """Basic Offset Table at the start of an encapsulated value, as offsets from the value's first byte.

    ``None`` where it is empty, not whole in ``start``, or nonsense.
    """
    if len(start) < ITEM_HEADER_BYTES:
        return None
    tag, length = struct.unpack_from("<II", start)
    end = ITEM_HEADER_BYTES + length
    if tag != _ITEM or not length or length % 4 or end > len(start):
        return None
    offsets = [end + offset for offset in struct.unpack_from(f"<{length // 4}I", start, ITEM_HEADER_BYTES)]
    return offsets if offsets[0] == end and offsets == sorted(set(offsets)) else None


def basic_offset_table_bytes(start: bytes) -> int:
    """Length of the Basic Offset Table's value, from the header of its item.

    :raises DataSetError: an encapsulated value does not begin like this.
    """
    tag, length = struct.unpack_from("<II", start)
    if tag != _ITEM or length % 4 or length > 4 * FRAGMENTS_MAX:
        raise DataSetError("the pixel data does not begin with an offset table")
    return length


class FragmentScan:
    """Finds the fragments between two positions of a value, fed with windows of its bytes.

    :param tails: also note which fragments end like a compressed image.
    """

    def __init__(self, start: int, end: int, *, tails: bool) -> None:
        self.starts = array("Q")
        self.lengths = array("Q")
        self.ends_image = bytearray()
        """For each fragment 1 or 0, where tails are noted."""
        self.ended = start + ITEM_HEADER_BYTES > end
        self._start = start
        self._position = start
        self._end = end
        self._tails = tails

    @property
    def wanted(self) -> tuple[int, int]:
        """Where the next window begins, and how many bytes it must have at least."""
        offset = max(self._start, self._position - _TAIL_BYTES) if self._tails else self._position
        return offset, min(self._position + ITEM_HEADER_BYTES, self._end) - offset

    def feed(self, window: bytes, offset: int) -> None:
        """Go on as far as a window reaches that begins at ``offset``.

        :raises DataSetError: the bytes are no items, or an item reaches beyond the end.
        """
        limit = offset + len(window)
        while not self.ended:
            if self._tails and len(self.ends_image) < len(self.starts):
                if self._position > limit:
                    return
                self._note_tail(window, offset)
            if self._position + ITEM_HEADER_BYTES > self._end:
                self.ended = True
            elif self._position + ITEM_HEADER_BYTES > limit:
                return
            else:
                self._take(*struct.unpack_from("<II", window, self._position - offset))

    def frame(self, first: int, end: int) -> Frame:
        """The fragments from one to before another, as one frame."""
        return Frame.of_bytes(*zip(self.starts[first:end], self.lengths[first:end], strict=True))

    def _take(self, tag: int, length: int) -> None:
        if tag == _SEQUENCE_DELIMITER:
            self.ended = True
            return
        value = self._position + ITEM_HEADER_BYTES
        if tag != _ITEM or value + length > self._end:
            raise DataSetError("the fragments of the pixel data cannot be told apart")
        if len(self.starts) >= FRAGMENTS_MAX:
            raise DataSetError("the pixel data has too many fragments")
        self.starts.append(value)
        self.lengths.append(length)
        self._position = value + length

    def _note_tail(self, window: bytes, offset: int) -> None:
        tail = window[max(self.starts[-1], self._position - _TAIL_BYTES) - offset : self._position - offset]
        self.ends_image.append(_END_OF_IMAGE in tail)


def frames_by_extended_offsets(
    numbers: list[int], tables: tuple[bytes, bytes], first_fragment: int, value_bytes: int
) -> list[Frame]:
    """Frames (from 1) by (7FE0,0001) and (7FE0,0002).

    :raises NoSuchFrame: the tables do not name it.
    """
    offsets, lengths = (struct.unpack_from(f"<{len(table) // 8}Q", table) for table in tables)
    found: list[Frame] = []
    for number in numbers:
        if not 1 <= number <= min(len(offsets), len(lengths)):
            raise NoSuchFrame(number)
        start = min(first_fragment + offsets[number - 1] + ITEM_HEADER_BYTES, value_bytes)
        found.append(Frame.of_bytes((start, min(lengths[number - 1], value_bytes - start))))
    return found


def frames_by_fragments(
    numbers: list[int], scan: FragmentScan, number_of_frames: int, offsets: tuple[int, ...]
) -> list[Frame]:
    """Frames (from 1) of a value whose fragments were all found, with their tails.

    :param offsets: the Basic Offset Table, from the first fragment; empty where there is none.
    :raises NoSuchFrame: a frame is not there.
    :raises DataSetError: the fragments cannot be told apart.
    """
    groups = _by_basic_offsets(scan, offsets) if offsets else _by_rules(scan, number_of_frames)
    cut = list(islice(groups, max(numbers)))
    if not all(1 <= number <= len(cut) for number in numbers):
        raise NoSuchFrame(numbers)
    return [scan.frame(*cut[number - 1]) for number in numbers]


def _by_basic_offsets(scan: FragmentScan, offsets: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    first, frame, position = 0, 0, 0
    for index, length in enumerate(scan.lengths):
        if frame + 1 < len(offsets) and position >= offsets[frame + 1]:
            yield first, index
            first, frame = index, frame + 1
        position += ITEM_HEADER_BYTES + length
    yield first, len(scan.lengths)


def _by_rules(scan: FragmentScan, number_of_frames: int) -> Iterator[tuple[int, int]]:
    """One fragment is one frame; one frame has all fragments; as many as frames are one each; of more, those that end
    like an image end a frame."""
    fragments = len(scan.starts)
    if number_of_frames == 1 or fragments == 1:
        yield 0, fragments
    elif fragments == number_of_frames:
        yield from ((index, index + 1) for index in range(fragments))
    elif fragments > number_of_frames:
        first = 0
        for index, ends_image in enumerate(scan.ends_image):
            if ends_image:
                yield first, index + 1
                first = index + 1
        if first < fragments:
            yield first, fragments
    else:
        raise DataSetError("the pixel data has fewer fragments than frames")
