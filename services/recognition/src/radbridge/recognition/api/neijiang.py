"""Neijiang V0.94, interface 501: ``/open/smr/studies`` and ``/open/smr/study/{studyUuid}/smrMark``.

Every answer is HTTP 200; a ``code`` other than N0000 refuses. The signature is checked before anything is said about
the fields, and a hospital may speak for itself only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar, cast

import orjson
from fastapi import APIRouter, Request, Response

from radbridge.contracts.dialects.codec import china_date
from radbridge.contracts.dialects.neijiang_v0_94 import answers
from radbridge.contracts.dialects.neijiang_v0_94.codec import studies_result
from radbridge.contracts.dialects.neijiang_v0_94.pack import load_pack
from radbridge.contracts.dialects.neijiang_v0_94.signature import (
    ACCESS_KEY_HEADER,
    SIGN_HEADER,
    SignOrder,
    verify,
)
from radbridge.contracts.dialects.pack import Message
from radbridge.contracts.dialects.record_rules import Context
from radbridge.recognition.marks import Marks, UnknownStudyError
from radbridge.recognition.reminders import Reminders
from radbridge.runtime.clock import Clock
from radbridge.runtime.database.protocol import DatabaseUnavailable
from radbridge.runtime.directory import Directory, Institution
from radbridge.runtime.security.keyring import SealError
from radbridge.runtime.service import Resources

T = TypeVar("T")

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_MILLISECONDS = 1000
_TIMESTAMP_DIGITS = 13
_UNAVAILABLE = "平台暂不可用，请稍后重试"


class RefusedError(Exception):
    """The request is answered with this and nothing else."""

    def __init__(self, answer: answers.Answer) -> None:
        super().__init__()
        self.answer = answer


def router(resources: Resources, reminders: Reminders, marks: Marks, answer_within: timedelta) -> APIRouter:
    """The paths as printed in the standard."""
    api = APIRouter(tags=["Neijiang V0.94"])
    pack = load_pack()
    if pack.studies_query is None or pack.mark is None:
        raise ValueError(f"pack {pack.name} lacks the messages of 501")
    query_message, mark_message = pack.studies_query, pack.mark

    async def studies_answer(request: Request) -> answers.Answer:
        record = dict(request.query_params) or await _json_object(request)
        institution = _sender(resources.directory, resources.clock, request.headers, record)
        query = _decoded(query_message, record, institution, resources.clock())
        offers = await reminders.remind(institution, query)
        return answers.success(studies_result(query, offers))

    async def mark_answer(request: Request, study_uuid: str) -> answers.Answer:
        record = await _json_object(request) or dict(request.query_params)
        institution = _sender(resources.directory, resources.clock, request.headers, record)
        try:
            await marks.record(institution, study_uuid, _decoded(mark_message, record, institution, resources.clock()))
        except UnknownStudyError:
            return answers.failure("studyUuid或ReportID对应的检查不存在")
        return answers.success()

    @api.get("/open/smr/studies", summary="检查互认—检查列表")
    async def studies(request: Request) -> Response:
        """Exams of the person that need not be repeated. Fields: docs/api/neijiang-v0.94.md."""
        return await _in_time(answer_within, lambda: studies_answer(request))

    @api.get("/open/smr/study/{study_uuid}/smrMark", summary="检查互认—标记互认/不互认")
    async def mark_by_get(request: Request, study_uuid: str) -> Response:
        """A decision about an exam, as printed: GET with a JSON body. Fields: docs/api/neijiang-v0.94.md."""
        return await _in_time(answer_within, lambda: mark_answer(request, study_uuid))

    @api.post("/open/smr/study/{study_uuid}/smrMark", summary="检查互认—标记互认/不互认")
    async def mark_by_post(request: Request, study_uuid: str) -> Response:
        """A decision about an exam, for senders that cannot GET with a body."""
        return await _in_time(answer_within, lambda: mark_answer(request, study_uuid))

    async def no_interface(request: Request) -> Response:
        return _answer(answers.failure("接口地址或请求方式不正确，请核对"))

    api.add_api_route(f"{answers.BASE}/{{rest:path}}", no_interface, methods=METHODS, include_in_schema=False)
    return api


async def _in_time(limit: timedelta, work: Callable[[], Awaitable[answers.Answer]]) -> Response:
    """The answer of ``work``, or a refusal when it takes too long: a doctor is waiting."""
    try:
        async with asyncio.timeout(limit.total_seconds()):
            answer = await work()
    except RefusedError as refused:
        answer = refused.answer
    except (TimeoutError, DatabaseUnavailable, SealError):
        answer = answers.failure(_UNAVAILABLE)
    return _answer(answer)


def _answer(answer: answers.Answer) -> Response:
    return Response(orjson.dumps(answer), media_type="application/json")


async def _json_object(request: Request) -> dict[str, object]:
    body = await request.body()
    if not body:
        return {}
    try:
        parsed: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RefusedError(answers.failure("请求体不是合法的 JSON")) from None
    if not isinstance(parsed, dict):
        raise RefusedError(answers.failure("请求体应为 JSON 对象"))
    return cast("dict[str, object]", parsed)


def _sender(
    directory: Directory, clock: Clock, headers: Mapping[str, str], record: Mapping[str, object]
) -> Institution:
    """The hospital whose access key signed the request, at a time near now and under its own code."""
    institution = directory.by_access_key(headers.get(ACCESS_KEY_HEADER, ""))
    if institution is None or not institution.enabled:
        raise RefusedError(answers.wrong_signature())
    genuine = verify(
        record,
        headers.get(SIGN_HEADER, ""),
        access_key=institution.access_key,
        access_secret=institution.secret_key,
        order=institution.settings.sign_order or SignOrder.TEMPLATE,
        accepts_middle_16=institution.settings.sign_length == "16",
    )
    if not genuine:
        raise RefusedError(answers.wrong_signature())
    stamp = str(record.get("timeStamp", ""))
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) == _TIMESTAMP_DIGITS):
        raise RefusedError(answers.failure("timeStamp应为13位毫秒时间戳"))
    if abs(clock().timestamp() - int(stamp) / _MILLISECONDS) > institution.clock_skew.total_seconds():
        raise RefusedError(answers.failure("timeStamp超出允许的时间范围"))
    return institution


def _decoded(message: Message[T], record: Mapping[str, object], institution: Institution, now: datetime) -> T:
    outcome = message.validate(record, Context(hospital_code=institution.code, today=china_date(now)))
    if not outcome.is_accepted:
        raise RefusedError(answers.refusal(outcome.faults))
    return message.decode(record)
