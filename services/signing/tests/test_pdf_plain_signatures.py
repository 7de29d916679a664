"""Plain signatures (CMS) in a PDF: an attached digest, and a timestamp beside the signature."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from pypdf import PdfWriter

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.der_write import encode, oid, sequence, set_of
from radbridge.signing.domain.pdf_seal import judge_pdf
from radbridge.signing.domain.report_verdict import SignedReport, judge_report
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.trial_pki import TrialAuthority
from radbridge.signing.trial_seal import TrialSealer


@pytest.fixture(scope="module")
def sealer(authority: TrialAuthority) -> TrialSealer:
    return TrialSealer.create(authority, "某某医院")


@pytest.fixture(scope="module")
def unsigned_pdf() -> bytes:
    writer, written = PdfWriter(), io.BytesIO()
    writer.add_blank_page(200, 200)
    writer.write(written)
    return written.getvalue()


def with_timestamp(signed_data: bytes, sealer: TrialSealer, at: datetime, over: bytes | None = None) -> bytes:
    """A SignedData with a timestamp as unsigned attribute, over its signature value or over something else."""
    content_type, wrapper = der.parse(signed_data).children()
    *fields, signers = wrapper.children()[0].children()
    signer = signers.children()[0].children()
    token = sealer.authority.timestamp(signer[-1].octets() if over is None else over, at)
    attribute = sequence(oid(oids.ATTRIBUTE_SIGNATURE_TIMESTAMP), set_of(token))
    stamped = sequence(*(one.raw for one in signer), encode(der.context(1), attribute))
    return sequence(content_type.raw, encode(der.context(0), sequence(*(one.raw for one in fields), set_of(stamped))))


def test_a_bad_timestamp_beside_a_good_signature_is_told(
    authority: TrialAuthority, sealer: TrialSealer, unsigned_pdf: bytes, now: datetime
) -> None:
    store, hour_ago = authority.trust_store(), now - timedelta(hours=1)

    def stamped(over: bytes | None) -> bytes:
        return sealer.seal_pdf(
            unsigned_pdf, sign=lambda document: with_timestamp(sealer.cms(document), sealer, hour_ago, over)
        )

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
