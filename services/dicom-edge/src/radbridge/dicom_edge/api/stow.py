"""STOW-RS: storing objects by HTTP (PS3.18 section 10.5). Parts stream to the volume; there is no limit on the body."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from radbridge.dicom_edge.access import ReadAccess
from radbridge.dicom_edge.domain.json_model import Json, JsonDataSet, json_element
from radbridge.dicom_edge.domain.media_types import (
    DICOM,
    DICOM_JSON,
    MULTIPART_RELATED,
    accepts_dicom_json,
    parse_accept,
    parse_media_type,
)
from radbridge.dicom_edge.domain.multipart import MultipartError, MultipartReader, PartData, PartEnd, PartStart
from radbridge.dicom_edge.domain.sop_classes import is_uid
from radbridge.dicom_edge.domain.statuses import FailureReason, StoreStatus
from radbridge.dicom_edge.metadata import instance_path
from radbridge.dicom_edge.reception import Claim, Received, Reception
from radbridge.dicom_edge.volume import IncomingFile, VolumeFull
from radbridge.runtime.directory import Directory
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.principal import Principal

_PARTS_MAX = 100_000
_NOT_DICOM = Received(StoreStatus.CANNOT_UNDERSTAND, "the part is not application/dicom")
_FULL = Received(StoreStatus.OUT_OF_RESOURCES, "no room on the volume")


@dataclass(frozen=True, slots=True)
class Stow:
    """What the routes need."""

    reception: Reception
    access: ReadAccess
    directory: Directory
    base_url: str
    on_end: Callable[[set[str]], None]
    """Told the studies of a request once it is over."""
    count: Callable[[str], None]

    def institution_id(self, request: Request, principal: Principal) -> str:
        """Whose objects these are: the institution that sends them, or the one that an admin names.

        :raises Problem: 403 or 400.
        """
        code = request.query_params.get("hospitalCode")
        if principal.kind == "hospital" and principal.institution_id is not None:
            own = self.directory.by_id(principal.institution_id)
            if code is not None and (own is None or own.code != code):
                raise Problem(403, detail="An institution stores under its own code only.")
            return principal.institution_id
        if principal.grant is not None or not principal.may("admin"):
            raise Problem(403, detail="This identity stores no images.")
        institution = self.directory.by_code(code) if code else None
        if institution is None:
            raise Problem(400, detail="The parameter hospitalCode names no registered institution.")
        return institution.id

    async def store(self, request: Request, study_uid: str = "") -> Response:
        """Take a request and answer what became of each object."""
        principal = self.access.principal(request)
        institution_id = self.institution_id(request, principal)
        if study_uid and not is_uid(study_uid):
            raise Problem(400, detail="The path names no study UID.")
        if not accepts_dicom_json(parse_accept(request.headers.get("accept"))):
            raise Problem(406, detail=f"The answer comes as {DICOM_JSON}.")
        claim = Claim(institution_id=institution_id, received_by="stow", study_uid=study_uid)
        received: list[Received] = []
        try:
            async for one in self._receive(request, claim):
                received.append(one)
        finally:  # what came before a cut was stored, whatever is answered
            for one in received:
                self.count(one.status.name)
            self.on_end({one.study_id for one in received if one.study_id})
            studies = {(institution_id, one.study_uid) for one in received if one.acknowledged}
            await self.access.record(principal, "dicomweb.store", studies)
        return self._answer(received, study_uid)

    async def _receive(self, request: Request, claim: Claim) -> AsyncIterator[Received]:
        content_type = parse_media_type(request.headers.get("content-type", ""))
        if content_type.name == DICOM:
            async for one in self._single(request, claim):
                yield one
            return
        if content_type.name != MULTIPART_RELATED or content_type.part_type not in (DICOM, "*/*"):
            raise Problem(415, detail=f'Stored is {MULTIPART_RELATED}; type="{DICOM}".')
        try:
            reader = MultipartReader(content_type.parameters.get("boundary", ""))
            async for one in self._parts(request, reader, claim):
                yield one
        except MultipartError as error:
            raise Problem(400, detail=str(error)) from error

    async def _single(self, request: Request, claim: Claim) -> AsyncIterator[Received]:
        upload = _Upload(self.reception, claim)
        try:
            async for chunk in request.stream():
                await upload.write(chunk)
            yield await upload.finish()
        finally:
            upload.close()

    async def _parts(self, request: Request, reader: MultipartReader, claim: Claim) -> AsyncIterator[Received]:
        upload: _Upload | None = None
        parts = 0
        try:
            async for chunk in request.stream():
                for event in reader.feed(chunk):
                    if isinstance(event, PartStart):
                        parts += 1
                        if parts > _PARTS_MAX:
                            raise Problem(413, detail="Too many parts.")
                        name = parse_media_type(event.headers.get("content-type", DICOM)).name
                        upload = _Upload(self.reception, claim) if name == DICOM else None
                    elif isinstance(event, PartData) and upload is not None:
                        await upload.write(event.data)
                    elif isinstance(event, PartEnd):
                        yield await upload.finish() if upload is not None else _NOT_DICOM
                        upload = None
            reader.close()
        finally:
            if upload is not None:
                upload.close()

    def _answer(self, received: list[Received], study_uid: str) -> Response:
        """Store Instances Response (PS3.18 annex I)."""
        if not received:
            raise Problem(400, detail="The request holds no object.")
        stored = [one for one in received if one.acknowledged]
        failed = [one for one in received if not one.acknowledged]
        answer: JsonDataSet = {}
        study = study_uid or (stored[0].study_uid if stored else "")
        if study:
            answer["00081190"] = json_element("UR", f"{self.base_url}/studies/{study}")
        if failed:
            answer["00081198"] = json_element("SQ", *(_failed(one) for one in failed))
        if stored:
            answer["00081199"] = json_element("SQ", *(self._stored(one) for one in stored))
        status = 200 if not failed else 202 if stored else _refused_status(failed)
        return Response(orjson.dumps(answer), status_code=status, media_type=DICOM_JSON)

    def _stored(self, one: Received) -> dict[str, Json]:
        path = instance_path(one.study_uid, one.series_uid, one.sop_instance_uid)
        return {**_reference(one), "00081190": json_element("UR", self.base_url + path)}


class _Upload:
    """One object on its way from a request to the volume."""

    def __init__(self, reception: Reception, claim: Claim) -> None:
        self._reception = reception
        self._claim = claim
        self._incoming: IncomingFile | None = None
        self._full = False

    async def write(self, data: bytes) -> None:
        """The next bytes."""
        if not self._full and data:
            await asyncio.to_thread(self._write, data)

    async def finish(self) -> Received:
        """All bytes were written."""
        if self._full:
            return _FULL
        if self._incoming is None:
            return Received(StoreStatus.CANNOT_UNDERSTAND, "the object is empty")
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.to_thread(self._reception.finish, self._incoming, self._claim, loop)
        finally:
            self.close()

    def close(self) -> None:
        """Forget what was not finished."""
        if self._incoming is not None:
            self._incoming.close()

    def _write(self, data: bytes) -> None:
        if self._incoming is None:
            try:
                self._incoming = self._reception.begin_file(self._claim)
            except VolumeFull:
                self._full = True
                return
        self._incoming.write(data)


def router(stow: Stow) -> APIRouter:
    """Routes of STOW-RS."""
    routes = APIRouter(prefix="/dicom-web", tags=["DICOMweb"])

    @routes.post("/studies")
    async def store(request: Request) -> Response:
        return await stow.store(request)

    @routes.post("/studies/{study}")
    async def store_in_study(request: Request, study: str) -> Response:
        return await stow.store(request, study)

    return routes


def _failed(one: Received) -> dict[str, Json]:
    reason = FailureReason(int(one.status))
    return {**_reference(one), "00081197": json_element("US", int(reason))}


def _reference(one: Received) -> dict[str, Json]:
    found: dict[str, Json] = {}
    if one.sop_class_uid:
        found["00081150"] = json_element("UI", one.sop_class_uid)
    if one.sop_instance_uid:
        found["00081155"] = json_element("UI", one.sop_instance_uid)
    return found


def _refused_status(failed: list[Received]) -> int:
    """503 where trying again may help, else 409 (PS3.18 table 10.5.3-1)."""
    return 503 if all(one.status is StoreStatus.OUT_OF_RESOURCES for one in failed) else 409
