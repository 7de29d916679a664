"""Shanxi V2.1: ``/exam-sync``, ``/report/sync`` and ``/examMergeReport-sync``.

Every answer is HTTP 200 with ``code`` 1 or 0, whatever arrived and whatever failed (chapter 三(六)); only a body over
the limit gets 413. What could not be accepted leaves nothing behind but a line in the refusal log.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from radbridge.contracts.dialects import base64_slices
from radbridge.contracts.dialects.codec import china_date
from radbridge.contracts.dialects.faults import Fault, Rule
from radbridge.contracts.dialects.record_rules import Context, Record
from radbridge.contracts.dialects.shanxi_v2_1 import answers, envelope
from radbridge.contracts.dialects.shanxi_v2_1.pack import load_pack
from radbridge.contracts.model.report import Report
from radbridge.ingest_api.domain.arbitration import Outcome
from radbridge.ingest_api.domain.interfaces import Interface
from radbridge.ingest_api.intake import Accepted, Intake
from radbridge.ingest_api.preparing import ExamPush, PreparedExam, Refused, Sender, decoded, digest_of, number_of
from radbridge.ingest_api.refusal_log import RefusalLog
from radbridge.runtime.blobs.protocol import BlobUnavailable
from radbridge.runtime.body import OFFLOAD_BYTES, offload, whole_body
from radbridge.runtime.database.protocol import DatabaseUnavailable, OutcomeUnknown
from radbridge.runtime.directory import Institution
from radbridge.runtime.outbox import EventTooLarge
from radbridge.runtime.process_pool import ProcessPool
from radbridge.runtime.security.keyring import SealError
from radbridge.runtime.security.patient import PURPOSE
from radbridge.runtime.service import Endpoint, Resources

REPORT_NUMBER = "recordNum"
PATHS = tuple(f"/{interface}" for interface in Interface)
OTHER_METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]
DATABASE_AWAY = "平台暂不可用：数据库无法访问，数据未保存，请稍后重试"
OUTCOME_UNKNOWN = "平台暂不可用：保存过程中数据库连接中断，结果未知，请重发本次数据"
FAILED = "平台内部错误，请稍后重发本次数据；如仍失败，请联系平台运维人员"
PDF, OFD = "application/pdf", "application/ofd"

_log = logging.getLogger(__name__)

Accept = Callable[[Request, "_Known"], Coroutine[Any, Any, Accepted]]


@dataclass(slots=True)
class _Known:
    """What is known of a push so far, for the refusal log."""

    hospital_code: str = ""
    institution: Institution | None = None
    number: str = ""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A push of a registered hospital, not opened yet."""

    institution: Institution
    envelope: envelope.Envelope
    size: int
    """Bytes of its body."""


@dataclass(frozen=True, slots=True)
class ShanxiEdge:
    """The routes, for the API page and for whatever is not a plain POST, and the endpoints that answer pushes."""

    router: APIRouter
    direct: Mapping[str, Endpoint]


def edge(
    resources: Resources, intake: Intake, refusal_log: RefusalLog, preparation: ProcessPool[ExamPush, PreparedExam]
) -> ShanxiEdge:
    """The paths as printed in the standard."""
    api = APIRouter(tags=["Shanxi V2.1"])
    pack = load_pack()
    if pack.report is None or pack.exam_with_report is None:
        raise ValueError(f"pack {pack.name} lacks reports")
    report_message, merged_message = pack.report, pack.exam_with_report
    push_key = resources.vault.hmac_key("push")

    async def received(request: Request, known: _Known) -> _Sent:
        """A request and who sent it. A body may be 60 MB: what was gone through is not kept."""
        envelope.check_encryption_type(request.headers.get(envelope.ENCRYPTION_TYPE_HEADER))
        body = await whole_body(request.receive)
        size = len(body)
        parsed = await offload(envelope.parse_envelope, size, body)
        known.hospital_code = parsed.hospital_code
        institution = resources.directory.by_code(parsed.hospital_code)
        if institution is None or not institution.enabled:
            raise Refused("hospitalCode未登记或已停用")
        known.institution = institution
        return _Sent(institution, parsed, size)

    senders: dict[str, tuple[Institution, Sender]] = {}

    def sender_of(institution: Institution) -> Sender:
        """The same one until the institution changes: sent to another process, it then goes once for many pushes."""
        known, sender = senders.get(institution.id, (None, None))
        if known is institution and sender is not None:
            return sender
        sender = Sender(
            id=institution.id,
            code=institution.code,
            name=institution.name,
            sm4_key=institution.sm4_key,
            clock_skew_seconds=int(institution.clock_skew.total_seconds()),
            patient_key=resources.keyring.sealing_key(institution.id, PURPOSE),
        )
        senders[institution.id] = institution, sender
        return sender

    async def opened(sent: _Sent) -> tuple[bytes, Record]:
        """The plaintext of a push, and its record."""
        plaintext = await offload(
            envelope.open_envelope,
            sent.size,
            sent.envelope,
            key=sent.institution.sm4_key,
            now=resources.clock().timestamp(),
            allowed_skew_seconds=int(sent.institution.clock_skew.total_seconds()),
        )
        del sent  # the caller keeps nothing of it either
        return plaintext, cast("Record", await offload(envelope.parse_record, len(plaintext), plaintext))

    async def push(request: Request, interface: Interface, accept: Accept) -> Response:
        known = _Known()
        try:
            accepted = await accept(request, known)
        except envelope.EnvelopeError as error:
            refusal = Refused(error.message)
        except Refused as error:
            refusal = error
        except SealError:
            refusal = Refused("平台暂不可用：无法读取医院密钥，请稍后重试")
        except OutcomeUnknown:
            # perhaps it was accepted: the list of pushes will tell, and must not tell that it was refused
            return _answer(answers.failure(OUTCOME_UNKNOWN))
        except DatabaseUnavailable:
            refusal = Refused(DATABASE_AWAY)
        except BlobUnavailable:
            refusal = Refused("平台暂不可用：对象存储无法访问，数据未保存，请稍后重试")
        except EventTooLarge:
            refusal = Refused("数据校验未通过：记录过大")
        except ClientDisconnect:
            raise
        except Exception:
            _log.exception("a push failed", extra={"interface": interface.value})
            refusal = Refused(FAILED)
        else:
            return _answer(answers.success(accepted.record_id, _message(accepted.outcome)))
        refusal_log.note(
            hospital_code=known.institution.code if known.institution else known.hospital_code,
            institution_id=known.institution.id if known.institution else "",
            interface=interface.value,
            number=refusal.number or known.number,
            message=refusal.message,
            faults=refusal.faults,
        )
        return _answer(answers.refusal(refusal.faults) if refusal.faults else answers.failure(refusal.message))

    async def accept_exam(request: Request, known: _Known) -> Accepted:
        sent = await received(request, known)
        exam_push = ExamPush(sent.envelope, sender_of(sent.institution), resources.clock())
        if sent.size > OFFLOAD_BYTES:
            prepared = await asyncio.to_thread(preparation.here, exam_push)
        else:
            prepared = await preparation.run(exam_push)
        known.number = prepared.number
        return await intake.accept_exam(prepared)

    async def received_report(request: Request, known: _Known) -> tuple[Institution, bytes, Record]:
        """Who sent a report, its plaintext and its record; the rest of the request is gone by then."""
        sent = await received(request, known)
        institution, opening = sent.institution, opened(sent)
        del sent
        plaintext, record = await opening
        known.number = number_of(record, REPORT_NUMBER)
        return institution, plaintext, record

    async def accept_report(request: Request, known: _Known) -> Accepted:
        institution, plaintext, record = await received_report(request, known)
        context = Context(hospital_code=institution.code, today=china_date(resources.clock()))
        report = await offload(decoded, len(plaintext), report_message, record, context, REPORT_NUMBER)
        document, kind, digest = await prepared(report, plaintext)
        return await intake.accept_report(institution, report, document, kind, digest)

    async def accept_both(request: Request, known: _Known) -> Accepted:
        institution, plaintext, record = await received_report(request, known)
        context = Context(hospital_code=institution.code, is_merged=True, today=china_date(resources.clock()))
        exam, report = await offload(decoded, len(plaintext), merged_message, record, context, REPORT_NUMBER)
        document, kind, digest = await prepared(report, plaintext)
        return await intake.accept_both(institution, exam, report, document, kind, digest)

    async def prepared(report: Report, plaintext: bytes) -> tuple[bytes | None, str, str]:
        """The report's file with its type, and the digest of the push."""
        document = await offload(_document, len(plaintext), report)
        kind = OFD if document is not None and document.startswith(b"PK") else PDF
        return document, kind, await offload(digest_of, len(plaintext), push_key, plaintext)

    @api.post("/exam-sync", summary="检查数据上传")
    async def exam_sync(request: Request) -> Response:
        """An exam, at registration and whenever it changes. Fields: docs/api/shanxi-v2.1.md."""
        return await push(request, Interface.EXAM, accept_exam)

    @api.post("/report/sync", summary="报告数据上传")
    async def report_sync(request: Request) -> Response:
        """A report with its signature package. Fields: docs/api/shanxi-v2.1.md."""
        return await push(request, Interface.REPORT, accept_report)

    @api.post("/examMergeReport-sync", summary="检查报告合并上传")
    async def exam_merge_report_sync(request: Request) -> Response:
        """An exam and its report in one message. Fields: docs/api/shanxi-v2.1.md."""
        return await push(request, Interface.EXAM_WITH_REPORT, accept_both)

    async def other_method(request: Request) -> Response:
        return _answer(answers.failure(f"请求方式应为 POST，实际为 {request.method}"))

    async def no_interface(request: Request) -> Response:
        return _answer(answers.failure("接口地址不存在，请核对请求路径"))

    for path in PATHS:
        api.add_api_route(path, other_method, methods=OTHER_METHODS, include_in_schema=False)
        api.add_api_route(
            path + "/{rest:path}", no_interface, methods=["POST", *OTHER_METHODS], include_in_schema=False
        )
    endpoints = {"/exam-sync": exam_sync, "/report/sync": report_sync, "/examMergeReport-sync": exam_merge_report_sync}
    return ShanxiEdge(api, endpoints)


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


def _message(outcome: Outcome) -> str:
    return "成功（已有更新的数据，本次数据未覆盖）" if outcome is Outcome.OUTDATED else "成功"


def _answer(answer: answers.Answer) -> Response:
    return Response(orjson.dumps(answer), media_type="application/json")
