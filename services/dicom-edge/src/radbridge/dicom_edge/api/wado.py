"""WADO-RS: objects, metadata, frames and bulk data (PS3.18 section 10.4)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from radbridge.dicom_edge.access import ReadAccess
from radbridge.dicom_edge.domain.bulk_data import find_value
from radbridge.dicom_edge.domain.dataset import DataSetError
from radbridge.dicom_edge.domain.frames import (
    FrameGeometry,
    NoSuchFrame,
    basic_offsets,
    encapsulated_frames,
    geometry_of_tag,
    join_fragments,
    native_frame,
)
from radbridge.dicom_edge.domain.header import offset_table
from radbridge.dicom_edge.domain.media_types import (
    DICOM,
    DICOM_JSON,
    MULTIPART_RELATED,
    NotAcceptable,
    accepts_dicom_json,
    choose_bulk_type,
    choose_dicom,
    choose_frame_type,
    parse_accept,
)
from radbridge.dicom_edge.domain.multipart import MultipartWriter
from radbridge.dicom_edge.domain.transfer_syntaxes import (
    OCTET_STREAM,
    encoding_of,
    frame_media_type,
    frame_transfer_syntax,
)
from radbridge.dicom_edge.metadata import BASE, PreparedMetadata, instance_path
from radbridge.dicom_edge.objects import ObjectElsewhere, ObjectMissing, Objects
from radbridge.dicom_edge.queries import instances_to_serve
from radbridge.dicom_edge.store import Instance
from radbridge.runtime.database.protocol import Database
from radbridge.runtime.problems import Problem

T = TypeVar("T")

_HEADERS = {"cache-control": "no-store"}
_RETRIEVE = "dicomweb.retrieve"


@dataclass(frozen=True, slots=True)
class Wado:
    """What the routes need."""

    database: Database
    objects: Objects
    metadata: PreparedMetadata
    access: ReadAccess
    base_url: str
    """Start of absolute addresses, with the DICOMweb root."""

    async def find(
        self, request: Request, study: str, series: str | None = None, instance: str | None = None
    ) -> list[Instance]:
        """Objects to give, access checked and recorded.

        :raises Problem: 401, 403, 404.
        """
        principal = self.access.principal(request)
        scope = await self.access.study_scope(principal, study, _RETRIEVE)
        found = await instances_to_serve(self.database, scope, study, series_uid=series, sop_instance_uid=instance)
        studies = {(one.institution_id, study) for one in found} or {(scope.institution_id, study)}
        await self.access.record(principal, _RETRIEVE, studies)
        if not found:
            raise Problem(404, detail="Nothing of that name is stored.")
        return found

    async def objects_response(self, request: Request, study: str, found: list[Instance]) -> Response:
        """Whole objects as stored."""
        try:
            chosen = choose_dicom(parse_accept(request.headers.get("accept")), {i.transfer_syntax_uid for i in found})
        except NotAcceptable as error:
            raise Problem(406, detail=f"Given is {error}.") from error
        first = await _or_problem(self.objects.read(found[0], length=1))
        assert first
        if chosen.name != MULTIPART_RELATED and chosen.name == DICOM and len(found) == 1:
            content_type = f"{DICOM}; transfer-syntax={found[0].transfer_syntax_uid}"
            headers = {**_HEADERS, "content-type": content_type, "content-length": str(found[0].size)}
            return StreamingResponse(self.objects.stream(found[0]), headers=headers)
        writer = MultipartWriter(DICOM)
        return StreamingResponse(
            self._parts(writer, study, found), headers={**_HEADERS, "content-type": writer.content_type}
        )

    async def _parts(self, writer: MultipartWriter, study: str, found: list[Instance]) -> AsyncIterator[bytes]:
        for one in found:
            location = self.base_url + instance_path(study, one.series_uid, one.sop_instance_uid)
            content_type = f"{DICOM}; transfer-syntax={one.transfer_syntax_uid}"
            yield writer.part(content_type, location=location, length=one.size)
            async for chunk in self.objects.stream(one):
                yield chunk
        yield writer.end()

    async def metadata_response(self, request: Request, study: str, found: list[Instance], *, whole: bool) -> Response:
        """Metadata as one JSON array."""
        if not accepts_dicom_json(parse_accept(request.headers.get("accept"))):
            raise Problem(406, detail=f"Metadata comes as {DICOM_JSON}.")
        parts: list[bytes] = []
        if whole:
            for _, group in groupby(found, key=lambda one: (one.study_id, one.series_uid)):
                parts += await _or_problem(self.metadata.of_series(study, list(group)))
        else:
            parts = [await _or_problem(self.metadata.of_instance(study, one)) for one in found]
        body = b"[" + b",".join(parts).replace(BASE.encode(), self.base_url.encode()) + b"]"
        return Response(body, media_type=DICOM_JSON, headers=_HEADERS)

    async def frames_response(self, request: Request, found: Instance, numbers: list[int]) -> Response:
        """Frames as stored, one part each."""
        if not found.pixel_tag:
            raise Problem(404, detail="The object has no pixel data.")
        native = not found.encapsulated
        syntax = frame_transfer_syntax(found.transfer_syntax_uid) if native else found.transfer_syntax_uid
        media_type = OCTET_STREAM if native else frame_media_type(found.transfer_syntax_uid)
        try:
            part_type, multipart = choose_frame_type(parse_accept(request.headers.get("accept")), syntax, media_type)
        except NotAcceptable as error:
            raise Problem(406, detail=f"Given is {error}.") from error
        try:
            frames = await _or_problem(self._frames(found, numbers))
        except NoSuchFrame as error:
            raise Problem(404, detail="The object has no such frame.") from error
        content_type = f"{part_type}; transfer-syntax={syntax}"
        if not multipart and len(frames) == 1:
            return Response(frames[0], headers={**_HEADERS, "content-type": content_type})
        writer = MultipartWriter(part_type)
        body = b"".join(piece for frame in frames for piece in (writer.part(content_type, length=len(frame)), frame))
        return Response(body + writer.end(), headers={**_HEADERS, "content-type": writer.content_type})

    async def _frames(self, found: Instance, numbers: list[int]) -> list[bytes]:
        if found.encapsulated:
            alone = await self._frames_by_offset(found, numbers)
            if alone is not None:
                return alone
            header = await self.objects.header(found)
            value = await self.objects.pixel_bytes(found, 0, found.pixel_length)
            encoding = encoding_of(found.transfer_syntax_uid, bytes(header[:8]))
            table = offset_table(header, encoding)
            return await asyncio.to_thread(encapsulated_frames, value, numbers, found.number_of_frames, table)
        geometry = geometry_of_tag(
            FrameGeometry(
                found.rows,
                found.columns,
                found.samples_per_pixel,
                found.bits_allocated,
                found.photometric_interpretation,
                found.number_of_frames,
            ),
            found.pixel_tag,
        )
        frames: list[bytes] = []
        for number in numbers:
            first, length, _ = geometry.span(number)
            if first + length > found.pixel_length:
                raise NoSuchFrame(number)
            data = await self.objects.pixel_bytes(found, first, length)
            frames.append(native_frame(geometry, number, data))
        return frames

    async def _frames_by_offset(self, found: Instance, numbers: list[int]) -> list[bytes] | None:
        """Encapsulated frames read alone, where a Basic Offset Table tells where they lie."""
        if found.number_of_frames == 1:
            return None
        start = await self.objects.pixel_bytes(found, 0, min(found.pixel_length, 16 + 4 * found.number_of_frames))
        offsets = basic_offsets(start)
        if offsets is None or len(offsets) != found.number_of_frames:
            return None
        if not all(1 <= number <= len(offsets) for number in numbers):
            raise NoSuchFrame(numbers)
        ends = [*offsets[1:], found.pixel_length]
        return [
            join_fragments(await self.objects.pixel_bytes(found, offsets[n - 1], ends[n - 1] - offsets[n - 1]))
            for n in numbers
        ]

    async def bulk_data_response(self, request: Request, found: Instance, path: str) -> Response:
        """One value as stored."""
        try:
            multipart = choose_bulk_type(parse_accept(request.headers.get("accept")))
        except NotAcceptable as error:
            raise Problem(406, detail=f"Given is {error}.") from error
        data_set = await _or_problem(self.objects.data_set(found))
        encoding = encoding_of(found.transfer_syntax_uid, bytes(data_set[:8]))
        try:
            value = await asyncio.to_thread(find_value, data_set, encoding, path.split("/"))
        except DataSetError as error:
            raise Problem(404, detail="The object has no such value.") from error
        content_type = f"{OCTET_STREAM}; transfer-syntax={found.transfer_syntax_uid}"
        if not multipart:
            return Response(value, headers={**_HEADERS, "content-type": content_type})
        writer = MultipartWriter(OCTET_STREAM)
        body = writer.part(content_type, length=len(value)) + value + writer.end()
        return Response(body, headers={**_HEADERS, "content-type": writer.content_type})


def router(wado: Wado) -> APIRouter:
    """Routes of WADO-RS."""
    routes = APIRouter(prefix="/dicom-web", tags=["DICOMweb"])
    one = "/studies/{study}/series/{series}/instances/{instance}"

    @routes.get("/studies/{study}")
    async def study_objects(request: Request, study: str) -> Response:
        return await wado.objects_response(request, study, await wado.find(request, study))

    @routes.get("/studies/{study}/series/{series}")
    async def series_objects(request: Request, study: str, series: str) -> Response:
        return await wado.objects_response(request, study, await wado.find(request, study, series))

    @routes.get(one)
    async def instance_object(request: Request, study: str, series: str, instance: str) -> Response:
        return await wado.objects_response(request, study, await wado.find(request, study, series, instance))

    @routes.get("/studies/{study}/metadata")
    async def study_metadata(request: Request, study: str) -> Response:
        return await wado.metadata_response(request, study, await wado.find(request, study), whole=True)

    @routes.get("/studies/{study}/series/{series}/metadata")
    async def series_metadata(request: Request, study: str, series: str) -> Response:
        return await wado.metadata_response(request, study, await wado.find(request, study, series), whole=True)

    @routes.get(one + "/metadata")
    async def instance_metadata(request: Request, study: str, series: str, instance: str) -> Response:
        found = await wado.find(request, study, series, instance)
        return await wado.metadata_response(request, study, found, whole=False)

    @routes.get(one + "/frames/{frames}")
    async def frames(request: Request, study: str, series: str, instance: str, frames: str) -> Response:
        numbers = _frame_numbers(frames)
        found = await wado.find(request, study, series, instance)
        return await wado.frames_response(request, found[0], numbers)

    @routes.get(one + "/bulkdata/{path:path}")
    async def bulk_data(request: Request, study: str, series: str, instance: str, path: str) -> Response:
        found = await wado.find(request, study, series, instance)
        return await wado.bulk_data_response(request, found[0], path)

    return routes


def _frame_numbers(text: str) -> list[int]:
    parts: Sequence[str] = text.split(",")
    if len(parts) > 10_000 or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise Problem(400, detail="Frames are numbers from 1, separated by commas.")
    return [int(part) for part in parts]


async def _or_problem(work: Awaitable[T]) -> T:
    try:
        return await work
    except ObjectElsewhere as error:
        raise Problem(503, detail="The object is on its way to the store.", headers={"retry-after": "30"}) from error
    except ObjectMissing as error:
        raise Problem(410, detail="The object is listed, but lost.") from error
    except DataSetError as error:
        raise Problem(410, detail="The object cannot be read.") from error
