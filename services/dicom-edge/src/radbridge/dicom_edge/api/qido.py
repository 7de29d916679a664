"""QIDO-RS: searching for studies, series and instances (PS3.18 section 10.6)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from radbridge.dicom_edge import queries
from radbridge.dicom_edge.access import ReadAccess
from radbridge.dicom_edge.domain.dataset import tag_text
from radbridge.dicom_edge.domain.header import (
    ACCESSION_NUMBER,
    MODALITY,
    PATIENT_ID,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_DATE,
    STUDY_INSTANCE_UID,
)
from radbridge.dicom_edge.domain.json_model import JsonDataSet, json_element
from radbridge.dicom_edge.domain.media_types import DICOM_JSON, accepts_dicom_json, parse_accept
from radbridge.dicom_edge.domain.qido import MODALITIES_IN_STUDY, Condition, Level, Query, QueryError, parse_query
from radbridge.dicom_edge.entries import patient_id_index, series_place, study_place
from radbridge.dicom_edge.metadata import instance_path
from radbridge.dicom_edge.queries import Scope, Where
from radbridge.runtime.database.protocol import Database, Row
from radbridge.runtime.directory import Directory
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.keyring import Keyring
from radbridge.runtime.security.vault import Vault

SCAN_MAX = 20_000
"""Rows looked through for conditions that only the sealed elements can answer."""
_SCAN_PAGE = 500
_EXTRA_STUDY_TAGS = ("00080080", "00100021", "00101010")
"""Answered only where ``includefield`` asks for them."""
_EXTRA_SERIES_TAGS = ("00080021", "00080031", "00080070", "00181030", "00200060")

_Opened: TypeAlias = dict[str, JsonDataSet]
"""Elements by their sealed text."""


@dataclass(frozen=True, slots=True)
class Found:
    """One page of results."""

    body: bytes
    """A JSON array; empty where nothing was found."""
    studies: list[tuple[str | None, str | None]]
    """Institution and UID of each study that was shown."""
    incomplete: bool
    """The search stopped at ``SCAN_MAX``."""


class Search:
    """Answers queries from the index."""

    def __init__(self, database: Database, keyring: Keyring, vault: Vault, directory: Directory) -> None:
        self._database = database
        self._keyring = keyring
        self._vault = vault
        self._directory = directory

    async def run(self, level: Level, query: Query, scope: Scope, *, base: str, fixed: dict[int, str]) -> Found:
        """Results of a query.

        :param fixed: UIDs that the path names.
        """
        where = Where()
        where.scope(scope)
        conditions = (*query.conditions, *(Condition(tag, "UI", (uid,)) for tag, uid in fixed.items()))
        rest = tuple(c for c in conditions if not self._answer_in_sql(c, where, level, scope))
        rows, incomplete = await self._rows(level, where, rest, query)
        modalities = await self._modalities(rows)
        body = await asyncio.to_thread(self._body, level, rows, query, base, modalities)
        studies: list[tuple[str | None, str | None]] = [(row["institution_id"], row["study_uid"]) for row in rows]
        return Found(body, studies, incomplete)

    def _answer_in_sql(self, condition: Condition, where: Where, level: Level, scope: Scope) -> bool:
        """Put a condition into the SQL if it can be answered there; whether it could."""
        if condition.has_wildcards:
            return False
        tag, values = condition.tag, condition.values
        if tag == STUDY_INSTANCE_UID:
            where.any_of("study.study_uid", values)
        elif tag == ACCESSION_NUMBER:
            where.any_of("study.accession_number", values)
        elif tag == STUDY_DATE:
            low, high = condition.range or (values[0], values[0])
            where.between("study.study_date", low, high)
        elif tag == PATIENT_ID:
            where.any_of("study.patient_id_index", self._patient_indexes(values, scope))
        elif tag == MODALITIES_IN_STUDY:
            where.series_modality(values)
        elif tag == SERIES_INSTANCE_UID and level >= Level.SERIES:
            where.any_of("series.series_uid", values)
        elif tag == MODALITY and level >= Level.SERIES:
            where.any_of("series.modality", values)
        elif tag == SOP_INSTANCE_UID and level is Level.INSTANCE:
            where.any_of("instance.sop_instance_uid", values)
        elif tag == SOP_CLASS_UID and level is Level.INSTANCE:
            where.any_of("instance.sop_class_uid", values)
        else:
            return False
        return True

    def _patient_indexes(self, values: Sequence[str], scope: Scope) -> list[str]:
        ids = [scope.institution_id] if scope.institution_id else [one.id for one in self._directory.all()]
        return [patient_id_index(self._vault, institution_id, value) for institution_id in ids for value in values]

    async def _rows(
        self, level: Level, where: Where, rest: tuple[Condition, ...], query: Query
    ) -> tuple[list[Row], bool]:
        if not rest:
            return await self._find(level, where, query.limit, query.offset), False
        wanted = query.offset + query.limit
        matching: list[Row] = []
        for start in range(0, SCAN_MAX, _SCAN_PAGE):
            page = await self._find(level, where, _SCAN_PAGE, start)
            matching += await asyncio.to_thread(self._matching, level, page, rest)
            if len(matching) >= wanted or len(page) < _SCAN_PAGE:
                return matching[query.offset : wanted], False
        return matching[query.offset : wanted], True

    async def _find(self, level: Level, where: Where, limit: int, offset: int) -> list[Row]:
        find = {
            Level.STUDY: queries.find_studies,
            Level.SERIES: queries.find_series,
            Level.INSTANCE: queries.find_instances,
        }[level]
        fresh = Where(list(where.clauses), list(where.values))
        return await find(self._database, fresh, limit=limit, offset=offset)

    def _matching(self, level: Level, rows: list[Row], rest: tuple[Condition, ...]) -> list[Row]:
        opened: _Opened = {}
        return [row for row in rows if _matches(self._data_set(level, row, opened), rest)]

    async def _modalities(self, rows: list[Row]) -> dict[str, list[str]]:
        study_ids = sorted({row["study_id"] for row in rows})
        return await queries.modalities_of(self._database, study_ids) if study_ids else {}

    def _body(self, level: Level, rows: list[Row], query: Query, base: str, modalities: dict[str, list[str]]) -> bytes:
        opened: _Opened = {}
        results = [self._result(level, row, query, base, modalities, opened) for row in rows]
        return orjson.dumps(results) if results else b""

    def _data_set(self, level: Level, row: Row, opened: _Opened) -> JsonDataSet:
        """Everything the index knows of a result, in clear."""
        study_id = row["study_id"]
        study_sealed = row["sealed"] if level is Level.STUDY else row["study_sealed"]
        data_set = dict(self._open(study_sealed, study_place(study_id), opened))
        if level >= Level.SERIES:
            series_sealed = row["sealed"] if level is Level.SERIES else row["series_sealed"]
            data_set.update(self._open(series_sealed, series_place(study_id, row["series_uid"]), opened))
        if level is Level.INSTANCE:
            data_set.update(_instance_elements(row))
        return data_set

    def _open(self, sealed: str, place: str, opened: _Opened) -> JsonDataSet:
        """Elements of a study or series; opened once for all its objects."""
        found = opened.get(sealed)
        if found is None:
            found = opened[sealed] = orjson.loads(self._keyring.open(sealed, place=place))
        return found

    def _result(
        self,
        level: Level,
        row: Row,
        query: Query,
        base: str,
        modalities: dict[str, list[str]],
        opened: _Opened,
    ) -> JsonDataSet:
        data_set = self._data_set(level, row, opened)
        if not query.include_all:
            asked = {tag_text(tag) for tag in query.include}
            for tag in (*_EXTRA_STUDY_TAGS, *_EXTRA_SERIES_TAGS):
                if tag not in asked:
                    data_set.pop(tag, None)
        data_set["00080005"] = json_element("CS", "ISO_IR 192")
        data_set["00080056"] = json_element("CS", "ONLINE")
        path = f"/studies/{row['study_uid']}"
        if level is Level.STUDY:
            data_set["00080061"] = json_element("CS", *modalities.get(row["study_id"], []))
            data_set["00201206"] = json_element("IS", row["series_count"])
            data_set["00201208"] = json_element("IS", row["instance_count"])
        elif level is Level.SERIES:
            path += f"/series/{row['series_uid']}"
            data_set["00201209"] = json_element("IS", row["instance_count"])
        else:
            path = instance_path(row["study_uid"], row["series_uid"], row["sop_instance_uid"])
        data_set["00081190"] = json_element("UR", base + path)
        return dict(sorted(data_set.items()))


def router(search: Search, access: ReadAccess, base_url: str) -> APIRouter:
    """Routes of QIDO-RS."""
    routes = APIRouter(prefix="/dicom-web", tags=["DICOMweb"])

    async def answer(request: Request, level: Level, **uids: str) -> Response:
        principal = access.principal(request)
        fixed = {STUDY_INSTANCE_UID: uids["study"]} if "study" in uids else {}
        if "series" in uids:
            fixed[SERIES_INSTANCE_UID] = uids["series"]
        action = "dicomweb.search"
        scope = await access.study_scope(principal, uids["study"], action) if fixed else access.scope(principal)
        if not accepts_dicom_json(parse_accept(request.headers.get("accept"))):
            raise Problem(406, detail=f"Results come as {DICOM_JSON}.")
        try:
            query = parse_query(request.query_params.multi_items())
        except QueryError as error:
            raise Problem(400, detail=str(error)) from error
        found = await search.run(level, query, scope, base=base_url, fixed=fixed)
        await access.record(principal, action, found.studies or [(scope.institution_id, uids.get("study"))])
        headers = {"cache-control": "no-store"}
        if query.fuzzy_asked or found.incomplete:
            reason = "fuzzymatching is not supported" if query.fuzzy_asked else "the search was cut off; narrow it"
            headers["warning"] = f'299 dicom-edge "{reason}"'
        if not found.body:
            return Response(status_code=204, headers=headers)
        return Response(found.body, media_type=DICOM_JSON, headers=headers)

    @routes.get("/studies")
    async def studies(request: Request) -> Response:
        return await answer(request, Level.STUDY)

    @routes.get("/series")
    async def series(request: Request) -> Response:
        return await answer(request, Level.SERIES)

    @routes.get("/instances")
    async def instances(request: Request) -> Response:
        return await answer(request, Level.INSTANCE)

    @routes.get("/studies/{study}/series")
    async def series_of_study(request: Request, study: str) -> Response:
        return await answer(request, Level.SERIES, study=study)

    @routes.get("/studies/{study}/instances")
    async def instances_of_study(request: Request, study: str) -> Response:
        return await answer(request, Level.INSTANCE, study=study)

    @routes.get("/studies/{study}/series/{series}/instances")
    async def instances_of_series(request: Request, study: str, series: str) -> Response:
        return await answer(request, Level.INSTANCE, study=study, series=series)

    return routes


def _matches(data_set: JsonDataSet, conditions: Sequence[Condition]) -> bool:
    return all(condition.matches(data_set) for condition in conditions)


def _instance_elements(row: Row) -> JsonDataSet:
    found = {
        "00080016": json_element("UI", row["sop_class_uid"]),
        "00080018": json_element("UI", row["sop_instance_uid"]),
        "00083002": json_element("UI", row["transfer_syntax_uid"]),
    }
    if row["instance_number"] is not None:
        found["00200013"] = json_element("IS", row["instance_number"])
    if row["pixel_tag"]:
        found["00280008"] = json_element("IS", row["number_of_frames"])
        found["00280010"] = json_element("US", row["rows"])
        found["00280011"] = json_element("US", row["columns"])
        found["00280100"] = json_element("US", row["bits_allocated"])
    return found
