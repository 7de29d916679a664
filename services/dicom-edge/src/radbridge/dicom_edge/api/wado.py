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
from radbridge.dicom_edge.domain.dataset import DataSetError, tag_text
from radbridge.dicom_edge.domain.frames import Frame, NoSuchFrame
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
from radbridge.dicom_edge.frame_reader import locate_frames
from radbridge.dicom_edge.metadata import BASE, PreparedMetadata, instance_path
from radbridge.dicom_edge.objects import CHUNK_BYTES, ObjectElsewhere, ObjectMissing, Objects, StoredBytes
from radbridge.dicom_edge.queries import instances_to_serve
from radbridge.dicom_edge.store import Instance
from radbridge.dicom_edge.volume import VolumeFull
from radbridge.runtime.database.protocol import Database
from radbridge.runtime.problems import Problem

T = TypeVar("T")

_HEADERS = {"cache-control": "no-store"}
_RETRIEVE = "dicomweb.retrieve"
_AT_ONCE_BYTES_MAX = 1 << 20


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
        value = await _or_problem(self.objects.pixel_value(found))
        try:
            frames = await _or_problem(locate_frames(self.objects, value, found, numbers))
        except NoSuchFrame as error:
            raise Problem(404, detail="The object has no such frame.") from error
        return await _parts_response(value, frames, part_type, f"{part_type}; transfer-syntax={syntax}", multipart)

    async def bulk_data_response(self, request: Request, found: Instance, path: str) -> Response:
        """One value as stored."""
        try:
            multipart = choose_bulk_type(parse_accept(request.headers.get("accept")))
        except NotAcceptable as error:
            raise Problem(406, detail=f"Given is {error}.") from error
        try:
            value, place = await self._bulk_data(found, path)
        except DataSetError as error:
            raise Problem(404, detail="The object has no such value.") from error
        content_type = f"{OCTET_STREAM}; transfer-syntax={found.transfer_syntax_uid}"
        return await _parts_response(value, [place], OCTET_STREAM, content_type, multipart)

    async def _bulk_data(self, found: Instance, path: str) -> tuple[StoredBytes, Frame]:
        """Where a value lies, as part of the pixel data or of the data set.

        :raises DataSetError: there is no such value.
        """
        if found.pixel_tag and path.upper() == tag_text(found.pixel_tag):
            value = await _or_problem(self.objects.pixel_value(found))
            return value, Frame.of_bytes((0, value.length))
        data_set = await _or_problem(self.objects.header(found))
        encoding = encoding_of(found.transfer_syntax_uid, bytes(data_set[:8]))
        tags = path.split("/")
        try:
            place = await asyncio.to_thread(find_value, data_set, encoding, tags)
        except DataSetError:
            if not _lies_behind_pixel_data(found, tags[0]):
                raise
            data_set = await _or_problem(self.objects.data_set(found))
            place = await asyncio.to_thread(find_value, data_set, encoding, tags)
        return StoredBytes.of(data_set), Frame.of_bytes(place)


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


def _lies_behind_pixel_data(found: Instance, tag: str) -> bool:
    return found.pixel_tag > 0 and tag.upper() > tag_text(found.pixel_tag)


def _frame_numbers(text: str) -> list[int]:
    parts: Sequence[str] = text.split(",")
    if len(parts) > 10_000 or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise Problem(400, detail="Frames are numbers from 1, separated by commas.")
    numbers = [int(part) for part in parts]
    if len(set(numbers)) < len(numbers):
        raise Problem(400, detail="Each frame is given once.")
    return numbers


async def _parts_response(
    value: StoredBytes, frames: Sequence[Frame], part_type: str, content_type: str, multipart: bool
) -> Response:
    """Parts of a value: small answers at once, so that whatever fails is told; others as they are read."""
    writer = MultipartWriter(part_type)
    if multipart or len(frames) > 1:
        heads = [writer.part(content_type, length=frame.length) for frame in frames]
        end, content_type = writer.end(), writer.content_type
    else:
        heads, end = [b""], b""
    length = sum(len(head) + frame.length for head, frame in zip(heads, frames, strict=True)) + len(end)

    async def body() -> AsyncIterator[bytes]:
        for head, frame in zip(heads, frames, strict=True):
            yield head
            async for chunk in value.stream(frame):
                yield chunk
        yield end

    headers = {**_HEADERS, "content-type": content_type}
    if length <= _AT_ONCE_BYTES_MAX:
        return Response(await _or_problem(_joined(body())), headers=headers)
    first = next(piece for frame in frames for piece in frame.pieces(CHUNK_BYTES))
    await _or_problem(value.window(first.offset, first.length, first.length))
    return StreamingResponse(body(), headers={**headers, "content-length": str(length)})


async def _joined(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def _or_problem(work: Awaitable[T]) -> T:
    try:
        return await work
    except ObjectElsewhere as error:
        raise Problem(503, detail="The object is on its way to the store.", headers={"retry-after": "30"}) from error
    except ObjectMissing as error:
        raise Problem(410, detail="The object is listed, but lost.") from error
    except DataSetError as error:
        raise Problem(410, detail="The object cannot be read.") from error
    except VolumeFull as error:
        raise Problem(503, detail="There is no room to read so large an object.") from error
