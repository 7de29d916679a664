"""A CA certifies only the names that the CAs above it allow (RFC 5280 clause 4.2.1.10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from radbridge.signing.domain import der, issuing, oids
from radbridge.signing.domain.certificate import Certificate, parse_certificate
from radbridge.signing.domain.chain import CertStatus, judge_certificate
from radbridge.signing.domain.der_write import encode, explicit, integer, oid, sequence, utf8
from radbridge.signing.domain.issuing import Extension, Issuer
from radbridge.signing.domain.sm2_sign import Sm2PrivateKey
from radbridge.signing.domain.trust_store import TrustStore

NOW = datetime(2026, 6, 15, tzinfo=UTC)
DAY = timedelta(days=1)
MAIL, HOST = encode(0x81, b"a@example.org"), encode(0x82, b"example.org")


def named(organisation: str, person: str = "张三") -> bytes:
    return issuing.distinguished_name(organisation, person)


def within(organisation: str) -> bytes:
    """The subtree of everybody in an organisation, as a GeneralName."""
    return explicit(4, sequence(*(part.raw for part in der.parse(named(organisation)).children()[:2])))


def subtrees(number: int, *bases: bytes) -> bytes:
    return encode(0xA0 | number, b"".join(sequence(base) for base in bases))


def permitted(*bases: bytes) -> bytes:
    return sequence(subtrees(0, *bases))


def excluded(*bases: bytes) -> bytes:
    return sequence(subtrees(1, *bases))


def alternative(*names: bytes) -> Extension:
    return (oids.SUBJECT_ALT_NAME, False, sequence(*names))


def certify(issuer: Issuer, subject: bytes, key: Sm2PrivateKey, *extensions: Extension) -> Certificate:
    return parse_certificate(
        issuing.issue_certificate(
            issuer,
            subject=subject,
            point=key.point,
            serial=7,
            not_before=NOW - DAY,
            not_after=NOW + DAY,
            extensions=extensions,
        )
    )


def status(value: bytes, subject: bytes, *extensions: Extension, critical: bool = True) -> CertStatus:
    """Of a doctor's certificate two generations below the CA that has these name constraints."""
    root, upper, lower = (Issuer(named("CA", name), Sm2PrivateKey.generate()) for name in ("root", "upper", "lower"))
    lower = Issuer(subject, lower.key)  # what is constrained is every certificate below, so this one fits too
    ca = issuing.ca_extensions(None)
    constrained = (oids.NAME_CONSTRAINTS, critical, value)
    known = [certify(root, upper.name, upper.key, *ca, constrained), certify(upper, lower.name, lower.key, *ca)]
    leaf_extensions = [*issuing.end_entity_extensions(issuing.SIGNING_USAGE), *extensions]
    person = sequence(der.parse(subject).content, encode(0x31, sequence(oid("2.5.4.11"), utf8("x"))))
    leaf = certify(lower, person, Sm2PrivateKey.generate(), *leaf_extensions)
    store = TrustStore([certify(root, root.name, root.key, *ca)], known)
    return judge_certificate(leaf, store, at=NOW).status


GOOD, REFUSED = CertStatus.GOOD, CertStatus.NAME_CONSTRAINT


@pytest.mark.proves("SX-028")
@pytest.mark.parametrize("critical", [True, False])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (permitted(within("医院")), GOOD),
        (permitted(within("别处")), REFUSED),
        (permitted(within("别处"), within("医院")), GOOD),
        (excluded(within("医院")), REFUSED),
        (excluded(within("别处")), GOOD),
        (sequence(subtrees(0, within("医院")), subtrees(1, explicit(4, named("医院")))), REFUSED),
        (sequence(), GOOD),
        (permitted(HOST), GOOD),
        (b"\x05\x00", REFUSED),
        (permitted(within("医院") + encode(0x80, b"\x01")), REFUSED),
    ],
)
def test_names_are_within_what_is_permitted_and_outside_what_is_excluded(
    value: bytes, expected: CertStatus, critical: bool
) -> None:
    assert status(value, named("医院"), critical=critical) is expected


@pytest.mark.parametrize(
    ("value", "names", "expected"),
    [
        (permitted(within("医院")), [explicit(4, named("医院"))], GOOD),
        (permitted(within("医院")), [explicit(4, named("别处"))], REFUSED),
        (permitted(within("医院")), [MAIL, HOST], GOOD),
        (permitted(MAIL), [MAIL], REFUSED),
        (excluded(HOST), [MAIL], GOOD),
        (excluded(HOST), [MAIL, HOST], REFUSED),
    ],
)
def test_further_names_count_too(value: bytes, names: list[bytes], expected: CertStatus) -> None:
    assert status(value, named("医院"), alternative(*names)) is expected


def test_an_address_in_the_subject_is_a_name_of_its_form() -> None:
    address = encode(0x31, sequence(oid(oids.EMAIL_ADDRESS), encode(0x16, b"a@example.org")))
    subject = sequence(der.parse(named("医院")).content, address)
    assert status(permitted(MAIL), subject) is REFUSED
    assert status(permitted(HOST), subject) is GOOD


def test_a_critical_extension_of_a_leaf_is_no_constraint() -> None:
    extension = (oids.NAME_CONSTRAINTS, True, integer(1))
    assert status(permitted(within("医院")), named("医院"), extension) is GOOD
