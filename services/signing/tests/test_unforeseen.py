"""A parser's unforeseen error is the malformed verdict, and the log tells where it happened but not what was read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

import pytest

from radbridge.runtime.telemetry.logs import JsonLines
from radbridge.signing.domain import der
from radbridge.signing.domain.chain import Usage
from radbridge.signing.domain.data_signature import verify_pkcs1, verify_pkcs7
from radbridge.signing.domain.document_signature import judge_contents
from radbridge.signing.domain.ofd_seal import judge_ofd
from radbridge.signing.domain.pdf_seal import judge_pdf
from radbridge.signing.domain.pkcs7 import judge_pkcs7
from radbridge.signing.domain.public_key import Scheme
from radbridge.signing.domain.report_verdict import SignedReport, judge_report
from radbridge.signing.domain.ses import judge_ses
from radbridge.signing.domain.timestamp import judge_timestamp
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.unforeseen import UNREADABLE, or_malformed
from radbridge.signing.offline import judge_certificate_file, judge_crl_file

SECRET = "张三110101199003070038"
NOBODY = TrustStore(())


@pytest.mark.parametrize(
    "fault", [ValueError(SECRET), IndexError(SECRET), KeyError(SECRET), OverflowError(SECRET), RecursionError(SECRET)]
)
def test_an_unforeseen_error_is_told_without_what_was_read(fault: Exception, caplog: pytest.LogCaptureFixture) -> None:
    @or_malformed(lambda: "malformed")
    def judge(data: bytes) -> str:
        raise fault

    assert judge(b"") == "malformed"
    (record,) = caplog.records
    line = JsonLines().format(record)
    assert SECRET not in line
    assert "test_unforeseen.py" in line
    assert type(fault).__name__ in line
    assert record.levelno == logging.ERROR


@pytest.mark.parametrize("fault", [MemoryError(), OSError(), AttributeError()])
def test_what_says_nothing_about_the_bytes_is_no_verdict(fault: Exception) -> None:
    @or_malformed(lambda: "malformed")
    def judge() -> str:
        raise fault

    with pytest.raises(type(fault)):
        judge()


def damaged(*_: object, **__: object) -> None:
    raise OverflowError(SECRET)


JUDGES: dict[str, Callable[[datetime], str]] = {
    "ses": lambda now: judge_ses(b"0", b"", NOBODY, now=now).reason,
    "contents": lambda now: judge_contents(b"0", b"", NOBODY, now=now).reason,
    "timestamp": lambda now: judge_timestamp(b"0", b"", NOBODY, now=now).reason,
    "pkcs7": lambda now: judge_pkcs7(b"", b"0", NOBODY, at=now).reason,
    "crl": lambda now: judge_crl_file(b"0", NOBODY, now).reason,
    "certificate": lambda now: judge_certificate_file(b"0", NOBODY, now, Usage.SIGNATURE).reason,
    "verify_pkcs7": lambda now: verify_pkcs7(b"", "MAA=", verify_certificate=False, store=NOBODY, now=now).reason,
    "verify_pkcs1": lambda now: (
        verify_pkcs1(
            b"",
            "MAA=",
            Scheme.SM3_WITH_SM2,
            certificate="MAA=",
            public_key="",
            verify_certificate=False,
            store=NOBODY,
            now=now,
        ).reason
    ),
    "report": lambda now: judge_report(SignedReport("a", "MAA=", "1", "MAA=", ""), NOBODY, now=now).reason,
}


@pytest.mark.parametrize("name", JUDGES)
def test_every_judge_stands_over_the_net(name: str, monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(der, "read", damaged)
    assert UNREADABLE in JUDGES[name](now)


def test_documents_stand_over_the_net(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr("radbridge.signing.domain.pdf_seal.SignatureField", damaged)
    monkeypatch.setattr("radbridge.signing.domain.ofd_seal.OfdPackage", damaged)
    ofd = judge_ofd(b"PK", NOBODY, now=now)
    assert (ofd.word, [one.word for one in ofd.seals]) == ("invalid", ["invalid"])
    (seal,) = judge_pdf(b"%PDF-/ByteRange [0 1 2 3]", NOBODY, now=now).seals
    assert (seal.word, UNREADABLE in seal.reason) == ("invalid", True)
