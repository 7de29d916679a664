"""Judging a report from its sealed objects: when it arrives, when its CA is back, and years later."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import orjson

from radbridge.contracts.events.base import BlobRef
from radbridge.contracts.model.codes import SignatureFormat
from radbridge.contracts.model.report import Report, SignaturePackage
from radbridge.contracts.model.serialization import from_json
from radbridge.runtime.blobs.sealed import FETCHED, SealedBlobs
from radbridge.signing.domain.ocsp_desk import Answer
from radbridge.signing.domain.ofd_seal import VALID, judge_ofd
from radbridge.signing.domain.report_verdict import (
    PDF_PATH,
    PKCS1,
    PKCS7,
    REPORT_PDF,
    SignedReport,
    judge_report,
)
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.verdict import Check, CheckResult, Verdict
from radbridge.signing.domain.wire import Base64Error, decode_base64
from radbridge.signing.ocsp_responders import Judging

_SIGN_TYPE = {SignatureFormat.PKCS1: PKCS1, SignatureFormat.PKCS7: PKCS7}
_ZIP = b"PK"
_UNSIGNED = Verdict((Check("signature", CheckResult.FAILED, "报告没有签名", "SignValue"),))


@dataclass(frozen=True, slots=True)
class ReportObjects:
    """The sealed objects that a verdict is made from. ``file_fault`` says in Chinese why there is no document, where
    the report gave its address alone."""

    institution_id: str
    content: BlobRef
    signature_package: BlobRef | None
    document: BlobRef | None
    file_fault: str = ""

    @property
    def document_field(self) -> str:
        """The wire field by which the document came."""
        return PDF_PATH if self.document is not None and self.document.name.startswith(FETCHED) else REPORT_PDF

    def to_dict(self) -> dict[str, object]:
        named = {"content": self.content, "signaturePackage": self.signature_package, "document": self.document}
        objects: dict[str, object] = {name: ref.model_dump() if ref else None for name, ref in named.items()}
        return objects | ({"fileFault": self.file_fault} if self.file_fault else {})

    @classmethod
    def from_dict(cls, institution_id: str, objects: Mapping[str, object]) -> "ReportObjects":
        def ref(name: str) -> BlobRef | None:
            return BlobRef.model_validate(objects[name]) if objects.get(name) else None

        content, fault = BlobRef.model_validate(objects["content"]), str(objects.get("fileFault", ""))
        return cls(institution_id, content, ref("signaturePackage"), ref("document"), fault)


@dataclass(frozen=True)
class Finding:
    """What the engine found, with what it rests on: SM3s of the signed pieces, of the trust manifest and of the OCSP
    responses by the certificates asked about (or why there is none); ``responses`` are those, by SM3. ``file_fault`` is
    that of the objects."""

    verdict: Verdict
    judged_at: datetime
    materials: Mapping[str, str]
    trust_sm3: str
    ocsp: Mapping[str, str] = field(default_factory=dict[str, str])
    responses: Mapping[str, bytes] = field(default_factory=dict[str, bytes], repr=False)
    file_fault: str = ""

    def to_json(self) -> str:
        return orjson.dumps(
            {
                "checks": [check.to_dict() for check in self.verdict.checks],
                "evidence": dict(self.verdict.evidence),
                "judgedAt": iso(self.judged_at),
                "materials": dict(self.materials),
                "trust": self.trust_sm3,
                "ocsp": dict(self.ocsp),
                "fileFault": self.file_fault,
            }
        ).decode()

    @classmethod
    def from_json(cls, text: str) -> "Finding":
        found = orjson.loads(text)
        return cls(
            Verdict(tuple(check_of(one) for one in found["checks"]), found["evidence"]),
            datetime.fromisoformat(found["judgedAt"]),
            found["materials"],
            found["trust"],
            found.get("ocsp", {}),
            file_fault=found.get("fileFault", ""),
        )


async def judge_objects(
    blobs: SealedBlobs, objects: ReportObjects, judging: Judging, trust_sm3: str, *, now: datetime
) -> Finding:
    """The finding on a report's objects by the trust that ``judging`` has, as of `now`.

    :raises BlobMissing: an object is not there any more.
    :raises BlobUnavailable: the store is away.
    """
    institution_id = objects.institution_id
    if objects.signature_package is None:
        return Finding(_UNSIGNED, now, {}, trust_sm3)
    package = from_json(SignaturePackage, await blobs.get(institution_id, objects.signature_package))
    report = from_json(Report, await blobs.get(institution_id, objects.content))
    document = await blobs.get(institution_id, objects.document) if objects.document else None

    def judge(trust: TrustStore) -> Verdict:
        is_ofd = document is not None and document.startswith(_ZIP)
        signed = _signed_report(package, report, None if is_ofd else document, objects.document_field)
        verdict = judge_report(signed, trust, now=now)
        if is_ofd and document is not None:
            return _with_file_check(verdict, ofd_check(document, trust, now, objects.document_field))
        if objects.file_fault:
            return _with_file_check(verdict, Check("pdf_seal", CheckResult.FINDING, objects.file_fault, PDF_PATH))
        return verdict

    verdict, answers = await judging(lambda trust: asyncio.to_thread(judge, trust))
    materials = await asyncio.to_thread(_materials, package, document)
    responses = {sm3(answer).hex(): answer for answer in answers.values() if isinstance(answer, bytes)}
    return Finding(verdict, now, materials, trust_sm3, _named(answers), responses, objects.file_fault)


def _with_file_check(verdict: Verdict, check: Check) -> Verdict:
    others = (one for one in verdict.checks if one.name != "pdf_seal")
    return replace(verdict, checks=(*others, check))


def _named(answers: Mapping[str, Answer]) -> dict[str, str]:
    return {key: sm3(one).hex() if isinstance(one, bytes) else one.value for key, one in sorted(answers.items())}


def ofd_check(document: bytes, trust: TrustStore, now: datetime, wire_field: str = REPORT_PDF) -> Check:
    """What a report's OFD file is worth, by the rule for PDF: a broken seal rejects, a missing one is a finding."""
    judged = judge_ofd(document, trust, now=now)
    if judged.word == VALID:
        return Check("ofd_seal", CheckResult.PASSED, f"OFD的{len(judged.seals)}个签章均有效", wire_field)
    if not judged.seals:
        return Check("ofd_seal", CheckResult.FINDING, judged.reason, wire_field)
    return Check("ofd_seal", CheckResult.FAILED, f"OFD签章无效：{judged.reason}", wire_field)


def iso(moment: datetime) -> str:
    """A moment as evidence has it: UTC, to the microsecond."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def check_of(fields: Mapping[str, str]) -> Check:
    """The inverse of ``Check.to_dict``."""
    return Check(fields["name"], CheckResult(fields["result"]), fields["reason"], fields["field"])


def _signed_report(
    package: SignaturePackage, report: Report, document: bytes | None, document_field: str
) -> SignedReport:
    steps = [step for step in (report.written, report.audited, report.finally_audited) if step and step.doctor]
    doctors = [step.doctor for step in steps if step.doctor]
    return SignedReport(
        ca_data=package.signed_text or "",
        client_cert=package.certificate or "",
        sign_type=_SIGN_TYPE[package.format] if package.format else "",
        sign_value=package.value or "",
        timestamp_value=package.timestamp_token or "",
        pdf=document,
        pdf_field=document_field,
        doctor_names=tuple(d.name for d in doctors if d.name),
        doctor_id_numbers=tuple(d.document_number for d in doctors if d.document_number),
    )


def _materials(package: SignaturePackage, document: bytes | None) -> dict[str, str]:
    """SM3 of each piece that was judged: CAData as sent, the others decoded where they are base64."""
    pieces = {
        "CAData": (package.signed_text or "").encode("utf-8", "surrogatepass"),
        "ClientCert": _decoded(package.certificate),
        "SignValue": _decoded(package.value),
        "Timestampvalue": _decoded(package.timestamp_token),
        "document": document or b"",
    }
    return {name: sm3(piece).hex() for name, piece in pieces.items() if piece}


def _decoded(text: str | None) -> bytes:
    try:
        return decode_base64(text or "")
    except Base64Error:
        return (text or "").encode("utf-8", "surrogatepass")
