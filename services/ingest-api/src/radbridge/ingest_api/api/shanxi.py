"""Shanxi V2.1: ``/exam-sync``, ``/report/sync`` and ``/examMergeReport-sync``.

Every answer is HTTP 200 with ``code`` 1 or 0, whatever arrived (chapter 三(六)); only a body over the limit gets 413.
What could not be accepted leaves nothing behind but a line in the refusal log.
"""

import hmac
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import orjson
from fastapi import APIRouter, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from radbridge.contracts.dialects import base64_slices
from radbridge.contracts.dialects.faults import Fault, Rule
from radbridge.contracts.dialects.pack import Message
from radbridge.contracts.dialects.record_rules import Context, Record
from radbridge.contracts.dialects.shanxi_v2_1 import answers, envelope
from radbridge.contracts.dialects.shanxi_v2_1.pack import load_pack
from radbridge.contracts.model.report import Report
from radbridge.ingest_api.domain.arbitration import Outcome
from radbridge.ingest_api.intake import Accepted, Intake
from radbridge.ingest_api.refusal_log import RefusalLog
from radbridge.runtime.blobs.protocol import BlobUnavailable
from radbridge.runtime.body import offload, whole_body
from radbridge.runtime.database.protocol import DatabaseUnavailable
from radbridge.runtime.directory import Institution
from radbridge.runtime.outbox import EventTooLarge
from radbridge.runtime.security.keyring import SealError
from radbridge.runtime.service import Resources

T = TypeVar("T")

CATALOGUE = "shanxi"
INTERFACES = ("/exam-sync", "/report/sync", "/examMergeReport-sync")
OTHER_METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]
DATABASE_AWAY = "平台暂不可用：数据库无法访问，数据未保存，请稍后重试"
PDF, OFD = "application/pdf", "application/ofd"

Accept = Callable[[Institution, Record, bytes], Coroutine[Any, Any, Accepted]]


class Refused(Exception):
    """The push is not accepted; ``message`` is what the hospital reads."""

    def __init__(self, message: str, faults: Sequence[Fault] = (), *, number: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.faults = faults
        self.number = number


@dataclass(frozen=True, slots=True)
class ShanxiEdge:
    """The routes, for the API page and for whatever is not a plain POST, and the applications that answer pushes."""

    router: APIRouter
    direct: Mapping[str, ASGIApp]


def edge(resources: Resources, intake: Intake, refusal_log: RefusalLog) -> ShanxiEdge:
    """The paths as printed in the standard."""
    api = APIRouter(tags=["Shanxi V2.1"])
    pack = load_pack()
    if pack.exam is None or pack.report is None or pack.exam_with_report is None:
        raise ValueError(f"pack {pack.name} lacks exam or report")
    exam_message, report_message, merged_message = pack.exam, pack.report, pack.exam_with_report
    push_key = resources.vault.hmac_key("push")

    async def opened(body: bytes, encryption_type: str | None) -> tuple[Institution, bytes, Record]:
        """The sender and the record of a request."""
        envelope.check_encryption_type(encryption_type)
        size = len(body)
        parsed = await offload(envelope.parse_envelope, size, body)
        # a body may be 60 MB: nothing that was gone through is kept while the next step runs
        del body
        institution = resources.directory.by_code(parsed.hospital_code)
        if institution is None or not institution.enabled:
            raise Unknown(parsed.hospital_code)
        try:
            plaintext = await offload(
                envelope.open_envelope,
                size,
                parsed,
                key=institution.sm4_key,
                now=resources.clock().timestamp(),
                allowed_skew_seconds=int(institution.clock_skew.total_seconds()),
            )
            del parsed
            record = await offload(envelope.parse_record, len(plaintext), plaintext)
        except envelope.EnvelopeError as error:
            raise FromKnown(institution, Refused(error.message)) from None
        except SealError:
            raise FromKnown(institution, Refused("平台暂不可用：无法读取医院密钥，请稍后重试")) from None
        return institution, plaintext, cast("Record", record)

    async def push(request: Request, interface: str, number_field: str, accept: Accept) -> Response:
        institution: Institution | None = None
        hospital_code = ""
        number = ""
        try:
            encryption_type = request.headers.get(envelope.ENCRYPTION_TYPE_HEADER)
            institution, plaintext, record = await opened(await whole_body(request.receive), encryption_type)
            number = _number_of(record, number_field)
            accepted = await accept(institution, record, plaintext)
        except envelope.EnvelopeError as error:
            refusal = Refused(error.message)
        except Unknown as unknown:
            hospital_code = unknown.hospital_code
            refusal = Refused("hospitalCode未登记或已停用")
        except FromKnown as known:
            institution, refusal = known.institution, known.refusal
        except Refused as error:
            refusal = error
        except DatabaseUnavailable:
            refusal = Refused(DATABASE_AWAY)
        except BlobUnavailable:
            refusal = Refused("平台暂不可用：对象存储无法访问，数据未保存，请稍后重试")
        except EventTooLarge:
            refusal = Refused("数据校验未通过：记录过大")
        else:
            return _answer(answers.success(accepted.record_id, _message(accepted.outcome)))
        refusal_log.note(
            hospital_code=institution.code if institution else hospital_code,
            institution_id=institution.id if institution else "",
            interface=interface,
            number=number,
            message=refusal.message,
            faults=refusal.faults,
        )
        return _answer(answers.refusal(refusal.faults) if refusal.faults else answers.failure(refusal.message))

    async def accept_exam(institution: Institution, record: Record, plaintext: bytes) -> Accepted:
        exam = _decoded(exam_message, record, Context(hospital_code=institution.code))
        return await intake.accept_exam(institution, CATALOGUE, exam, _digest(push_key, plaintext))

    async def accept_report(institution: Institution, record: Record, plaintext: bytes) -> Accepted:
        context = Context(hospital_code=institution.code)
        report = await offload(_decoded, len(plaintext), report_message, record, context)
        document, kind, digest = await prepared(report, plaintext)
        return await intake.accept_report(institution, report, document, kind, digest)

    async def accept_both(institution: Institution, record: Record, plaintext: bytes) -> Accepted:
        context = Context(hospital_code=institution.code, is_merged=True)
        exam, report = await offload(_decoded, len(plaintext), merged_message, record, context)
        document, kind, digest = await prepared(report, plaintext)
        return await intake.accept_both(institution, CATALOGUE, exam, report, document, kind, digest)

    async def prepared(report: Report, plaintext: bytes) -> tuple[bytes | None, str, str]:
        """The report's file with its type, and the digest of the push."""
        document = await offload(_document, len(plaintext), report)
        kind = OFD if document is not None and document.startswith(b"PK") else PDF
        return document, kind, await offload(_digest, len(plaintext), push_key, plaintext)

    @api.post("/exam-sync", summary="检查数据上传")
    async def exam_sync(request: Request) -> Response:
        """An exam, at registration and whenever it changes. Fields: docs/api/shanxi-v2.1.md."""
        return await push(request, "exam-sync", "risStudyId", accept_exam)

    @api.post("/report/sync", summary="报告数据上传")
    async def report_sync(request: Request) -> Response:
        """A report with its signature package. Fields: docs/api/shanxi-v2.1.md."""
        return await push(request, "report/sync", "recordNum", accept_report)

    @api.post("/examMergeReport-sync", summary="检查报告合并上传")
    async def exam_merge_report_sync(request: Request) -> Response:
        """An exam and its report in one message. Fields: docs/api/shanxi-v2.1.md."""
        return await push(request, "examMergeReport-sync", "recordNum", accept_both)

    async def other_method(request: Request) -> Response:
        return _answer(answers.failure(f"请求方式应为 POST，实际为 {request.method}"))

    async def no_interface(request: Request) -> Response:
        return _answer(answers.failure("接口地址不存在，请核对请求路径"))

    for path in INTERFACES:
        api.add_api_route(path, other_method, methods=OTHER_METHODS, include_in_schema=False)
        api.add_api_route(
            path + "/{rest:path}", no_interface, methods=["POST", *OTHER_METHODS], include_in_schema=False
        )
    endpoints = {"/exam-sync": exam_sync, "/report/sync": report_sync, "/examMergeReport-sync": exam_merge_report_sync}
    return ShanxiEdge(api, {path: _application(endpoint) for path, endpoint in endpoints.items()})


def without_database(path: str) -> Response | None:
    """The answer to a push that arrives while the service waits for its database; ``None`` at other paths."""
    return _answer(answers.failure(DATABASE_AWAY)) if path in INTERFACES else None


def _application(endpoint: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)

    return answer


class Unknown(Exception):
    """Nobody that is registered sent this."""

    def __init__(self, hospital_code: str) -> None:
        super().__init__()
        self.hospital_code = hospital_code


class FromKnown(Exception):
    """A registered hospital's request was refused before its record was read."""

    def __init__(self, institution: Institution, refusal: Refused) -> None:
        super().__init__()
        self.institution = institution
        self.refusal = refusal


def _decoded(message: Message[T], record: Record, context: Context) -> T:
    outcome = message.validate(record, context)
    if not outcome.is_accepted:
        raise Refused(f"数据校验未通过，共{len(outcome.faults)}处", outcome.faults)
    return message.decode(record)


def _document(report: Report) -> bytes | None:
    """The report's file. Decoded in slices, as ``is_base64`` looked at it: each holds the interpreter for a
    millisecond, the whole would hold up the event loop from any thread."""
    if report.file is None or not report.file.base64:
        return None
    try:
        return base64_slices.decode(report.file.base64)
    except ValueError:
        message = "reportPdfBase64（报告pdf文件内容）不是合法的 Base64"
        raise Refused(message, (Fault("reportPdfBase64", Rule.FORMAT, message),)) from None


def _digest(key: bytes, plaintext: bytes) -> str:
    return hmac.digest(key, plaintext, "sha256").hex()


def _number_of(record: object, field: str) -> str:
    if not isinstance(record, dict):
        return ""
    members = cast("dict[str, object]", record)
    inner = members.get("report")
    value = members.get(field) or (cast("dict[str, object]", inner).get(field) if isinstance(inner, dict) else None)
    return value if isinstance(value, str) else ""


def _message(outcome: Outcome) -> str:
    return "成功（已有更新的数据，本次数据未覆盖）" if outcome is Outcome.OUTDATED else "成功"


def _answer(answer: answers.Answer) -> Response:
    return Response(orjson.dumps(answer), media_type="application/json")
