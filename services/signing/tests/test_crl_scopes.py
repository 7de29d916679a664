"""Lists that are not about every certificate of their issuer: what they revoke, and what they do not vouch for."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from radbridge.signing.domain import issuing, oids
from radbridge.signing.domain.ca_trial import try_authority
from radbridge.signing.domain.certificate import Certificate, parse_certificate
from radbridge.signing.domain.chain import CertStatus, judge_certificate
from radbridge.signing.domain.crl import CrlStatus, judge_crl, parse_crl
from radbridge.signing.domain.der_write import encode, integer, oid, sequence
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.issuing import Extension, Issuer
from radbridge.signing.domain.names import name_key
from radbridge.signing.domain.revocation import RevocationState
from radbridge.signing.domain.sm2_sign import Sm2PrivateKey
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.verdict import CheckResult
from tests.support.crls import (
    HOLD,
    KEY_COMPROMISE,
    REMOVED,
    Entry,
    directory_point,
    flag,
    issuing_point,
    relative_point,
    url_point,
    write_crl,
)

NOW = datetime(2026, 6, 15, tzinfo=UTC)
DAY = timedelta(days=1)
SERIAL, CA_SERIAL = 4711, 4712
URL, OTHER_URL = b"http://crl.example/7.crl", b"http://crl.example/8.crl"

LISTED: list[Entry] = [(SERIAL, NOW - DAY, None)]
SOME_REASONS = encode(0x83, b"\x01\x66")
USERS, CAS, ATTRIBUTES, INDIRECT = (issuing_point(flag(number)) for number in (1, 2, 5, 4))
DELTA: Extension = (oids.DELTA_CRL_INDICATOR, True, integer(1))
CRITICAL: Extension = ("1.2.156.999999.1", True, b"\x05\x00")
PART = encode(0x30, oid(oids.COMMON_NAME) + encode(0x0C, b"crl7"))


@dataclass(frozen=True)
class Ca:
    issuer: Issuer
    certificate: Certificate

    @classmethod
    def create(cls) -> Ca:
        issuer = Issuer(issuing.distinguished_name("T", "Scoped CA"), Sm2PrivateKey.generate())
        return cls(issuer, cls._certify(issuer, issuer.name, issuer.key, 1, issuing.ca_extensions(None)))

    @staticmethod
    def _certify(
        issuer: Issuer, subject: bytes, key: Sm2PrivateKey, serial: int, extensions: list[Extension]
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

    def leaf(self, *points: bytes) -> Certificate:
        """With these cRLDistributionPoints, each the content of a DistributionPoint; without any: no extension."""
        found = issuing.end_entity_extensions(issuing.SIGNING_USAGE)
        if points:
            found.append((oids.CRL_DISTRIBUTION_POINTS, False, sequence(*(sequence(point) for point in points))))
        name = issuing.distinguished_name("T", "leaf")
        return self._certify(self.issuer, name, Sm2PrivateKey.generate(), SERIAL, found)

    def sub(self) -> Certificate:
        name = issuing.distinguished_name("T", "sub")
        return self._certify(self.issuer, name, Sm2PrivateKey.generate(), CA_SERIAL, issuing.ca_extensions(None))

    def crl(self, *extensions: Extension, entries: Sequence[Entry] = (), at: datetime = NOW - DAY) -> bytes:
        return write_crl(self.issuer, *extensions, entries=entries, at=at)

    def store(self, *crls: bytes, strict: bool = False, intermediates: Sequence[Certificate] = ()) -> TrustStore:
        return TrustStore([self.certificate], intermediates, map(parse_crl, crls), require_revocation=strict)


@pytest.fixture(scope="module")
def ca() -> Ca:
    return Ca.create()


def judged(ca: Ca, certificate: Certificate, *crls: bytes, strict: bool = False) -> tuple[CertStatus, RevocationState]:
    verdict = judge_certificate(certificate, ca.store(*crls, strict=strict), at=NOW)
    return verdict.status, verdict.revocation


GOOD, REVOKED, UNKNOWN_STATUS = CertStatus.GOOD, CertStatus.REVOKED, CertStatus.REVOCATION_UNKNOWN
COVERED, NOT_COVERED = RevocationState.GOOD, RevocationState.OUT_OF_SCOPE


@pytest.mark.proves("SX-031", "SX-032")
@pytest.mark.parametrize(
    ("scope", "of_the_leaf", "of_the_ca"),
    [
        (USERS, COVERED, NOT_COVERED),
        (CAS, NOT_COVERED, COVERED),
        (issuing_point(flag(1), flag(2)), NOT_COVERED, NOT_COVERED),
        (ATTRIBUTES, NOT_COVERED, NOT_COVERED),
        (issuing_point(SOME_REASONS), NOT_COVERED, NOT_COVERED),
        (DELTA, NOT_COVERED, NOT_COVERED),
        (CRITICAL, NOT_COVERED, NOT_COVERED),
        (issuing_point(), COVERED, COVERED),
    ],
    ids=["users", "cas", "both", "attributes", "some reasons", "delta", "unknown critical", "all"],
)
def test_a_list_counts_for_those_it_is_about_and_revokes_what_it_lists(
    ca: Ca, scope: Extension, of_the_leaf: RevocationState, of_the_ca: RevocationState
) -> None:
    leaf, sub = ca.leaf(), ca.sub()
    silent = ca.crl(scope)
    assert judged(ca, leaf, silent) == (GOOD, of_the_leaf)
    assert judged(ca, leaf, ca.crl(scope, entries=LISTED)) == (REVOKED, COVERED)
    assert ca.store(silent).revocation(sub, ca.certificate, NOW).state is of_the_ca
    strict = GOOD if of_the_leaf is COVERED else UNKNOWN_STATUS
    assert judged(ca, leaf, silent, strict=True)[0] is strict
    assert judged(ca, leaf, silent, ca.crl()) == (GOOD, COVERED)
    assert judged(ca, leaf, ca.crl(), ca.crl(scope, entries=LISTED)) == (REVOKED, COVERED)


def test_an_indirect_list_is_not_used(ca: Ca) -> None:
    assert judged(ca, ca.leaf(), ca.crl(INDIRECT, entries=LISTED)) == (GOOD, RevocationState.INDIRECT)
    assert judged(ca, ca.leaf(), ca.crl(INDIRECT), strict=True)[0] is UNKNOWN_STATUS
    assert judged(ca, ca.leaf(), ca.crl(INDIRECT), ca.crl()) == (GOOD, COVERED)


@pytest.mark.parametrize(
    ("points", "scope", "expected"),
    [
        ([url_point(URL)], url_point(URL), COVERED),
        ([url_point(OTHER_URL)], url_point(URL), NOT_COVERED),
        ([url_point(OTHER_URL), url_point(URL)], url_point(URL), COVERED),
        ([url_point(OTHER_URL, URL)], url_point(b"ldap://x", URL), COVERED),
        ([], url_point(URL), NOT_COVERED),
        ([url_point(URL) + encode(0x81, b"\x01\x66")], url_point(URL), NOT_COVERED),
        ([url_point(URL) + encode(0xA2, encode(0x86, b"x"))], url_point(URL), NOT_COVERED),
        ([b"\x01\x01\xff"], url_point(URL), NOT_COVERED),
        ([relative_point(PART)], relative_point(PART), COVERED),
        ([url_point(URL)], relative_point(PART), NOT_COVERED),
    ],
    ids=[
        *("same", "other", "second", "one of several names", "none named", "for some reasons"),
        *("another issuer's", "odd", "relative", "relative and address"),
    ],
)
def test_a_partition_counts_for_the_certificates_that_name_it(
    ca: Ca, points: list[bytes], scope: bytes, expected: RevocationState
) -> None:
    leaf = ca.leaf(*points)
    assert judged(ca, leaf, ca.crl(issuing_point(scope))) == (GOOD, expected)
    assert judged(ca, leaf, ca.crl(issuing_point(scope), entries=LISTED)) == (REVOKED, COVERED)
    strict = GOOD if expected is COVERED else UNKNOWN_STATUS
    assert judged(ca, leaf, ca.crl(issuing_point(scope)), strict=True)[0] is strict


def test_a_partition_is_named_by_its_directory_entry_however_that_is_written(ca: Ca) -> None:
    full = sequence(ca.issuer.name[2:], encode(0x31, PART))
    assert judged(ca, ca.leaf(relative_point(PART)), ca.crl(issuing_point(directory_point(full)))) == (GOOD, COVERED)
    assert judged(ca, ca.leaf(directory_point(full)), ca.crl(issuing_point(relative_point(PART)))) == (GOOD, COVERED)
    assert name_key(full) != name_key(ca.issuer.name)
    assert judged(ca, ca.leaf(), ca.crl(issuing_point(directory_point(ca.issuer.name)))) == (GOOD, COVERED)


@pytest.mark.parametrize("content", [b"", sequence(), encode(0xA0, integer(1)) * 2])
def test_a_partition_of_an_odd_form_revokes_and_vouches_for_nobody(ca: Ca, content: bytes) -> None:
    odd = issuing_point(encode(0xA0, content))
    assert judged(ca, ca.leaf(url_point(URL)), ca.crl(odd)) == (GOOD, NOT_COVERED)
    assert judged(ca, ca.leaf(url_point(URL)), ca.crl(odd, entries=LISTED)) == (REVOKED, COVERED)


def test_of_two_partitions_both_revoke(ca: Ca) -> None:
    leaf = ca.leaf(url_point(URL))
    other = ca.crl(issuing_point(url_point(OTHER_URL)))
    assert judged(ca, leaf, other, ca.crl(issuing_point(url_point(URL)))) == (GOOD, COVERED)
    assert judged(ca, leaf, other, ca.crl(issuing_point(url_point(URL)), entries=LISTED)) == (REVOKED, COVERED)


def test_the_earliest_of_several_entries_counts(ca: Ca) -> None:
    early, late = (SERIAL, NOW - DAY, KEY_COMPROMISE), (SERIAL, NOW + 30 * DAY, None)
    for entries in ([early, late], [late, early], [late, early, late]):
        assert judged(ca, ca.leaf(), ca.crl(entries=entries))[0] is REVOKED
        found = parse_crl(ca.crl(entries=[*entries, (5, NOW, None)])).find(SERIAL)
        assert found is not None
        assert (found.since, found.reason) == (NOW - DAY, "keyCompromise")
    assert judged(ca, ca.leaf(), ca.crl(entries=[late]), ca.crl(entries=[early]))[0] is REVOKED


def test_a_hold_ends_with_a_newer_list_and_nothing_else_does(ca: Ca) -> None:
    old = NOW - 60 * DAY
    for reason, expected in ((HOLD, GOOD), (KEY_COMPROMISE, REVOKED), (None, REVOKED)):
        held = ca.crl(entries=[(SERIAL, old, reason)], at=old)
        assert judged(ca, ca.leaf(), held)[0] is REVOKED
        assert judged(ca, ca.leaf(), held, ca.crl())[0] is expected
        assert judged(ca, ca.leaf(), held, ca.crl(CAS))[0] is REVOKED
        assert judged(ca, ca.leaf(), held, ca.crl(at=NOW + DAY))[0] is REVOKED


def test_a_delta_list_may_take_back_its_own_entry_alone(ca: Ca) -> None:
    removed: list[Entry] = [(SERIAL, NOW - DAY, REMOVED)]
    assert judged(ca, ca.leaf(), ca.crl(), ca.crl(DELTA, entries=removed)) == (GOOD, COVERED)
    assert judged(ca, ca.leaf(), ca.crl(entries=removed))[0] is REVOKED


@pytest.mark.parametrize(
    ("extension", "status", "told"),
    [
        (USERS, CrlStatus.GOOD, "只针对用户证书"),
        (CAS, CrlStatus.GOOD, "只针对CA证书"),
        (issuing_point(url_point(URL)), CrlStatus.GOOD, "只针对其分发点的证书"),
        (DELTA, CrlStatus.PARTIAL, "增量列表（delta）"),
        (issuing_point(SOME_REASONS), CrlStatus.PARTIAL, "部分吊销原因"),
        (CRITICAL, CrlStatus.PARTIAL, "不能识别的关键扩展项"),
        (INDIRECT, CrlStatus.INDIRECT, "间接吊销列表"),
    ],
)
def test_a_genuine_list_is_told_by_its_scope(ca: Ca, extension: Extension, status: CrlStatus, told: str) -> None:
    found, reason, crl = judge_crl(ca.crl(extension), ca.certificate, NOW)
    assert (found, crl is not None) == (status, True)
    assert told in reason
    assert judge_crl(ca.crl(extension), Ca.create().certificate, NOW)[0] is CrlStatus.BAD_SIGNATURE
    assert judge_crl(ca.crl(extension), ca.certificate, NOW + 60 * DAY)[0] is CrlStatus.STALE


@pytest.mark.parametrize("value", [b"", b"\x05\x00", sequence(encode(0x81, b"\x01")), sequence(encode(0x86, b"x"))])
def test_a_scope_that_cannot_be_read_makes_the_list_unreadable(ca: Ca, value: bytes) -> None:
    with pytest.raises(DerError):
        parse_crl(ca.crl((oids.ISSUING_DISTRIBUTION_POINT, True, value)))


def test_a_list_may_come_as_base64_text(ca: Ca) -> None:
    crl = ca.crl(entries=LISTED)
    for text in (base64.b64encode(crl), base64.encodebytes(crl)):
        assert parse_crl(text).raw == crl
        assert judge_crl(text, ca.certificate, NOW)[0] is CrlStatus.GOOD


def test_a_trial_fails_where_no_list_vouches_for_anybody(ca: Ca) -> None:
    def results(*crls: bytes) -> list[CheckResult]:
        checks = try_authority(ca.store(*crls), crls, (), now=NOW)
        return [check.result for check in checks if check.name.startswith("revocation_list[")]

    assert results(ca.crl(USERS)) == [CheckResult.PASSED]
    assert results(ca.crl(DELTA)) == [CheckResult.FAILED]
    assert results(ca.crl(), ca.crl(DELTA)) == [CheckResult.PASSED, CheckResult.FINDING]
    assert results(ca.crl(), ca.crl(INDIRECT)) == [CheckResult.PASSED, CheckResult.FAILED]
