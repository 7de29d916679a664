"""Chains, revocation lists and certificate forms: every way in which a certificate may not be believed."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from radbridge.signing.domain import issuing, oids
from radbridge.signing.domain.certificate import Certificate, load_certificates, parse_certificate
from radbridge.signing.domain.chain import CertStatus, Usage, judge_certificate
from radbridge.signing.domain.crl import CrlStatus, judge_crl, parse_crl
from radbridge.signing.domain.der_write import encode, integer, oid, sequence
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.issuing import Extension, Issuer
from radbridge.signing.domain.names import name_key
from radbridge.signing.domain.public_key import Sm2PublicKey
from radbridge.signing.domain.revocation import RevocationState
from radbridge.signing.domain.sm2_sign import Sm2PrivateKey
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.trial_pki import Doctor, TrialAuthority

DAY = timedelta(days=1)
NOW = datetime(2026, 6, 15, tzinfo=UTC)


class Ca:
    """A certificate authority of a test, with its certificate."""

    def __init__(self, name: str, parent: Ca | None = None, **options: object) -> None:
        self.issuer = Issuer(issuing.distinguished_name("T", name), Sm2PrivateKey.generate())
        extensions = options.pop("extensions", issuing.ca_extensions(None))
        self.certificate = certify(parent or self, self.issuer.name, self.issuer.key, extensions, **options)

    def leaf(self, *further: Extension, usage: bytes = issuing.SIGNING_USAGE, **options: object) -> Certificate:
        extensions = [*issuing.end_entity_extensions(usage), *further]
        return certify(self, issuing.distinguished_name("T", "leaf"), Sm2PrivateKey.generate(), extensions, **options)


def certify(
    ca: Ca,
    subject: bytes,
    key: Sm2PrivateKey,
    extensions: list[Extension],
    *,
    serial: int = 77,
    start: datetime = NOW - 100 * DAY,
    end: datetime = NOW + 100 * DAY,
) -> Certificate:
    return parse_certificate(
        issuing.issue_certificate(
            ca.issuer,
            subject=subject,
            point=key.point,
            serial=serial,
            not_before=start,
            not_after=end,
            extensions=extensions,
        )
    )


def crl(ca: Ca, revoked: dict[int, datetime], at: datetime = NOW, days: int = 30) -> bytes:
    return issuing.issue_crl(ca.issuer, revoked=revoked, number=3, this_update=at, next_update=at + days * DAY)


@pytest.fixture(scope="module")
def root() -> Ca:
    return Ca("Root")


@pytest.fixture(scope="module")
def middle(root: Ca) -> Ca:
    return Ca("Middle", root, extensions=issuing.ca_extensions(0))


def status(certificate: Certificate, store: TrustStore, usage: Usage = Usage.SIGNATURE) -> CertStatus:
    return judge_certificate(certificate, store, at=NOW, usage=usage).status


def test_a_good_chain_is_good_and_its_path_is_told(root: Ca, middle: Ca) -> None:
    leaf = middle.leaf()
    verdict = judge_certificate(leaf, TrustStore([root.certificate], [middle.certificate]), at=NOW)
    assert verdict.good
    assert verdict.path == (leaf, middle.certificate, root.certificate)
    assert verdict.revocation is RevocationState.NO_LIST


def test_a_chain_of_ten_cas_is_followed(root: Ca) -> None:
    chain = [root]
    for depth in range(10):
        chain.append(Ca(f"Depth {depth}", chain[-1]))
    store = TrustStore([root.certificate], [one.certificate for one in chain[1:]])
    assert len(judge_certificate(chain[-1].leaf(), store, at=NOW).path) == 12


def test_intermediates_may_come_along(root: Ca, middle: Ca) -> None:
    store = TrustStore([root.certificate])
    assert status(middle.leaf(), store) is CertStatus.UNTRUSTED
    assert judge_certificate(middle.leaf(), store, at=NOW, extra=[middle.certificate]).good


@pytest.mark.parametrize("name", ["Middle", "Root"])
def test_an_impostor_of_the_same_name_is_not_believed(root: Ca, middle: Ca, name: str) -> None:
    impostor = Ca(name)
    store = TrustStore([root.certificate], [middle.certificate, impostor.certificate])
    assert status(impostor.leaf(), store) is CertStatus.UNTRUSTED
    assert status(middle.leaf(), store) is CertStatus.GOOD


def test_a_cross_certificate_in_the_way_does_no_harm(root: Ca, middle: Ca) -> None:
    other = Ca("Other root")
    crossed = certify(other, middle.issuer.name, middle.issuer.key, issuing.ca_extensions(0), serial=5)
    store = TrustStore([root.certificate], [crossed, middle.certificate])
    assert status(middle.leaf(), store) is CertStatus.GOOD


def test_loops_end(root: Ca) -> None:
    a, b = Ca("A"), Ca("B")
    a_by_b = certify(b, a.issuer.name, a.issuer.key, issuing.ca_extensions(None))
    b_by_a = certify(a, b.issuer.name, b.issuer.key, issuing.ca_extensions(None))
    store = TrustStore([root.certificate], [a_by_b, b_by_a, a.certificate, b.certificate])
    assert status(a.leaf(), store) is CertStatus.UNTRUSTED


@pytest.mark.timeout(20)
def test_a_thicket_of_same_named_issuers_ends(root: Ca) -> None:
    layers = [[Ca(f"L{depth}") for _ in range(4)] for depth in range(6)]
    thicket = [
        certify(upper, lower.issuer.name, lower.issuer.key, issuing.ca_extensions(None))
        for above, below in pairwise(layers)
        for upper in above
        for lower in below
    ]
    assert status(layers[-1][0].leaf(), TrustStore([root.certificate], thicket)) is CertStatus.UNTRUSTED


def test_a_leaf_is_no_ca(root: Ca) -> None:
    pretender = Ca("Pretender", root, extensions=issuing.end_entity_extensions(issuing.SIGNING_USAGE))
    store = TrustStore([root.certificate], [pretender.certificate])
    assert status(pretender.leaf(), store) is CertStatus.ISSUER_NOT_CA


def test_path_length_is_kept(root: Ca, middle: Ca) -> None:
    below = Ca("Below", middle)
    store = TrustStore([root.certificate], [middle.certificate, below.certificate])
    assert status(below.leaf(), store) is CertStatus.PATH_LENGTH


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"end": NOW - DAY}, CertStatus.EXPIRED),
        ({"start": NOW + DAY}, CertStatus.NOT_YET_VALID),
        ({"usage": issuing.ENCRYPTION_USAGE}, CertStatus.WRONG_USAGE),
        ({"usage": issuing.CA_USAGE}, CertStatus.WRONG_USAGE),
    ],
)
def test_faults_of_the_leaf(root: Ca, options: dict[str, datetime], expected: CertStatus) -> None:
    assert status(root.leaf(**options), TrustStore([root.certificate])) is expected


def test_validity_includes_its_ends(root: Ca) -> None:
    assert status(root.leaf(start=NOW), TrustStore([root.certificate])) is CertStatus.GOOD
    assert status(root.leaf(end=NOW), TrustStore([root.certificate])) is CertStatus.GOOD


def test_an_expired_issuer_is_told(root: Ca) -> None:
    old = Ca("Old", root, end=NOW - DAY)
    assert status(old.leaf(), TrustStore([root.certificate], [old.certificate])) is CertStatus.ISSUER_EXPIRED


@pytest.mark.parametrize("critical", [True, False])
def test_unknown_extensions_matter_when_critical(root: Ca, critical: bool) -> None:
    leaf = root.leaf(("1.2.156.999999.1", critical, b"\x05\x00"))
    expected = CertStatus.UNKNOWN_CRITICAL_EXTENSION if critical else CertStatus.GOOD
    assert status(leaf, TrustStore([root.certificate])) is expected


def test_a_timestamp_key_signs_no_reports_and_the_reverse(root: Ca) -> None:
    purpose = (oids.EXTENDED_KEY_USAGE, True, sequence(oid(oids.TIME_STAMPING)))
    store = TrustStore([root.certificate])
    assert status(root.leaf(purpose), store) is CertStatus.WRONG_USAGE
    assert status(root.leaf(purpose), store, Usage.TIMESTAMP) is CertStatus.GOOD
    assert status(root.leaf(), store, Usage.TIMESTAMP) is CertStatus.WRONG_USAGE


def test_revocation_of_leaf_and_issuer(root: Ca, middle: Ca) -> None:
    leaf = middle.leaf(serial=1234)
    lists = [crl(root, {}), crl(middle, {1234: NOW - DAY, 5: NOW})]
    store = TrustStore.from_bytes([root.certificate.raw], [middle.certificate.raw], lists)
    assert status(leaf, store) is CertStatus.REVOKED
    assert judge_certificate(leaf, store, at=NOW - 2 * DAY).good
    assert judge_certificate(leaf, store, at=NOW - 2 * DAY, revoked_by=NOW).status is CertStatus.REVOKED
    above = TrustStore.from_bytes(
        [root.certificate.raw], [middle.certificate.raw], [crl(root, {middle.certificate.serial: NOW})]
    )
    assert status(leaf, above) is CertStatus.ISSUER_REVOKED


def test_a_revocation_in_a_stale_list_still_counts(root: Ca) -> None:
    leaf = root.leaf(serial=9)
    stale = crl(root, {9: NOW - 60 * DAY}, at=NOW - 60 * DAY)
    assert status(leaf, TrustStore.from_bytes([root.certificate.raw], (), [stale])) is CertStatus.REVOKED


def test_stale_forged_and_missing_lists_are_told_apart(root: Ca) -> None:
    leaf = root.leaf(serial=9)
    impostor = Ca("Root")
    impostor_list = replace(parse_crl(crl(impostor, {9: NOW - DAY})), authority_key_id=None)

    def state(*lists: bytes) -> RevocationState:
        return judge_certificate(leaf, TrustStore([root.certificate], (), map(parse_crl, lists)), at=NOW).revocation

    assert state() is RevocationState.NO_LIST
    assert state(crl(root, {})) is RevocationState.GOOD
    assert state(crl(root, {}, at=NOW - 60 * DAY)) is RevocationState.STALE
    assert state(crl(root, {}, at=NOW - 60 * DAY), crl(root, {})) is RevocationState.GOOD
    forged = judge_certificate(leaf, TrustStore([root.certificate], (), [impostor_list]), at=NOW)
    assert (forged.status, forged.revocation) == (CertStatus.GOOD, RevocationState.FORGED)
    strict = TrustStore([root.certificate], (), [impostor_list], require_revocation=True)
    assert status(leaf, strict) is CertStatus.REVOCATION_UNKNOWN


@pytest.mark.proves("SX-031", "SX-032")
def test_a_list_is_judged_by_signature_and_age(root: Ca) -> None:
    good = crl(root, {1: NOW, 1 << 100: NOW})
    assert judge_crl(good, root.certificate, NOW)[0] is CrlStatus.GOOD
    assert judge_crl(good, root.certificate, NOW + 31 * DAY)[0] is CrlStatus.STALE
    assert judge_crl(good, root.certificate, NOW - DAY)[0] is CrlStatus.STALE
    assert judge_crl(good, Ca("Root").certificate, NOW)[0] is CrlStatus.BAD_SIGNATURE
    assert judge_crl(good, root.leaf(), NOW)[0] is CrlStatus.BAD_SIGNATURE
    assert judge_crl(good[:-1], root.certificate, NOW)[0] is CrlStatus.MALFORMED
    pem = b"-----BEGIN X509 CRL-----\n" + base64.encodebytes(good) + b"-----END X509 CRL-----\n"
    assert judge_crl(pem, root.certificate, NOW)[0] is CrlStatus.GOOD


def test_entries_are_found_by_serial(root: Ca) -> None:
    serials = [1, 127, 128, 255, 256, 1 << 64, (1 << 159) - 1]
    parsed = parse_crl(crl(root, dict.fromkeys(serials, NOW)))
    assert all((entry := parsed.find(serial)) is not None and entry.since == NOW for serial in serials)
    assert parsed.find(2) is None
    assert parsed.find(0) is None


def test_every_flipped_bit_of_a_certificate_is_noticed(root: Ca) -> None:
    leaf = root.leaf()
    store = TrustStore([root.certificate])
    for position in range(len(leaf.raw) * 8):
        changed = bytearray(leaf.raw)
        changed[position // 8] ^= 1 << position % 8
        try:
            judged = status(parse_certificate(bytes(changed)), store)
        except DerError:
            continue
        assert judged is not CertStatus.GOOD, position


def test_every_flipped_bit_of_a_list_is_noticed(root: Ca) -> None:
    good = crl(root, {1: NOW})
    for position in range(0, len(good) * 8, 3):
        changed = bytearray(good)
        changed[position // 8] ^= 1 << position % 8
        assert judge_crl(bytes(changed), root.certificate, NOW)[0] is not CrlStatus.GOOD, position


def test_certificates_load_from_pem_der_and_base64(doctor: Doctor, authority: TrialAuthority) -> None:
    text = base64.encodebytes(doctor.cert_der)
    pem = b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"
    both = pem + b"\n" + pem
    assert [one.raw for one in load_certificates(both)] == [doctor.cert_der] * 2
    assert load_certificates(doctor.cert_der) == load_certificates(text)
    for junk in (b"", b"-----BEGIN X-----\nAAAA\n-----END X-----", b"\x30\x00", b"!!!"):
        with pytest.raises(DerError):
            load_certificates(junk)


def test_a_doctors_certificate_carries_name_and_identity(doctor: Doctor) -> None:
    certificate = doctor.certificate
    assert certificate.common_name == "张三"
    assert certificate.extensions.identity_codes == ("110101199003070038",)
    assert isinstance(certificate.key, Sm2PublicKey)


def test_names_compare_by_meaning() -> None:
    def name(tag: int, text: str) -> bytes:
        attribute = sequence(oid(oids.COMMON_NAME), encode(tag, text.encode()))
        return sequence(encode(0x31, attribute))

    assert name_key(name(0x13, "Test  CA")) == name_key(name(0x0C, "test ca"))
    assert name_key(name(0x13, "Test CA")) != name_key(name(0x13, "TestCA"))


def test_two_algorithms_of_one_certificate_must_agree(doctor: Doctor) -> None:
    rsa = sequence(oid(oids.SHA256_WITH_RSA), b"\x05\x00")
    fields = parse_certificate(doctor.cert_der)
    with pytest.raises(DerError):
        parse_certificate(sequence(fields.tbs, rsa, encode(0x03, b"\0" + fields.signature)))
    with pytest.raises(DerError):
        parse_certificate(sequence(fields.tbs, integer(1)))
