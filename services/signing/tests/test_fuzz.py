"""Mutated signatures, tokens, certificates, lists, OCSP answers, seals, PDF and OFD files: each ends in a verdict.

A failure tells its seed: RADBRIDGE_FUZZ_SEED replays it, RADBRIDGE_FUZZ_COUNT sets how many mutants are judged.
"""

from __future__ import annotations

import io
import os
import random
import zipfile
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
from tests.support.ocsp import OcspCa, Reply

DATA = "报告全文".encode()
COUNT = int(os.environ.get("RADBRIDGE_FUZZ_COUNT", "2000"))
SEED = int(os.environ.get("RADBRIDGE_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
INTERESTING = (b"\x00", b"\x80", b"\xff", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"\x1f", b"\x02\x00", b"\x00\x00")


def mutant(source: random.Random, data: bytes) -> bytes:
    """`data` after one to four changes of bits, bytes, lengths and whole pieces."""
    octets = bytearray(data)
    for _ in range(source.randint(1, 4)):
        if not octets:
            break
        at = source.randrange(len(octets))
        span = min(len(octets) - at, source.choice((1, 2, 8, 64, 1024)))
        match source.randrange(7):
            case 0:
                octets[at] ^= 1 << source.randrange(8)
            case 1:
                octets[at] = source.randrange(256)
            case 2:
                del octets[at : at + span]
            case 3:
                octets[at:at] = octets[at : at + span] * source.choice((1, 1, 2, 50))
            case 4:
                del octets[at:]
            case 5:
                octets[at : at + 1] = source.choice(INTERESTING)
            case _:
                other = source.randrange(len(octets))
                octets[at : at + span] = octets[other : other + span]
    return bytes(octets)


def small_ofd(sealer: TrialSealer) -> bytes:
    buffer = io.BytesIO()
    description = (
        b'<S><References CheckMethod="SM3"><Reference FileRef="/OFD.xml"><CheckValue>AA==</CheckValue></Reference>'
    )
    description += b"</References><SignedValue>v</SignedValue></S>"
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("OFD.xml", "<OFD><Signatures>s.xml</Signatures></OFD>")
        package.writestr("s.xml", '<S><Signature BaseLoc="d.xml"/></S>')
        package.writestr("d.xml", description)
        package.writestr("v", sealer.ses(description))
    return buffer.getvalue()


def judge_mutated_certificate(data: bytes, store: TrustStore, now: datetime) -> None:
    try:
        certificate = parse_certificate(data)
    except DerError:
        return
    judge_certificate(certificate, store, at=now, extra=[certificate])


@pytest.mark.timeout(3600)
def test_no_mutant_escapes_as_an_exception(authority: TrialAuthority, doctor: Doctor, now: datetime) -> None:
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
