"""Finds the frames of a stored object without holding its pixel data."""

import asyncio
import struct

from radbridge.dicom_edge.domain.dataset import DataSetError
from radbridge.dicom_edge.domain.encapsulation import (
    FRAGMENTS_MAX,
    ITEM_HEADER_BYTES,
    FragmentScan,
    basic_offset_table_bytes,
    basic_offsets,
    frames_by_extended_offsets,
    frames_by_fragments,
)
from radbridge.dicom_edge.domain.frames import Frame, FrameGeometry, NoSuchFrame, geometry_of_tag
from radbridge.dicom_edge.domain.header import offset_table
from radbridge.dicom_edge.domain.transfer_syntaxes import encoding_of
from radbridge.dicom_edge.objects import CHUNK_BYTES, Objects, StoredBytes
from radbridge.dicom_edge.store import Instance

_GLANCE_BYTES = 4096
"""Read of each frame where several are asked for: mostly the header of its only item is all that counts."""


async def locate_frames(objects: Objects, value: StoredBytes, instance: Instance, numbers: list[int]) -> list[Frame]:
    """Frames (from 1) in the order asked for, as parts of the pixel data's value.

    :raises NoSuchFrame: one is not there.
    :raises DataSetError: the fragments cannot be told apart.
    """
    if not instance.encapsulated:
        geometry = _geometry(instance)
        return [geometry.frame(number, value.length) for number in numbers]
    frames = await _by_own_offsets(value, instance.number_of_frames, numbers)
    if frames is None:
        frames = await _by_all_fragments(objects, value, instance, numbers)
    if sum(frame.length for frame in frames) > value.length:
        raise DataSetError("the offset table names bytes more than once")
    return frames


def _geometry(instance: Instance) -> FrameGeometry:
    return geometry_of_tag(
        FrameGeometry(
            instance.rows,
            instance.columns,
            instance.samples_per_pixel,
            instance.bits_allocated,
            instance.photometric_interpretation,
            instance.number_of_frames,
        ),
        instance.pixel_tag,
    )


async def _by_own_offsets(value: StoredBytes, number_of_frames: int, numbers: list[int]) -> list[Frame] | None:
    """Frames read alone, where a Basic Offset Table tells where each of them lies."""
    if not 1 < number_of_frames <= FRAGMENTS_MAX:
        return None
    least = min(value.length, 2 * ITEM_HEADER_BYTES + 4 * number_of_frames)
    offsets = basic_offsets(await value.window(0, least, least))
    if offsets is None or len(offsets) != number_of_frames:
        return None
    if not all(1 <= number <= len(offsets) for number in numbers):
        raise NoSuchFrame(numbers)
    ends = [*offsets[1:], value.length]
    most = CHUNK_BYTES if len(numbers) == 1 else _GLANCE_BYTES
    frames: list[Frame] = []
    for number in numbers:
        scan = FragmentScan(offsets[number - 1], ends[number - 1], tails=False)
        await _scan(value, scan, most)
        frames.append(scan.frame(0, len(scan.starts)))
    return frames


async def _by_all_fragments(
    objects: Objects, value: StoredBytes, instance: Instance, numbers: list[int]
) -> list[Frame]:
    length = basic_offset_table_bytes((await value.window(0, ITEM_HEADER_BYTES, CHUNK_BYTES))[:ITEM_HEADER_BYTES])
    first = ITEM_HEADER_BYTES + length
    header = await objects.header(instance)
    encoding = encoding_of(instance.transfer_syntax_uid, bytes(header[:8]))
    tables = await asyncio.to_thread(offset_table, header, encoding)
    if tables is not None:
        return frames_by_extended_offsets(numbers, tables, first, value.length)
    offsets = struct.unpack_from(f"<{length // 4}I", await value.window(0, first, first), ITEM_HEADER_BYTES)
    scan = FragmentScan(first, value.length, tails=True)
    await _scan(value, scan, CHUNK_BYTES)
    return await asyncio.to_thread(frames_by_fragments, numbers, scan, instance.number_of_frames, offsets)


async def _scan(value: StoredBytes, scan: FragmentScan, most: int) -> None:
    while not scan.ended:
        offset, least = scan.wanted
        window = await value.window(offset, least, most)
        await asyncio.to_thread(scan.feed, window, offset)
