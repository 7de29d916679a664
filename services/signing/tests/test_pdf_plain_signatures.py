"""Plain signatures (CMS) in a PDF: an attached digest, and a timestamp beside the signature."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from pypdf import PdfWriter

from radbridge.signing.domain.pdf_seal import judge_pdf
from radbridge.signing.domain.report_verdict import SignedReport, judge_report
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.trial_pki import TrialAuthority
from radbridge.signing.trial_seal import TrialSealer
from tests.support.stamped import with_timestamp


@pytest.fixture(scope="module")
def sealer(authority: TrialAuthority) -> TrialSealer:
    return TrialSealer.create(authority, "某某医院")


@pytest.fixture(scope="module")
def unsigned_pdf() -> bytes:
    writer, written = PdfWriter(), io.BytesIO()
    writer.add_blank_page(200, 200)
    writer.write(written)
    return written.getvalue()


def test_a_bad_timestamp_beside_a_good_signature_is_told(
    authority: TrialAuthority, sealer: TrialSealer, unsigned_pdf: bytes, now: datetime
) -> None:
    store, hour_ago = authority.trust_store(), now - timedelta(hours=1)

    def stamped(over: bytes | None) -> bytes:
        def sign(document: bytes) -> bytes:
            return with_timestamp(sealer.cms(document), authority, hour_ago, over)

        return sealer.seal_pdf(unsigned_pdf, sign=sign)

    (good,) = judge_pdf(stamped(None), store, now=now).seals
    assert (good.word, good.signing_time, good.remark) == ("0", hour_ago, "")
    (bad,) = judge_pdf(stamped(b"other"), store, now=now).seals
    assert (bad.word, bad.remark) == ("0", "签名中的时间戳无效，未予采信：时间戳的摘要与原文不符")
    assert bad.signing_time == now  # what the signer claims, not what the timestamp says
    report = judge_report(SignedReport("a", "", "1", "", "", stamped(b"other")), store, now=now)
    (check,) = (one for one in report.checks if one.name == "pdf_seal")
    assert bad.remark in check.reason


@pytest.mark.parametrize(
    ("attached", "word", "reason"),
    [
        (lambda document: document, "0", "签章有效"),
        (sm3, "0", "签章有效"),
        (lambda document: hashlib.sha1(document).digest(), "invalid", "SHA-1"),
        (lambda document: hashlib.sha1(document + b" ").digest(), "document_changed", "文档被改动"),
        (lambda document: sm3(document + b" "), "document_changed", "文档被改动"),
    ],
)
def test_an_attached_digest_stands_for_the_document(
    sealer: TrialSealer, unsigned_pdf: bytes, now: datetime, attached: Callable[[bytes], bytes], word: str, reason: str
) -> None:
    sealed = sealer.seal_pdf(unsigned_pdf, sign=lambda document: sealer.unit.sign_pkcs7(attached(document)))
    (seal,) = judge_pdf(sealed, sealer.authority.trust_store(), now=now).seals
    assert (seal.word, seal.certificate) == (word, sealer.unit.certificate)
    assert reason in seal.reason
