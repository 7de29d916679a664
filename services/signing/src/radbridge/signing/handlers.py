"""What ``signing`` does when a report arrives: judge it once, say what it is worth."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

import orjson

from radbridge.contracts.events.report import (
    ReportReceived,
    ReportRejected,
    ReportSigned,
    ReportVoided,
    VerdictCheck,
)
from radbridge.contracts.model.codes import ReportStatus, SignatureFormat
from radbridge.contracts.model.report import Report, SignaturePackage
from radbridge.contracts.model.serialization import from_json
from radbridge.runtime.blobs.sealed import SealedBlobs
from radbridge.runtime.clock import Clock, to_micros
from radbridge.runtime.consumer import ConsumerSpec, On, Received
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.outbox import Outbox
from radbridge.signing import store
from radbridge.signing.domain.report_verdict import PKCS1, PKCS7, SignedReport, judge_report
from radbridge.signing.domain.verdict import Check, CheckResult, Verdict
from radbridge.signing.store import StoredVerdict
from radbridge.signing.trust import TrustKeeper

GROUP = "signing"
PENDING = "pending"
_SIGN_TYPE = {SignatureFormat.PKCS1: PKCS1, SignatureFormat.PKCS7: PKCS7}


@dataclass(frozen=True, slots=True)
class JudgeReports:
    """Handler of ``report.received``. Blobs are read and signatures verified before the transaction begins."""

    blobs: SealedBlobs
    trust: TrustKeeper
    outbox: Outbox
    clock: Clock

    async def prepare(self, received: Received[ReportReceived]) -> Verdict | None:
        """The verdict on an audited report; ``None`` for one that is not published yet."""
        body = received.body
        if body.status != ReportStatus.AUDITED:
            return None
        if body.signature_package is None:
            return Verdict((Check("signature", CheckResult.FAILED, "报告没有签名", "SignValue"),))
        package = from_json(SignaturePackage, await self.blobs.get(body.institution_id, body.signature_package))
        report = from_json(Report, await self.blobs.get(body.institution_id, body.content))
        document = await self.blobs.get(body.institution_id, body.document) if body.document else None
        trust = await self.trust.current()
        return await asyncio.to_thread(judge_report, _signed_report(package, report, document), trust, now=self.clock())

    async def apply(self, tx: Transaction, received: Received[ReportReceived], verdict: Verdict | None) -> None:
        """Store the verdict and publish it in one commit."""
        body = received.body
        now = self.clock()
        await store.save_verdict(
            tx,
            StoredVerdict(
                report_id=body.report_id,
                received_version=received.version,
                institution_id=body.institution_id,
                report_number=body.report_number,
                outcome=verdict.outcome.value if verdict else PENDING,
                reason=verdict.reason if verdict else "报告尚未审核，审核后验证",
                checks=orjson.dumps([check.to_dict() for check in verdict.checks] if verdict else []).decode(),
                evidence=orjson.dumps(dict(verdict.evidence) if verdict else {}).decode(),
                judged_at=to_micros(now) if verdict else None,
            ),
        )
        if verdict is None:
            return
        checks = [VerdictCheck.model_validate(check.to_dict()) for check in verdict.checks]
        identity = body.model_dump(
            include={"report_id", "institution_id", "hospital_code", "report_number", "exam_ids"}
        )
        if verdict.accepted:
            await self.outbox.publish(
                tx,
                ReportSigned(
                    **identity,
                    received_version=received.version,
                    content=body.content,
                    document=body.document,
                    checks=checks,
                    signed_at=_gen_time(verdict),
                    judged_at=now,
                ),
            )
            return
        failed = next(check for check in verdict.checks if check.result is CheckResult.FAILED)
        await self.outbox.publish(
            tx,
            ReportRejected(
                **identity,
                received_version=received.version,
                reason=verdict.reason,
                field=failed.field,
                checks=checks,
                judged_at=now,
            ),
        )


@dataclass(frozen=True, slots=True)
class ForgetVoided:
    """Handler of ``report.voided``: the hospital withdrew the report, so nothing is left to judge."""

    async def apply(self, tx: Transaction, received: Received[ReportVoided], prepared: object) -> None:
        """Say so to whoever asks for the verdict."""
        body = received.body
        await store.save_verdict(
            tx,
            StoredVerdict(
                report_id=body.report_id,
                received_version=received.version,
                institution_id=body.institution_id,
                report_number=body.report_number,
                outcome=PENDING,
                reason="报告已由医院删除",
                checks="[]",
                evidence="{}",
                judged_at=None,
            ),
        )


def _gen_time(verdict: Verdict) -> datetime | None:
    text = verdict.evidence.get("genTime")
    return datetime.fromisoformat(text) if text else None


def _signed_report(package: SignaturePackage, report: Report, document: bytes | None) -> SignedReport:
    steps = [step for step in (report.written, report.audited, report.finally_audited) if step and step.doctor]
    doctors = [step.doctor for step in steps if step.doctor]
    return SignedReport(
        ca_data=package.signed_text or "",
        client_cert=package.certificate or "",
        sign_type=_SIGN_TYPE[package.format] if package.format else "",
        sign_value=package.value or "",
        timestamp_value=package.timestamp_token or "",
        pdf=document,
        doctor_names=tuple(d.name for d in doctors if d.name),
        doctor_id_numbers=tuple(d.document_number for d in doctors if d.document_number),
    )


def consumer(judge: JudgeReports) -> ConsumerSpec:
    """The event edge of the service."""
    return ConsumerSpec(
        GROUP,
        (On(ReportReceived, judge.apply, prepare=judge.prepare), On(ReportVoided, ForgetVoided().apply)),
    )
