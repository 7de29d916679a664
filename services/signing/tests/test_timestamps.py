"""What a timestamp token and its authority must have beyond a signature that holds (RFC 3161, RFC 5652)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from radbridge.signing.domain import cms_write, der, issuing, oids
from radbridge.signing.domain.certificate import Certificate, parse_certificate
from radbridge.signing.domain.chain import CertStatus, Usage, judge_certificate
from radbridge.signing.domain.cms_write import write_pkcs7, write_timestamp
from radbridge.signing.domain.crl import parse_crl
from radbridge.signing.domain.der_write import (
    NULL,
    encode,
    explicit,
    generalized_time,
    integer,
    octets,
    oid,
    sequence,
    true,
)
from radbridge.signing.domain.document_signature import judge_contents
from radbridge.signing.domain.issuing import Issuer
from radbridge.signing.domain.sm2_sign import Sm2PrivateKey
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.domain.timestamp import VerifyRes, judge_timestamp
from radbridge.signing.domain.trust_store import TrustStore
from tests.support.crls import HOLD, KEY_COMPROMISE, SUPERSEDED, Entry, write_crl

NOW = datetime(2026, 6, 15, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
DATA = "带时间戳的原文".encode()
SERIAL = 4711
ACCURACY, ORDERING, NONCE = sequence(integer(1)), true(), integer(1 << 63)
NAME = explicit(0, explicit(4, issuing.distinguished_name("T", "TSA")))


@dataclass(frozen=True)
class Tsa:
    """A root with a timestamp authority right below it."""

    issuer: Issuer
    root: Certificate
    certificate: Certificate
    key: Sm2PrivateKey

    @classmethod
    def create(cls, *purposes: str, critical: bool = True) -> Tsa:
        issuer = Issuer(issuing.distinguished_name("T", "Root"), Sm2PrivateKey.generate())
        root = _certificate(issuer, issuer.name, issuer.key, 1, issuing.ca_extensions(None))
        key = Sm2PrivateKey.generate()
        extensions = issuing.end_entity_extensions(issuing.SIGNING_USAGE)
        if purposes:
            extensions.append((oids.EXTENDED_KEY_USAGE, critical, sequence(*map(oid, purposes))))
        name = issuing.distinguished_name("T", "TSA")
        return cls(issuer, root, _certificate(issuer, name, key, SERIAL, extensions), key)

    def token(self, at: datetime = NOW) -> bytes:
        return write_timestamp(DATA, at, 1, self.certificate, self.key, attach_certificate=True)

    def token_of(self, info: bytes, *, attributes: bool = True) -> bytes:
        """A token over any TSTInfo."""
        return cms_write._signed_data(
            oids.CMS_SIGNED_DATA,
            oids.TST_INFO,
            info,
            self.certificate,
            self.key,
            cms_write._attributes(oids.TST_INFO, info, NOW) if attributes else None,
            attached=True,
            version=3,
        )

    def store(self, *entries: Entry) -> TrustStore:
        crl = write_crl(self.issuer, entries=entries, at=NOW - DAY)
        return TrustStore([self.root], (), [parse_crl(crl)])

    def judged(self, token: bytes, *entries: Entry, data: bytes | None = DATA) -> tuple[str, str]:
        verdict = judge_timestamp(token, data, self.store(*entries), now=NOW)
        return verdict.res.value, verdict.reason


def _certificate(
    issuer: Issuer, subject: bytes, key: Sm2PrivateKey, serial: int, extensions: list[issuing.Extension]
) -> Certificate:
    return parse_certificate(
        issuing.issue_certificate(
            issuer,
            subject=subject,
            point=key.point,
            serial=serial,
            not_before=NOW - 100 * DAY,
            not_after=NOW + 100 * DAY,
            extensions=extensions,
        )
    )


def info(*further: bytes, algorithm: str = oids.SM3, imprint: bytes | None = None) -> bytes:
    hashed = sequence(sequence(oid(algorithm), NULL), octets(sm3(DATA) if imprint is None else imprint))
    return sequence(integer(1), oid("1.2.3"), hashed, integer(1), generalized_time(NOW), *further)


@pytest.fixture(scope="module")
def tsa() -> Tsa:
    return Tsa.create(oids.TIME_STAMPING)


@pytest.mark.proves("SX-033")
@pytest.mark.parametrize("reason", [KEY_COMPROMISE, 2, 10])
def test_no_token_of_a_compromised_key_is_trusted_whenever_it_says_it_was_made(tsa: Tsa, reason: int) -> None:
    compromised = (SERIAL, NOW - 10 * DAY, reason)
    assert tsa.judged(tsa.token())[0] == tsa.judged(tsa.token(NOW - 20 * DAY))[0] == "1"
    assert tsa.judged(tsa.token(), compromised)[0] == "-1"
    res, told = tsa.judged(tsa.token(NOW - 20 * DAY), compromised)
    assert (res, "私钥泄露" in told) == ("-1", True)


@pytest.mark.parametrize("reason", [None, SUPERSEDED, HOLD])
def test_any_other_revocation_leaves_the_tokens_before_it_good(tsa: Tsa, reason: int | None) -> None:
    entry = (SERIAL, NOW - 10 * DAY, reason)
    assert tsa.judged(tsa.token(NOW - 20 * DAY), entry)[0] == "1"
    assert tsa.judged(tsa.token(NOW - 5 * DAY), entry)[0] == "-1"


@pytest.mark.parametrize(
    ("purposes", "critical"),
    [
        ((), True),
        ((oids.TIME_STAMPING,), False),
        ((oids.TIME_STAMPING, "1.3.6.1.5.5.7.3.4"), True),
        ((oids.ANY_EXTENDED_KEY_USAGE,), True),
    ],
)
def test_a_timestamp_key_has_that_purpose_alone_and_critical(purposes: tuple[str, ...], critical: bool) -> None:
    other = Tsa.create(*purposes, critical=critical)
    res, told = other.judged(other.token())
    assert (res, "扩展密钥用途" in told) == ("-1", True)
    verdict = judge_certificate(other.certificate, other.store(), at=NOW, usage=Usage.TIMESTAMP)
    assert verdict.status is CertStatus.WRONG_USAGE


@pytest.mark.parametrize(
    ("purposes", "allowed"),
    [
        ((oids.SERVER_AUTH,), False),
        ((oids.SERVER_AUTH, oids.CODE_SIGNING), False),
        (("1.3.6.1.5.5.7.3.5",), False),
        (("1.3.6.1.5.5.7.3.2",), True),
        ((oids.SERVER_AUTH, "1.3.6.1.5.5.7.3.2"), True),
        ((oids.ANY_EXTENDED_KEY_USAGE,), True),
        (("1.2.156.999999.7",), True),
    ],
)
def test_a_key_for_servers_or_code_signs_no_documents(purposes: tuple[str, ...], allowed: bool) -> None:
    other = Tsa.create(*purposes)
    status = judge_certificate(other.certificate, other.store(), at=NOW).status
    assert status is (CertStatus.GOOD if allowed else CertStatus.WRONG_USAGE)


def test_a_token_has_signed_attributes(tsa: Tsa) -> None:
    assert tsa.judged(tsa.token_of(info()))[0] == "1"
    assert tsa.judged(tsa.token_of(info(), attributes=False)) == ("-1", "时间戳没有签名属性")


def _extensions(critical: bool) -> bytes:
    return encode(der.context(1), sequence(oid("1.2.3.4"), true() if critical else b"", octets(NULL)))


@pytest.mark.parametrize(
    ("further", "good"),
    [
        ([ACCURACY, ORDERING, NONCE, NAME, _extensions(critical=False)], True),
        ([NONCE], True),
        ([_extensions(critical=True)], False),
        ([encode(der.context(1), integer(1))], False),
        ([NONCE, ACCURACY], False),
        ([NONCE, integer(5)], False),
        ([octets(b"x")], False),
    ],
)
def test_what_a_token_says_has_the_fields_of_the_standard_alone(tsa: Tsa, further: list[bytes], good: bool) -> None:
    res, told = tsa.judged(tsa.token_of(info(*further)))
    assert res == ("1" if good else "-1")
    assert good or told.startswith("时间戳结构错误")


@pytest.mark.parametrize(("algorithm", "name"), [(oids.SHA1, "SHA-1"), ("1.2.3.4", "1.2.3.4")])
def test_an_imprint_that_cannot_be_checked_is_told_by_its_algorithm(tsa: Tsa, algorithm: str, name: str) -> None:
    token = tsa.token_of(info(algorithm=algorithm, imprint=b"x" * 20))
    assert tsa.judged(token) == (VerifyRes.INVALID.value, f"时间戳的摘要算法（{name}）不受支持，不能与原文核对")
    assert tsa.judged(tsa.token_of(info(imprint=sm3(b"other")))) == ("-2", "时间戳的摘要与原文不符")


def test_the_end_of_the_calendar_is_a_moment_like_any_other(tsa: Tsa) -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert judge_timestamp(tsa.token(), DATA, tsa.store(), now=last).res is VerifyRes.VALID
    assert judge_timestamp(tsa.token(last), DATA, tsa.store(), now=NOW).res is VerifyRes.INVALID


def test_a_document_signed_by_its_sha1_alone_is_told_by_the_algorithm() -> None:
    other = Tsa.create()
    sha1_of_document = bytes.fromhex("a9993e364706816aba3e25717850c26c9cd0d89d")  # of b"abc" (FIPS 180-4)
    signed = write_pkcs7(sha1_of_document, other.certificate, other.key, signing_time=NOW)
    verdict = judge_contents(signed, b"abc", other.store(), now=NOW)
    assert (verdict.word, "SHA-1" in verdict.reason) == ("invalid", True)
    assert judge_contents(signed, b"abd", other.store(), now=NOW).word == "document_changed"
