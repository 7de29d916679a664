"""Bare signatures, SignedData and timestamp tokens of our own making and of the openssl command."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.certificate import load_certificates, parse_certificate
from radbridge.signing.domain.chain import CertStatus, judge_certificate
from radbridge.signing.domain.cms import parse_signed_data
from radbridge.signing.domain.cms_write import write_timestamp
from radbridge.signing.domain.der_write import encode, explicit, integer, octets, oid, sequence, set_of
from radbridge.signing.domain.errors import KeyFormError
from radbridge.signing.domain.pkcs1 import SignatureFault, judge_pkcs1, scheme_named
from radbridge.signing.domain.pkcs7 import judge_pkcs7
from radbridge.signing.domain.public_key import RsaPublicKey, Scheme, Sm2PublicKey, load_public_key, signer_scheme
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.domain.timestamp import judge_timestamp
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.trial_pki import Doctor, TrialAuthority

DATA = '{"所见":"双肺纹理清晰"}'.encode()
RSA_KEY = RsaPublicKey((1 << 2047) + 1, 65537)


@pytest.fixture
def store(authority: TrialAuthority) -> TrustStore:
    return authority.trust_store()


# --- PKCS1


@pytest.mark.proves("SX-082", "SX-084")
def test_keys_come_in_three_forms(doctor: Doctor) -> None:
    signature = doctor.sign_pkcs1(DATA)
    point = doctor.key.point
    for form in (point, b"\x04" + point, doctor.certificate.spki):
        assert judge_pkcs1(DATA, signature, load_public_key(form), Scheme.SM3_WITH_SM2).good
    for junk in (b"", point[:63], b"\x02" + point, b"\x05" + point, doctor.certificate.spki[:-1], bytes(64)):
        with pytest.raises(KeyFormError):
            load_public_key(junk)


def test_algorithm_and_key_must_agree(doctor: Doctor) -> None:
    sm2_key = Sm2PublicKey(doctor.key.point)
    signature = doctor.sign_pkcs1(DATA)
    for key, scheme in ((sm2_key, Scheme.SHA256_WITH_RSA), (RSA_KEY, Scheme.SM3_WITH_SM2)):
        assert judge_pkcs1(DATA, signature, key, scheme).fault is SignatureFault.ALGORITHM_MISMATCH
    assert scheme_named("sm3withsm2") is Scheme.SM3_WITH_SM2
    assert scheme_named("SHA1WithRSA") is None


def test_raw_values_only_where_a_setting_allows_them(doctor: Doctor) -> None:
    key = Sm2PublicKey(doctor.key.point)
    r, s = (part.integer() for part in der.parse(doctor.sign_pkcs1(DATA)).children())
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert not judge_pkcs1(DATA, raw, key, Scheme.SM3_WITH_SM2).good
    assert judge_pkcs1(DATA, raw, key, Scheme.SM3_WITH_SM2, allow_raw=True).good


@pytest.mark.parametrize("size", [0, 255, 257])
def test_rsa_values_have_the_keys_length(size: int) -> None:
    assert not judge_pkcs1(DATA, b"\1" * size, RSA_KEY, Scheme.SHA256_WITH_RSA).good


@pytest.mark.parametrize(
    ("modulus", "exponent"), [(1 << 511 | 1, 65537), (1 << 9000 | 1, 65537), (1 << 2047 | 1, 1), (1 << 2047, 65537)]
)
def test_rsa_keys_out_of_bounds_are_no_keys(modulus: int, exponent: int) -> None:
    algorithm = sequence(oid(oids.RSA_ENCRYPTION), b"\x05\x00")
    spki = sequence(algorithm, encode(der.BIT_STRING, b"\0", sequence(integer(modulus), integer(exponent))))
    with pytest.raises(KeyFormError):
        load_public_key(spki)


def test_an_rsa_value_has_one_form() -> None:
    private = rsa.generate_private_key(65537, 1024)
    numbers = private.public_key().public_numbers()
    key = RsaPublicKey(numbers.n, numbers.e)
    signature = private.sign(DATA, padding.PKCS1v15(), hashes.SHA256())
    assert judge_pkcs1(DATA, signature, key, Scheme.SHA256_WITH_RSA).good
    larger = (int.from_bytes(signature, "big") + numbers.n).to_bytes(129, "big")
    for other in (b"\0" + signature, signature + b"\0", larger, larger[1:], signature[1:]):
        assert not judge_pkcs1(DATA, other, key, Scheme.SHA256_WITH_RSA).good
    sha1 = private.sign(DATA, padding.PKCS1v15(), hashes.SHA1())
    assert not judge_pkcs1(DATA, sha1, key, Scheme.SHA256_WITH_RSA).good


@pytest.mark.parametrize(
    ("signature_oid", "digest_oid", "scheme"),
    [
        (oids.SM2_WITH_SM3, oids.SM3, Scheme.SM3_WITH_SM2),
        ("1.2.156.10197.1.301.3", "1.2.156.10197.1.401.2", Scheme.SM3_WITH_SM2),
        (oids.SM2_WITH_SM3, oids.SHA256, None),
        (oids.RSA_ENCRYPTION, oids.SHA256, Scheme.SHA256_WITH_RSA),
        (oids.RSA_ENCRYPTION, oids.SHA1, None),
        (oids.RSA_ENCRYPTION, oids.SM3, None),
        (oids.SHA256_WITH_RSA, oids.SHA256, Scheme.SHA256_WITH_RSA),
        (oids.SHA256_WITH_RSA, oids.SHA512, None),
        ("1.2.3", oids.SHA256, None),
    ],
)
def test_the_two_algorithms_of_a_signer_must_agree(signature_oid: str, digest_oid: str, scheme: Scheme | None) -> None:
    assert signer_scheme(signature_oid, digest_oid) is scheme


# --- PKCS7


def signed_by_attributes(doctor: Doctor, *attributes: bytes) -> bytes:
    """GM/T 0010 SignedData over DATA whose signed attributes are `attributes`, honestly signed."""
    content_type, tagged = der.parse(doctor.sign_pkcs7(DATA)).children()
    *fields, signers = tagged.children()[0].children()
    parts = [part.raw for part in signers.children()[0].children()]
    to_be_signed = set_of(*attributes)
    parts[3] = encode(der.context(0), der.parse(to_be_signed).content)
    parts[5] = octets(doctor.key.sign(to_be_signed))
    return sequence(content_type.raw, explicit(0, sequence(*(f.raw for f in fields), set_of(sequence(*parts)))))


def test_signed_attributes_must_be_there_once_and_fit(doctor: Doctor, store: TrustStore, now: datetime) -> None:
    def attribute(name: str, *values: bytes) -> bytes:
        return sequence(oid(name), set_of(*values))

    kind = attribute(oids.ATTRIBUTE_CONTENT_TYPE, oid(oids.GM_DATA))
    hashed = attribute(oids.ATTRIBUTE_MESSAGE_DIGEST, octets(sm3(DATA)))
    assert judge_pkcs7(DATA, signed_by_attributes(doctor, kind, hashed), store, at=now).good
    for attributes in (
        [kind],
        [hashed],
        [attribute(oids.ATTRIBUTE_CONTENT_TYPE, oid(oids.TST_INFO)), hashed],
        [attribute(oids.ATTRIBUTE_CONTENT_TYPE, integer(1)), hashed],
        [kind, attribute(oids.ATTRIBUTE_MESSAGE_DIGEST, octets(sm3(b"")))],
        [kind, attribute(oids.ATTRIBUTE_MESSAGE_DIGEST, octets(sm3(DATA)), octets(sm3(b"")))],
        [kind, hashed, attribute(oids.ATTRIBUTE_MESSAGE_DIGEST, octets(sm3(b"")))],
    ):
        verdict = judge_pkcs7(DATA, signed_by_attributes(doctor, *attributes), store, at=now)
        assert not verdict.signature_ok


def ess_attribute(name: str, digest: bytes, *issuer_serial: bytes) -> bytes:
    return sequence(oid(name), set_of(sequence(sequence(sequence(octets(digest), *issuer_serial)))))


def test_signed_attributes_that_name_a_certificate_name_the_signers(
    authority: TrialAuthority, doctor: Doctor, store: TrustStore, now: datetime
) -> None:
    sha1, sha256 = (lambda data: hashlib.sha1(data).digest()), (lambda data: hashlib.sha256(data).digest())
    kind = sequence(oid(oids.ATTRIBUTE_CONTENT_TYPE), set_of(oid(oids.GM_DATA)))
    hashed = sequence(oid(oids.ATTRIBUTE_MESSAGE_DIGEST), set_of(octets(sm3(DATA))))
    certificate, other = doctor.certificate, authority.issue_doctor("李四", "").certificate

    def issued_as(name: bytes, serial: int) -> bytes:
        return sequence(sequence(explicit(4, name)), integer(serial))

    def good(attribute: bytes) -> bool:
        verdict = judge_pkcs7(DATA, signed_by_attributes(doctor, kind, hashed, attribute), store, at=now)
        assert verdict.signature_ok or "ESS" in verdict.reason
        return verdict.good

    first, second = oids.ATTRIBUTE_SIGNING_CERTIFICATE, oids.ATTRIBUTE_SIGNING_CERTIFICATE_V2
    assert good(ess_attribute(first, sha1(doctor.cert_der)))
    assert good(ess_attribute(second, sha256(doctor.cert_der)))
    assert good(ess_attribute(second, sha256(doctor.cert_der), issued_as(certificate.issuer, certificate.serial)))
    assert not good(ess_attribute(first, sha1(other.raw)))
    assert not good(ess_attribute(second, sha256(other.raw)))
    assert not good(ess_attribute(second, sha256(doctor.cert_der), issued_as(certificate.issuer, other.serial)))
    assert not good(ess_attribute(second, sha256(doctor.cert_der), issued_as(certificate.subject, certificate.serial)))
    assert not good(sequence(oid(second), set_of(sequence())))
    assert not good(sequence(oid(second), set_of()))


def test_a_stranger_with_the_signers_name_does_not_spoil_the_signature(
    doctor: Doctor, store: TrustStore, now: datetime
) -> None:
    content_type, tagged = der.parse(doctor.sign_pkcs7(DATA)).children()
    fields = [field.raw for field in tagged.children()[0].children()]

    def good(*certificates: bytes) -> bool:
        whole = sequence(*fields[:3], explicit(0, *certificates), fields[-1])
        return judge_pkcs7(DATA, sequence(content_type.raw, explicit(0, whole)), store, at=now).good

    other_key = doctor.cert_der.replace(doctor.key.point, TrialAuthority.create(now).issue_doctor("", "").key.point)
    same_key = doctor.cert_der[:-1] + bytes([doctor.cert_der[-1] ^ 1])
    assert good(doctor.cert_der)
    assert good(other_key, doctor.cert_der)
    assert good(same_key, other_key, doctor.cert_der)
    assert not good(other_key)
    assert not good(same_key)


def test_a_stranger_with_the_signers_name_signs_nothing_in_its_place(
    authority: TrialAuthority, doctor: Doctor, store: TrustStore, now: datetime
) -> None:
    stranger = authority.issue_doctor("李四", "")
    forged = doctor.cert_der.replace(doctor.key.point, stranger.key.point)
    signed = replace(stranger, cert_der=forged).sign_pkcs7(DATA)
    content_type, tagged = der.parse(signed).children()
    fields = [field.raw for field in tagged.children()[0].children()]
    whole = sequence(*fields[:3], explicit(0, forged, doctor.cert_der), fields[-1])
    verdict = judge_pkcs7(DATA, sequence(content_type.raw, explicit(0, whole)), store, at=now)
    assert not verdict.signature_ok
    assert verdict.certificate.good


@pytest.mark.proves("SX-024", "SX-087")
@pytest.mark.parametrize("attached", [True, False])
@pytest.mark.parametrize("attributes", [True, False])
def test_signed_data_of_all_four_forms(
    doctor: Doctor, store: TrustStore, now: datetime, attached: bool, attributes: bool
) -> None:
    signature = doctor.sign_pkcs7(DATA, attached=attached, attributes=attributes)
    assert judge_pkcs7(DATA, signature, store, at=now).good
    assert not judge_pkcs7(DATA + b" ", signature, store, at=now).signature_ok
    assert not judge_pkcs7(DATA, signature + b"\0", store, at=now).signature_ok
    assert judge_pkcs7(None, signature, store, at=now).good is attached


def as_ber(element: der.Element, depth: int = 3) -> bytes:
    """The same structure with indefinite lengths on its upper levels."""
    if not element.tag & 0x20 or not depth:
        return element.raw
    return bytes((element.tag, 0x80)) + b"".join(as_ber(one, depth - 1) for one in element.children()) + b"\0\0"


def test_indefinite_lengths_are_read(doctor: Doctor, store: TrustStore, now: datetime) -> None:
    signature = as_ber(der.parse(doctor.sign_pkcs7(DATA)))
    assert signature[1] == 0x80
    assert judge_pkcs7(DATA, signature, store, at=now).good


def test_a_certificate_that_came_beside_may_be_the_signers(doctor: Doctor, store: TrustStore, now: datetime) -> None:
    whole = der.parse(doctor.sign_pkcs7(DATA))
    content_type, tagged = whole.children()
    fields = tagged.children()[0].children()
    bare = sequence(*(field.raw for field in fields if field.tag != der.context(0)))
    signature = sequence(content_type.raw, explicit(0, bare))
    assert judge_pkcs7(DATA, signature, store, at=now).certificate.status is CertStatus.NOT_FOUND
    assert judge_pkcs7(DATA, signature, store, at=now, known=(doctor.certificate,)).good


def test_no_signer_is_no_signature(doctor: Doctor, store: TrustStore, now: datetime) -> None:
    content_type, tagged = der.parse(doctor.sign_pkcs7(DATA)).children()
    *fields, _ = tagged.children()[0].children()
    empty = sequence(content_type.raw, explicit(0, sequence(*(field.raw for field in fields), b"\x31\0")))
    verdict = judge_pkcs7(DATA, empty, store, at=now)
    assert not verdict.signature_ok
    assert verdict.certificate.status is CertStatus.NONE


def test_the_attributes_of_one_signature_are_not_the_content_of_another(
    doctor: Doctor, store: TrustStore, now: datetime
) -> None:
    attributes = parse_signed_data(doctor.sign_pkcs7(DATA)).signers[0].signed_attributes
    assert attributes is not None
    assert not judge_pkcs7(attributes, doctor.sign_pkcs7(attributes, attributes=False), store, at=now).signature_ok


def test_every_flipped_bit_of_signature_and_certificate_is_noticed(
    doctor: Doctor, store: TrustStore, now: datetime
) -> None:
    signature = doctor.sign_pkcs7(DATA)
    signer = parse_signed_data(signature).signers[0]
    for part in (doctor.cert_der, signer.signature, DATA, (signer.signed_attributes or b"")[2:]):
        start = signature.index(part)
        for position in range(start * 8, (start + len(part)) * 8, 7):
            changed = bytearray(signature)
            changed[position // 8] ^= 1 << position % 8
            assert not judge_pkcs7(DATA, bytes(changed), store, at=now).good, position


# --- Timestamps


@pytest.mark.proves("SX-025", "SX-088")
@pytest.mark.parametrize("attach_certificate", [True, False])
def test_a_token_is_good_for_its_data_at_its_moment(
    authority: TrialAuthority, store: TrustStore, now: datetime, attach_certificate: bool
) -> None:
    token = authority.timestamp(DATA, now, attach_certificate=attach_certificate)
    verdict = judge_timestamp(token, DATA, store, now=now)
    assert (verdict.res, verdict.gen_time) == ("1", now)
    assert judge_timestamp(token, b"other", store, now=now).res == "-2"


def test_a_token_may_come_in_a_response(authority: TrialAuthority, store: TrustStore, now: datetime) -> None:
    token = authority.timestamp(DATA, now)
    for code, res in ((0, "1"), (1, "1"), (2, "-1")):
        assert judge_timestamp(sequence(sequence(integer(code)), token), DATA, store, now=now).res == res
    assert judge_timestamp(sequence(sequence(integer(0))), DATA, store, now=now).res == "-1"


def test_the_other_answers_of_verify_ts(authority: TrialAuthority, now: datetime) -> None:
    def res(token: bytes, store: TrustStore) -> str:
        return judge_timestamp(token, DATA, store, now=now).res

    token = authority.timestamp(DATA, now)
    bare = authority.timestamp(DATA, now, attach_certificate=False)
    known = [authority.sub_der, authority.tsa_der]
    store = TrustStore.from_bytes([authority.root_der], known)
    century = timedelta(days=36500)
    assert res(bare, TrustStore.from_bytes([authority.root_der], [authority.sub_der])) == "-5"
    assert res(token, TrustStore.from_bytes([], known)) == "-3"
    assert res(authority.timestamp(DATA, now - century), store) == "-4"
    assert judge_timestamp(authority.timestamp(DATA, now + century), DATA, store, now=now + century).res == "-6"
    assert res(authority.timestamp(DATA, now + timedelta(days=1)), store) == "-1"
    assert res(token[:-1], store) == "-1"
    assert res(b"", store) == "-1"


def test_the_token_must_name_its_certificate_rightly(now: datetime) -> None:
    authority = TrialAuthority.create(now)
    store = authority.trust_store()
    certificate = parse_certificate(authority.tsa_der)
    # The ESS attribute hashes the certificate as the writer knows it; the one that comes along is another.
    disguised = replace(certificate, raw=authority.sub_der)
    token = write_timestamp(DATA, now, 1, disguised, authority._tsa_key, attach_certificate=False)
    assert judge_timestamp(token, DATA, store, now=now).res == "-1"


def test_only_a_timestamp_certificate_makes_timestamps(now: datetime) -> None:
    authority = TrialAuthority.create(now)
    doctor = authority.issue_doctor("张三", "")
    store = authority.trust_store()
    authority.tsa_der, authority._tsa_key = doctor.cert_der, doctor.key
    assert judge_timestamp(authority.timestamp(DATA, now), DATA, store, now=now).res == "-1"


def test_every_flipped_bit_of_a_token_is_noticed(authority: TrialAuthority, store: TrustStore, now: datetime) -> None:
    token = authority.timestamp(DATA, now)
    parsed = parse_signed_data(token)
    signer = parsed.signers[0]
    parts = (parsed.content or b"", authority.tsa_der, signer.signature, (signer.signed_attributes or b"")[3:])
    for part in parts:
        start = token.index(part)
        for position in range(start * 8, (start + len(part)) * 8, 7):
            changed = bytearray(token)
            changed[position // 8] ^= 1 << position % 8
            assert judge_timestamp(bytes(changed), DATA, store, now=now).res != "1", position


# --- The openssl command as an independent authority and signer


class OpenSsl:
    """A root and a doctor made by the openssl command in `folder`."""

    def __init__(self, folder: Path, algorithm: str) -> None:
        command = shutil.which("openssl")
        if command is None:
            pytest.skip("no openssl command")
        self._command = command
        self.folder = folder
        self.sm2 = algorithm == "sm2"
        self._digest = "-sm3" if self.sm2 else "-sha256"
        self._id = ["distid:1234567812345678"] if self.sm2 else []
        for name in ("ca", "doctor"):
            kind = ["-algorithm", "SM2"] if self.sm2 else ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
            self.run("genpkey", *kind, "-out", f"{name}.key")
        usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        self.run("req", "-x509", "-new", "-key", "ca.key", self._digest, *self._options("-sigopt"), "-subj", "/CN=CA",
                 *usage, "-days", "30", "-out", "ca.pem")  # fmt: skip
        self.run("req", "-new", "-key", "doctor.key", self._digest, *self._options("-sigopt"), "-subj", "/CN=doctor",
                 "-out", "doctor.csr")  # fmt: skip
        (folder / "ext").write_text("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n")
        self.run("x509", "-req", "-in", "doctor.csr", "-CA", "ca.pem", "-CAkey", "ca.key", self._digest,
                 *self._options("-sigopt"), *self._options("-vfyopt"), "-extfile", "ext", "-days", "20",
                 "-out", "doctor.pem")  # fmt: skip

    def _options(self, name: str) -> list[str]:
        return [part for value in self._id for part in (name, value)]

    def run(self, *arguments: str) -> None:
        done = subprocess.run([self._command, *arguments], cwd=self.folder, capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"the openssl command cannot do {arguments[0]}: {done.stderr[-200:]!r}")

    def sign(self, data: bytes) -> bytes:
        (self.folder / "data").write_bytes(data)
        self.run("dgst", self._digest, "-sign", "doctor.key", *self._options("-sigopt"), "-out", "signature", "data")
        return (self.folder / "signature").read_bytes()


@pytest.mark.proves("SX-028", "SX-029")
@pytest.mark.parametrize("algorithm", ["sm2", "rsa"])
def test_what_the_openssl_command_issues_and_signs_is_good(tmp_path: Path, algorithm: str) -> None:
    maker = OpenSsl(tmp_path, algorithm)
    (ca,) = load_certificates((tmp_path / "ca.pem").read_bytes())
    (certificate,) = load_certificates((tmp_path / "doctor.pem").read_bytes())
    at = certificate.not_before + timedelta(days=1)
    scheme = Scheme.SM3_WITH_SM2 if maker.sm2 else Scheme.SHA256_WITH_RSA
    assert certificate.key is not None
    assert judge_pkcs1(DATA, maker.sign(DATA), certificate.key, scheme).good
    assert not judge_pkcs1(DATA + b" ", maker.sign(DATA), certificate.key, scheme).good
    assert judge_certificate(certificate, TrustStore([ca]), at=at).good
    assert judge_certificate(certificate, TrustStore([]), at=at).status is CertStatus.UNTRUSTED


def test_rsa_signed_data_and_timestamps_of_the_openssl_command(tmp_path: Path) -> None:
    maker = OpenSsl(tmp_path, "rsa")
    store = TrustStore(load_certificates((tmp_path / "ca.pem").read_bytes()))
    (tmp_path / "data").write_bytes(DATA)
    maker.run("cms", "-sign", "-binary", "-in", "data", "-signer", "doctor.pem", "-inkey", "doctor.key", "-outform",
              "DER", "-nodetach", "-out", "p7")  # fmt: skip
    (certificate,) = load_certificates((tmp_path / "doctor.pem").read_bytes())
    at = certificate.not_before + timedelta(days=1)
    assert judge_pkcs7(DATA, (tmp_path / "p7").read_bytes(), store, at=at).good
    maker.run("cms", "-sign", "-binary", "-stream", "-noattr", "-in", "data", "-signer", "doctor.pem", "-inkey",
              "doctor.key", "-outform", "DER", "-nodetach", "-out", "p7ber")  # fmt: skip
    assert judge_pkcs7(DATA, (tmp_path / "p7ber").read_bytes(), store, at=at).good


def test_octets_in_segments_are_one_content(doctor: Doctor, store: TrustStore, now: datetime) -> None:
    whole = doctor.sign_pkcs7(DATA)
    segments = b"\x24\x80" + octets(DATA[:5]) + octets(DATA[5:]) + b"\0\0"
    content_type, tagged = der.parse(whole).children()
    fields = [field.raw for field in tagged.children()[0].children()]
    fields[2] = sequence(oid(oids.GM_DATA), explicit(0, segments))
    assert judge_pkcs7(DATA, sequence(content_type.raw, explicit(0, sequence(*fields))), store, at=now).good
