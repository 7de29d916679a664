"""Mutated signatures, tokens, certificates, lists, OCSP answers, seals, PDF and OFD files: each ends in a verdict.

A failure tells its seed: RADBRIDGE_FUZZ_SEED replays it, RADBRIDGE_FUZZ_COUNT sets how many mutants are judged.
"""

from __future__ import annotations

import io
import logging
import random
from collections.abc import Callable
from datetime import datetime

import pytest
from pypdf import PdfWriter

from radbridge.signing.domain.certificate import parse_certificate
from radbridge.signing.domain.chain import judge_certificate
from radbridge.signing.domain.crl import judge_crl
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.ocsp_desk import OcspDesk, Question
from radbridge.signing.domain.ofd_seal import judge_ofd
from radbridge.signing.domain.pdf_seal import judge_pdf
from radbridge.signing.domain.pkcs7 import judge_pkcs7
from radbridge.signing.domain.report_verdict import SignedReport, judge_report
from radbridge.signing.domain.ses import judge_ses
from radbridge.signing.domain.timestamp import judge_timestamp
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.trial_pki import Doctor, TrialAuthority
from radbridge.signing.trial_seal import TrialSealer
from tests.support.mutants import COUNT, SEED, mutant, small_ofd
from tests.support.ocsp import OcspCa, Reply

DATA = "报告全文".encode()


def judge_mutated_certificate(data: bytes, store: TrustStore, now: datetime) -> None:
    try:
        certificate = parse_certificate(data)
    except DerError:
        return
    judge_certificate(certificate, store, at=now, extra=[certificate])


@pytest.mark.timeout(0)
def test_no_mutant_escapes_as_an_exception(
    authority: TrialAuthority, doctor: Doctor, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "pypdf")
    store = authority.trust_store()
    sealer = TrialSealer.create(authority, "某某医院")
    issuer = parse_certificate(authority.sub_der)
    writer, written = PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    writer.write(written)
    sealed = sealer.seal_pdf(sealer.seal_pdf(written.getvalue()), sign=sealer.cms)
    ca = OcspCa(now)
    asked = ca.doctor().certificate

    def judge_mutated_answer(data: bytes) -> None:
        desk = OcspDesk({Question(asked, ca.certificate).key: data}.get)
        judge_certificate(asked, TrustStore([ca.certificate]).asking(desk), at=now)

    judges: list[tuple[bytes, Callable[[bytes], object]]] = [
        (doctor.sign_pkcs7(DATA), lambda data: judge_pkcs7(DATA, data, store, at=now)),
        (doctor.sign_pkcs7(DATA, attached=False, attributes=False), lambda d: judge_pkcs7(DATA, d, store, at=now)),
        (authority.timestamp(DATA, now), lambda data: judge_timestamp(data, DATA, store, now=now)),
        (doctor.cert_der, lambda data: judge_mutated_certificate(data, store, now)),
        (authority.crls[0], lambda data: judge_crl(data, issuer, now)),
        (sealer.ses(DATA, with_timestamp=True), lambda data: judge_ses(data, DATA, store, now=now)),
        (Reply(ca=ca, certificate=asked, now=now, signer=ca.delegate()).der(), judge_mutated_answer),
        (small_ofd(sealer), lambda data: judge_ofd(data, store, now=now)),
        (sealed, lambda data: judge_pdf(data, store, now=now)),
    ]
    source = random.Random(SEED)
    for _ in range(COUNT):
        data, judge = source.choice(judges)
        try:
            judge(mutant(source, data))
        except Exception as fault:
            raise AssertionError(f"RADBRIDGE_FUZZ_SEED={SEED}") from fault


def test_no_text_in_a_reports_fields_escapes_as_an_exception(authority: TrialAuthority, now: datetime) -> None:
    store = authority.trust_store()
    source = random.Random(SEED)
    alphabet = "ABab01+/=- \n\r\t\0\ud800中-_{}\"'<>"
    for _ in range(300):
        fields = ["".join(source.choices(alphabet, k=source.choice((0, 1, 4, 40)))) for _ in range(5)]
        pdf = source.choice((None, b"", b"%PDF-", source.randbytes(50)))
        assert not judge_report(SignedReport(*fields, pdf, (fields[0],), (fields[1],)), store, now=now).accepted
