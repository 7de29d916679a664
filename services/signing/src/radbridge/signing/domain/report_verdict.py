"""One signed report of the Shanxi interface, judged: SignValue and Timestampvalue are over the UTF-8 bytes of CAData.

Validity is judged at the timestamp's genTime, without a valid timestamp at `now`. A malformed or wrong signature,
certificate, chain or token rejects, and so does a seal that is broken; a signer who is not a named doctor, a PDF
without a seal, an absent timestamp and revocation lists missing or out of date are findings (SX-058, SX-059, SX-122).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.chain import CertStatus, CertVerdict, judge_certificate
from radbridge.signing.domain.cms import SignerFault
from radbridge.signing.domain.errors import SigningInputError
from radbridge.signing.domain.ocsp import OcspFinding
from radbridge.signing.domain.pkcs1 import judge_pkcs1, scheme_of_key
from radbridge.signing.domain.pkcs7 import judge_pkcs7
from radbridge.signing.domain.revocation import RevocationState
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.domain.timestamp import TimestampVerdict, VerifyRes, judge_timestamp
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.unforeseen import UNREADABLE, or_malformed
from radbridge.signing.domain.verdict import Check, CheckResult, Verdict
from radbridge.signing.domain.wire import Base64Error, decode_base64, decode_certificate

CA_DATA, CLIENT_CERT, SIGN_TYPE, SIGN_VALUE = "CAData", "ClientCert", "SignType", "SignValue"
TIMESTAMP_VALUE, REPORT_PDF, PDF_PATH = "Timestampvalue", "reportPdfBase64", "pdf_path"
PKCS1, PKCS7 = "1", "2"


@dataclass(frozen=True, repr=False)
class SignedReport:
    """The signing fields of a report as sent; `pdf` decoded, `pdf_field` the one by which it came. The named doctors
    are those who may have signed it."""

    ca_data: str
    client_cert: str
    sign_type: str
    sign_value: str
    timestamp_value: str
    pdf: bytes | None = None
    doctor_names: Sequence[str] = ()
    doctor_id_numbers: Sequence[str] = ()
    pdf_field: str = REPORT_PDF


@or_malformed(lambda: Verdict((Check("signature", CheckResult.FAILED, f"签名{UNREADABLE}", SIGN_VALUE),)))
def judge_report(report: SignedReport, store: TrustStore, *, now: datetime) -> Verdict:
    """The verdict on `report`. Never raises for what the report contains; evidence holds no personal data."""
    checks: list[Check] = []
    evidence = {"judgedAt": _iso(now)}
    data = _encoded(report.ca_data, checks)
    certificate = _client_certificate(report.client_cert, checks)
    if data is not None:
        evidence["caDataSm3"] = sm3(data).hex()
        timestamp = _judge_timestamp(report.timestamp_value, data, store, now, checks)
        at = timestamp.gen_time if timestamp is not None and timestamp.valid and timestamp.gen_time else now
        evidence |= _timestamp_evidence(timestamp) | {"validityJudgedAt": _iso(at)}
        if certificate is not None:
            _judge_signature(report, data, certificate, timestamp, store, at, now, checks)
            verdict = judge_certificate(certificate, store, at=at, now=now)
            _certificate_checks(verdict, checks)
            checks.append(_signer_check(report, certificate))
            evidence |= _certificate_evidence(certificate, verdict)
    checks.append(_pdf_check(report, store, now))
    return Verdict(tuple(checks), evidence)


def _encoded(ca_data: str, checks: list[Check]) -> bytes | None:
    try:
        data = ca_data.encode()
    except UnicodeEncodeError:
        checks.append(Check("original_text", CheckResult.FAILED, "签名原文含有不能编码为UTF-8的字符", CA_DATA))
        return None
    if not data:
        checks.append(Check("original_text", CheckResult.FAILED, "签名原文为空", CA_DATA))
        return None
    checks.append(Check("original_text", CheckResult.PASSED, "签名原文已读取", CA_DATA))
    return data


def _client_certificate(text: str, checks: list[Check]) -> Certificate | None:
    try:
        certificate = decode_certificate(text)
    except SigningInputError:
        checks.append(Check("certificate_form", CheckResult.FAILED, "不是Base64编码的X.509证书", CLIENT_CERT))
        return None
    if certificate.key is None:
        checks.append(Check("certificate_form", CheckResult.FAILED, "证书公钥不是SM2或RSA公钥", CLIENT_CERT))
        return None
    checks.append(Check("certificate_form", CheckResult.PASSED, "证书格式正确", CLIENT_CERT))
    return certificate


def _judge_timestamp(
    text: str, data: bytes, store: TrustStore, now: datetime, checks: list[Check]
) -> TimestampVerdict | None:
    if not text.strip():
        checks.append(Check("timestamp", CheckResult.FINDING, "没有时间戳，按当前时间判断证书有效性", TIMESTAMP_VALUE))
        return None
    try:
        token = decode_base64(text)
    except Base64Error:
        checks.append(Check("timestamp", CheckResult.FAILED, "不是规范的Base64编码", TIMESTAMP_VALUE))
        return None
    verdict = judge_timestamp(token, data, store, now=now)
    reason = verdict.reason if verdict.valid else f"{verdict.reason}（verifyRes={verdict.res}）"
    if verdict.res is VerifyRes.IMPRINT_MISMATCH:
        reason = f"时间戳的摘要与CAData不符（verifyRes={verdict.res}）"
    checks.append(Check("timestamp", _result(verdict.valid), reason, TIMESTAMP_VALUE))
    if verdict.valid and verdict.certificate is not None and verdict.certificate.revocation is not RevocationState.GOOD:
        lists = f"时间戳服务器证书：{verdict.certificate.revocation_reason}"
        checks.append(Check("timestamp_revocation_list", CheckResult.FINDING, lists, TIMESTAMP_VALUE))
    return verdict


def _judge_signature(
    report: SignedReport,
    data: bytes,
    certificate: Certificate,
    timestamp: TimestampVerdict | None,
    store: TrustStore,
    at: datetime,
    now: datetime,
    checks: list[Check],
) -> None:
    try:
        signature = decode_base64(report.sign_value)
    except Base64Error:
        checks.append(Check("signature", CheckResult.FAILED, "不是规范的Base64编码", SIGN_VALUE))
        return
    sign_type = report.sign_type.strip()
    if sign_type == PKCS1:
        good, reason, field = _pkcs1(data, signature, certificate, store)
    elif sign_type == PKCS7:
        good, reason, field = _pkcs7(data, signature, certificate, store, at, now, checks)
    else:
        checks.append(Check("signature", CheckResult.FAILED, "签名格式不是1（PKCS1）或2（PKCS7）", SIGN_TYPE))
        return
    checks.append(Check("signature", _result(good), reason, field))
    if not good and timestamp is not None and timestamp.res is VerifyRes.IMPRINT_MISMATCH and field != CA_DATA:
        changed = "CAData与SignValue、Timestampvalue都不符，签名原文可能被改动"
        checks.append(Check("original_text_unchanged", CheckResult.FAILED, changed, CA_DATA))


def _pkcs1(data: bytes, signature: bytes, certificate: Certificate, store: TrustStore) -> tuple[bool, str, str]:
    if certificate.key is None:
        return False, "证书公钥不受支持", CLIENT_CERT
    allow_raw = store.allows_raw_signatures(certificate)
    verdict = judge_pkcs1(data, signature, certificate.key, scheme_of_key(certificate.key), allow_raw=allow_raw)
    if verdict.good:
        return True, "签名与CAData、ClientCert相符", SIGN_VALUE
    hint = _encoding_hint(data, signature, certificate)
    return False, f"{verdict.reason}{hint}（SignValue与CAData、ClientCert不符）", SIGN_VALUE


def _encoding_hint(data: bytes, signature: bytes, certificate: Certificate) -> str:
    """Whether the signature would hold over the text in GBK: the slip that onboarding meets most."""
    other = data.decode("utf-8").encode("gbk", "replace")
    if certificate.key is not None and certificate.key.verify(scheme_of_key(certificate.key), other, signature):
        return "；签名是对原文的GBK编码所作，应对UTF-8编码签名"
    return ""


def _pkcs7(
    data: bytes,
    signature: bytes,
    certificate: Certificate,
    store: TrustStore,
    at: datetime,
    now: datetime,
    checks: list[Check],
) -> tuple[bool, str, str]:
    verdict = judge_pkcs7(data, signature, store, at=at, now=now, known=(certificate,))
    others = [signer for signer in verdict.signers if signer.certificate != certificate]
    if verdict.signers and len(others) == len(verdict.signers):
        checks.append(
            Check("signer_certificate", CheckResult.FAILED, "PKCS7的签名人证书不是ClientCert所给的证书", CLIENT_CERT)
        )
    for signer in others:
        if signer.certificate is not None and not signer.certificate_verdict.good:
            reason = f"PKCS7中另一签名人的{signer.certificate_verdict.reason}"
            checks.append(Check("co_signer_certificate", CheckResult.FAILED, reason, SIGN_VALUE))
    if verdict.signature_ok:
        return True, "签名与CAData相符", SIGN_VALUE
    changed = verdict.content_differs or any(s.fault is SignerFault.MESSAGE_DIGEST for s in verdict.signers)
    if changed:
        return False, f"{verdict.reason}（CAData与SignValue中的原文或摘要不符）", CA_DATA
    return False, f"{verdict.reason}（SignValue与CAData不符）", SIGN_VALUE


def _certificate_checks(verdict: CertVerdict, checks: list[Check]) -> None:
    revoked = verdict.status in (CertStatus.REVOKED, CertStatus.ISSUER_REVOKED, CertStatus.REVOCATION_UNKNOWN)
    chain_good = verdict.good or revoked
    reason = "证书链、有效期和用途符合要求" if chain_good else verdict.reason
    checks.append(Check("certificate", _result(chain_good), reason, CLIENT_CERT))
    if revoked:
        checks.append(Check("revocation", CheckResult.FAILED, verdict.reason, CLIENT_CERT))
    elif chain_good:
        current = verdict.revocation is RevocationState.GOOD
        result = CheckResult.PASSED if current else CheckResult.FINDING
        checks.append(Check("revocation", result, verdict.revocation_reason, CLIENT_CERT))
    else:
        checks.append(Check("revocation", CheckResult.SKIPPED, "证书未通过验证，不再查询吊销列表", CLIENT_CERT))


def _signer_check(report: SignedReport, certificate: Certificate) -> Check:
    if not any(name.strip() for name in report.doctor_names):
        return Check("named_doctor", CheckResult.SKIPPED, "报告未写明医师姓名", CLIENT_CERT)
    name_fits = any(names_person(certificate.common_name, name) for name in report.doctor_names)
    id_fits = any(
        number.strip() and code.upper().endswith(number.strip().upper())
        for code in certificate.extensions.identity_codes
        for number in report.doctor_id_numbers
    )
    if name_fits or id_fits:
        return Check("named_doctor", CheckResult.PASSED, "签名人是报告写明的医师", CLIENT_CERT)
    return Check("named_doctor", CheckResult.FINDING, "签名人不是报告写明的医师", CLIENT_CERT)


def names_person(common_name: str, name: str) -> bool:
    """Whether a certificate's CN is `name`, alone or as one word of it (CAs add numbers: 张三@1234)."""
    wanted = "".join(unicodedata.normalize("NFKC", name).split()).casefold()
    text = unicodedata.normalize("NFKC", common_name).casefold()
    words = "".join(c if c.isalpha() or c in "·•" else " " for c in text).split()
    return bool(wanted) and (wanted in words or wanted == "".join(text.split()))


def _pdf_check(report: SignedReport, store: TrustStore, now: datetime) -> Check:
    if not report.pdf:
        return Check("pdf_seal", CheckResult.SKIPPED, "没有PDF文件内容", report.pdf_field)
    # The PDF reader is the one heavy import of the engine; most reports come without the file.
    from radbridge.signing.domain.pdf_seal import judge_pdf

    verdict = judge_pdf(report.pdf, store, now=now)
    if not verdict.seals:
        return Check("pdf_seal", CheckResult.FINDING, verdict.reason, report.pdf_field)
    broken = next((seal for seal in verdict.seals if not seal.good), None)
    if broken is None:
        remarks = [seal.remark for seal in verdict.seals if seal.remark]
        told = "；".join([f"PDF的{len(verdict.seals)}个签章均有效", *remarks])
        return Check("pdf_seal", CheckResult.PASSED, told, report.pdf_field)
    return Check("pdf_seal", CheckResult.FAILED, f"PDF签章无效：{broken.reason}", report.pdf_field)


def _timestamp_evidence(verdict: TimestampVerdict | None) -> dict[str, str]:
    if verdict is None:
        return {}
    found = {"verifyRes": verdict.res.value}
    if verdict.gen_time is not None:
        found["genTime"] = _iso(verdict.gen_time)
    if verdict.tsa is not None:
        found["tsaCertificateSm3"] = verdict.tsa.fingerprint
    return found


def _certificate_evidence(certificate: Certificate, verdict: CertVerdict) -> dict[str, str]:
    found = {
        "certificateSerial": certificate.serial_hex,
        "certificateStatus": verdict.status.value,
        "chainSm3": " ".join(one.fingerprint for one in (verdict.path or (certificate,))),
        "revocation": verdict.revocation.value,
    }
    if len(verdict.path) > 1 and verdict.path[1].extensions.ca:
        found["certificateIssuer"] = verdict.path[1].common_name
    if verdict.crl is not None:
        found["crlThisUpdate"] = _iso(verdict.crl.this_update)
        if verdict.crl.number is not None:
            found["crlNumber"] = str(verdict.crl.number)
    return found | ({} if verdict.ocsp is None else _ocsp_evidence(verdict.ocsp))


def _ocsp_evidence(finding: OcspFinding) -> dict[str, str]:
    found: dict[str, str] = {}
    if finding.response is not None:
        found["ocspSm3"] = sm3(finding.response.raw).hex()
        if finding.response.basic is not None:
            found["ocspProducedAt"] = _iso(finding.response.basic.produced_at)
    if finding.answer is not None:
        found["ocspStatus"] = finding.answer.status.value
        found["ocspThisUpdate"] = _iso(finding.answer.this_update)
        found["ocspValidUntil"] = _iso(finding.answer.valid_until)
        if finding.answer.revocation is not None:
            found["ocspRevokedSince"] = _iso(finding.answer.revocation.since)
            found["ocspRevocationReason"] = finding.answer.revocation.reason
    return found


def _result(good: bool) -> CheckResult:
    return CheckResult.PASSED if good else CheckResult.FAILED


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
