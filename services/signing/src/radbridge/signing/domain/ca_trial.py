"""Trying a CA out before its hospitals connect: its chain, its lists and its test data, check by check (SX-069).

A CA hands in three sets: original text, signer's certificate, signature value and timestamp, with a sealed document
where the hospital has seals of its own. Everything is judged by that CA's material alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.chain import CertStatus, Usage, allows, judge_certificate
from radbridge.signing.domain.cms import parse_signed_data
from radbridge.signing.domain.crl import CrlStatus, judge_crl_among, vouched_for
from radbridge.signing.domain.document_signature import SealVerdict
from radbridge.signing.domain.errors import DerError, SigningInputError
from radbridge.signing.domain.ofd_seal import VALID, judge_ofd
from radbridge.signing.domain.public_key import Sm2PublicKey
from radbridge.signing.domain.report_verdict import PKCS1, PKCS7, SignedReport, judge_report
from radbridge.signing.domain.revocation import NOT_REVOKED_BY_OCSP, REVOCATION_REASONS, RevocationState
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.verdict import Check, CheckResult, Verdict
from radbridge.signing.domain.wire import Base64Error, decode_base64, decode_certificate

SETS_ASKED_FOR = 3
_NOT_TRIED = frozenset({"named_doctor", "pdf_seal"})
# what certificates handed in as further material may be: kept for old signatures
_OLD = frozenset({CertStatus.EXPIRED, CertStatus.ISSUER_EXPIRED, CertStatus.REVOKED, CertStatus.ISSUER_REVOKED})


@dataclass(frozen=True, repr=False)
class TrialSet:
    """One set as handed in; texts are base64 (the certificate may be PEM). `sign_type` is 1, 2 or empty: told apart by
    the value itself."""

    name: str
    original: bytes
    certificate: str
    signature: str
    timestamp: str
    sign_type: str = ""
    document: bytes = b""


@dataclass(frozen=True, slots=True)
class ListAddress:
    """An address of a revocation list, and what went wrong when it was asked last; empty where a list came."""

    url: str
    error: str


def try_authority(
    store: TrustStore, crls: Sequence[bytes], addresses: Sequence[ListAddress], *, now: datetime
) -> tuple[Check, ...]:
    """The chain and the lists that a CA handed in."""
    checks: list[Check] = []
    for number, root in enumerate(store.anchors, 1):
        checks.append(_root(number, root, store, now))
    for number, certificate in enumerate(store.intermediates, 1):
        checks.append(_further(number, certificate, store, now))
    known = (*store.anchors, *store.intermediates)
    judged = [judge_crl_among(crl, known, now) for crl in crls]
    vouched = vouched_for(judged)
    for number, (status, reason, crl) in enumerate(judged, 1):
        beside = status is CrlStatus.PARTIAL and crl is not None and crl.issuer_key in vouched
        result = CheckResult.PASSED if status is CrlStatus.GOOD else CheckResult.FAILED
        checks.append(Check(f"revocation_list[{number}]", CheckResult.FINDING if beside else result, reason, "crl"))
    if not crls:
        checks.append(Check("revocation_lists", CheckResult.FAILED, "没有吊销列表（CRL）", "crl"))
    for number, address in enumerate(addresses, 1):
        result = CheckResult.FAILED if address.error else CheckResult.PASSED
        reason = f"CRL更新地址无法获取吊销列表：{address.error}" if address.error else "CRL更新地址可以获取"
        checks.append(Check(f"list_address[{number}]", result, reason, "crl"))
    if not addresses:
        checks.append(Check("list_addresses", CheckResult.FINDING, "没有CRL更新地址，吊销列表不会自动更新", "crl"))
    return tuple(checks)


def try_set(trial: TrialSet, store: TrustStore, *, now: datetime) -> Verdict:
    """One set of test data; unlike in a report the timestamp must be there, and a document must have a seal."""
    try:
        text = trial.original.decode()
    except UnicodeDecodeError:
        reason = "签名原文不是UTF-8编码"
        return Verdict((Check("original_text", CheckResult.FAILED, reason, "CAData"), *_seals(trial, store, now)))
    report = SignedReport(
        ca_data=text,
        client_cert=trial.certificate,
        sign_type=trial.sign_type or _told_apart(trial.signature),
        sign_value=trial.signature,
        timestamp_value=trial.timestamp,
    )
    judged = judge_report(report, store, now=now)
    checks = [_demanded(check, trial) for check in judged.checks if check.name not in _NOT_TRIED]
    return Verdict((*checks, *_responder(trial, store, now), *_seals(trial, store, now)), judged.evidence)


def number_of_sets(count: int) -> Check:
    """Whether there are as many sets as the standard asks for."""
    enough = count >= SETS_ASKED_FOR
    reason = f"测试数据{count}组" if enough else f"测试数据应为{SETS_ASKED_FOR}组，现为{count}组"
    return Check("test_sets", CheckResult.PASSED if enough else CheckResult.FAILED, reason, "sets")


def _root(number: int, root: Certificate, store: TrustStore, now: datetime) -> Check:
    name = f"root[{number}]"
    if root.issuer_key == root.subject_key and not store.link_verifies(root, root):
        return Check(name, CheckResult.FAILED, "根证书的自签名错误", "root")
    if root.not_after < now and any(one.not_before <= now <= one.not_after for one in store.anchors):
        return Check(name, CheckResult.FINDING, "根证书已过期，只用于验证以前的签名", "root")
    if not root.not_before <= now <= root.not_after:
        return Check(name, CheckResult.FAILED, "根证书不在有效期内", "root")
    if root.version != 1 and not allows(root, Usage.CA):
        return Check(name, CheckResult.FAILED, "根证书不是CA证书", "root")
    if not isinstance(root.key, Sm2PublicKey):
        return Check(name, CheckResult.FINDING, "根证书不是SM2证书", "root")
    return Check(name, CheckResult.PASSED, "根证书有效", "root")


def _further(number: int, certificate: Certificate, store: TrustStore, now: datetime) -> Check:
    usage = Usage.CA if certificate.extensions.ca else Usage.SIGNATURE
    usage = Usage.TIMESTAMP if allows(certificate, Usage.TIMESTAMP) else usage
    verdict = judge_certificate(certificate, store, at=now, usage=usage)
    result = CheckResult.PASSED if verdict.good else CheckResult.FAILED
    if verdict.status in _OLD:
        result = CheckResult.FINDING
    return Check(f"intermediate[{number}]", result, verdict.reason, "intermediate")


def _told_apart(signature: str) -> str:
    try:
        parse_signed_data(decode_base64(signature))
    except (Base64Error, DerError):
        return PKCS1
    return PKCS7


def _demanded(check: Check, trial: TrialSet) -> Check:
    missing = check.name == "timestamp" and not trial.timestamp.strip()
    return replace(check, result=CheckResult.FAILED, reason="没有时间戳") if missing else check


def _responder(trial: TrialSet, store: TrustStore, now: datetime) -> list[Check]:
    """Whether the OCSP responder that the certificate names gives an answer that counts, even if a list is current."""
    try:
        certificate = decode_certificate(trial.certificate)
    except SigningInputError:
        return []
    found = judge_certificate(certificate, store.without_lists(), at=now).ocsp
    if found is None:
        return []
    if found.revocation is not None:
        return [Check("ocsp", CheckResult.FINDING, "OCSP应答：证书已被吊销", "certificate")]
    good = found.state is RevocationState.GOOD
    reason = NOT_REVOKED_BY_OCSP if good else REVOCATION_REASONS[found.state]
    return [Check("ocsp", CheckResult.PASSED if good else CheckResult.FAILED, reason, "certificate")]


def _seals(trial: TrialSet, store: TrustStore, now: datetime) -> list[Check]:
    if not trial.document:
        return [Check("seals", CheckResult.SKIPPED, "没有签章文件", "document")]
    if trial.document.startswith(b"PK"):
        ofd = judge_ofd(trial.document, store, now=now)
        whole = [] if ofd.word == VALID else [Check("document", CheckResult.FAILED, ofd.reason, "document")]
        return [*_each(ofd.seals), *whole]
    # the PDF reader is a heavy import that sets without a document do without
    from radbridge.signing.domain.pdf_seal import judge_pdf

    pdf = judge_pdf(trial.document, store, now=now)
    return _each(pdf.seals) or [Check("seals", CheckResult.FAILED, pdf.reason, "document")]


def _each(seals: Sequence[SealVerdict]) -> list[Check]:
    return [
        Check(f"seal[{number}]", CheckResult.PASSED if seal.good else CheckResult.FAILED, seal.reason, "document")
        for number, seal in enumerate(seals, 1)
    ]
