"""``radbridge verify …`` offline: words, reasons and exit codes."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from radbridge.cli.main import build
from radbridge.signing.domain import oids
from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.der_write import integer
from radbridge.signing.trial_pki import TrialAuthority
from radbridge.signing.trial_seal import TrialSealer
from tests.support import ocsp
from tests.support.crls import flag, issuing_point, write_crl
from tests.support.ocsp import OcspCa, Reply

NOW = datetime(2026, 6, 15, 8, 0, tzinfo=UTC)
AT = "2026-06-15T08:00:00"
TEXT = "报告原文".encode()
GOOD, NOT_GOOD, UNUSABLE = 0, 1, 2


class Desk:
    """A folder with a trial CA's files, and the command line beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = TrialAuthority.create(NOW)
        self.doctor = self.authority.issue_doctor("张三", "110101199003070038")
        self.revoked = self.authority.issue_doctor("孙八", "1")
        self.authority.revoke(self.revoked, NOW - timedelta(hours=1))
        sub_crl, root_crl = self.authority.crls
        self.write("root.cer", self.authority.root_der)
        self.write("sub.cer", self.authority.sub_der)
        self.write("tsa.cer", self.authority.tsa_der)
        self.write("sub.crl", sub_crl)
        self.write("root.crl", root_crl)
        self.write("doctor.cer", self.doctor.cert_der)
        self.write("text.bin", TEXT)
        self.trust = [f"--root={self.path('root.cer')}", f"--at={AT}"]
        self.trust += [f"--intermediate={self.path(name)}" for name in ("sub.cer", "tsa.cer")]
        self.trust += [f"--crl={self.path(name)}" for name in ("sub.crl", "root.crl")]

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def write(self, name: str, data: bytes) -> str:
        (self.folder / name).write_bytes(data)
        return self.path(name)

    def verify(self, *arguments: str, trusted: bool = True) -> tuple[int, dict[str, Any]]:
        trust = self.trust if trusted else [f"--at={AT}"]
        result = CliRunner().invoke(build(), ["verify", *arguments, *trust, "--json"])
        return result.exit_code, json.loads(result.stdout) if result.stdout.startswith("{") else {}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


def verdict(outcome: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    return outcome[0], outcome[1].get("verdict", "")


@pytest.mark.proves("SX-028", "SX-029", "SX-030", "SX-031")
def test_certificates(desk: Desk) -> None:
    doctor = desk.path("doctor.cer")
    code, answer = desk.verify("certificate", doctor)
    assert (code, answer["verdict"], answer["revocation"], len(answer["path"])) == (GOOD, "good", "good", 3)
    assert verdict(desk.verify("certificate", doctor, trusted=False)) == (NOT_GOOD, "untrusted")
    assert verdict(desk.verify("certificate", doctor, "--usage=timestamp")) == (NOT_GOOD, "wrong_usage")
    assert verdict(desk.verify("certificate", desk.path("tsa.cer"), "--usage=timestamp")) == (GOOD, "good")
    revoked = desk.write("revoked.cer", desk.revoked.cert_der)
    assert verdict(desk.verify("certificate", revoked)) == (NOT_GOOD, "revoked")
    assert verdict(desk.verify("certificate", desk.path("text.bin"))) == (NOT_GOOD, "malformed")
    late = ["verify", "certificate", doctor, *desk.trust, "--at=2036-01-01", "--json"]
    assert json.loads(CliRunner().invoke(build(), late).stdout)["verdict"] == "expired"


def test_a_list_can_be_demanded(desk: Desk) -> None:
    bare = ["verify", "certificate", desk.path("doctor.cer"), *(one for one in desk.trust if "--crl" not in one)]
    assert CliRunner().invoke(build(), bare).exit_code == GOOD
    assert CliRunner().invoke(build(), [*bare, "--require-crl"]).exit_code == NOT_GOOD


@pytest.mark.proves("SX-031", "SX-032")
def test_revocation_lists(desk: Desk) -> None:
    code, answer = desk.verify("crl", desk.path("sub.crl"))
    assert (code, answer["verdict"], answer["entries"]) == (GOOD, "good", 1)
    assert verdict(desk.verify("crl", desk.path("sub.crl"), trusted=False)) == (NOT_GOOD, "no_issuer")
    damaged = bytearray((desk.folder / "sub.crl").read_bytes())
    damaged[-1] ^= 1
    assert verdict(desk.verify("crl", desk.write("damaged.crl", bytes(damaged)))) == (NOT_GOOD, "bad_signature")
    assert verdict(desk.verify("crl", desk.path("text.bin"))) == (NOT_GOOD, "malformed")
    encoded = desk.write("sub.b64", base64.encodebytes((desk.folder / "sub.crl").read_bytes()))
    assert verdict(desk.verify("crl", encoded)) == (GOOD, "good")


def test_lists_that_are_not_about_everybody(desk: Desk) -> None:
    issuer, at = desk.authority._sub, NOW - timedelta(days=1)
    users = desk.write("users.crl", write_crl(issuer, issuing_point(flag(1)), at=at))
    code, answer = desk.verify("crl", users)
    assert (code, answer["verdict"], answer["scope"]) == (GOOD, "good", "只针对用户证书")
    delta = desk.write("delta.crl", write_crl(issuer, (oids.DELTA_CRL_INDICATOR, True, integer(1)), at=at))
    assert verdict(desk.verify("crl", delta)) == (GOOD, "partial")
    indirect = desk.write("indirect.crl", write_crl(issuer, issuing_point(flag(4)), at=at))
    assert verdict(desk.verify("crl", indirect)) == (NOT_GOOD, "indirect")

    doctor = ["verify", "certificate", desk.path("doctor.cer"), "--require-crl", "--json"]
    doctor += [one for one in desk.trust if "sub.crl" not in one]
    for given, state in ((users, "good"), (delta, "out_of_scope"), (indirect, "indirect")):
        answer = json.loads(CliRunner().invoke(build(), [*doctor, f"--crl={given}"]).stdout)
        assert (answer["good"], answer["revocation"]) == (state == "good", state)


@pytest.mark.proves("SX-031")
def test_ocsp_responses(desk: Desk) -> None:
    ca = OcspCa(NOW)
    doctor = ca.doctor()
    signer = desk.write("ocsp.cer", doctor.cert_der)
    trust = ["--root", desk.write("ocsp-root.cer", ca.certificate.raw), f"--at={AT}", "--json"]

    def verified(kind: str, *arguments: str) -> dict[str, Any]:
        return json.loads(CliRunner().invoke(build(), ["verify", kind, *arguments, *trust]).stdout)

    def response(status: str, certificate: Certificate = doctor.certificate) -> str:
        answer = Reply(ca=ca, certificate=certificate, now=NOW, status=status).der()
        return f"--ocsp={desk.write(f'{status}-{certificate.serial}.der', answer)}"

    good, revoked, unknown = map(response, ("good", "revoked", "unknown"))
    other = response("good", ca.doctor().certificate)
    refusal = f"--ocsp={desk.write('refusal.der', ocsp.refusal(ocsp.TRY_LATER))}"
    assert verified("certificate", signer)["revocation"] == "no_list"
    answer = verified("certificate", signer, good, "--require-crl")
    assert (answer["verdict"], answer["revocation"], answer["ocsp"]["status"]) == ("good", "good", "good")
    assert verified("certificate", signer, revoked)["verdict"] == "revoked"
    assert verified("certificate", signer, good, revoked)["verdict"] == "revoked"
    for given, state in ((unknown, "ocsp_unknown"), (other, "ocsp_wrong_certificate"), (refusal, "ocsp_try_later")):
        answer = verified("certificate", signer, given)
        assert (answer["good"], answer["verdict"], answer["revocation"]) == (False, "revocation_unknown", state)
    assert verified("certificate", signer, other, good)["good"]
    lists = f"--crl={desk.write('ocsp.crl', ca.crl())}"
    assert verified("certificate", signer, revoked, lists)["good"]
    data = f"--data={desk.path('text.bin')}"
    value, signed = desk.write("ocsp.sig", doctor.sign_pkcs1(TEXT)), desk.write("ocsp.p7", doctor.sign_pkcs7(TEXT))
    for kind, arguments in (("pkcs1", [value, data, f"--certificate={signer}"]), ("pkcs7", [signed])):
        assert verified(kind, *arguments, good)["good"]
        assert verified(kind, *arguments, revoked)["verdict"] == "certificate_revoked"
    broken = ["verify", "certificate", signer, *trust, f"--ocsp={desk.path('text.bin')}"]
    assert CliRunner().invoke(build(), broken).exit_code == UNUSABLE


@pytest.mark.proves("SX-023", "SX-082", "SX-084")
def test_bare_signatures(desk: Desk) -> None:
    value = desk.doctor.sign_pkcs1(TEXT)
    binary, encoded = desk.write("value.sig", value), desk.write("value.b64", base64.encodebytes(value))
    key = desk.write("key.bin", desk.doctor.key.point)
    data, signer = f"--data={desk.path('text.bin')}", f"--certificate={desk.path('doctor.cer')}"
    other = f"--data={desk.write('other.bin', TEXT + b'.')}"
    assert verdict(desk.verify("pkcs1", binary, data, signer)) == (GOOD, "good")
    assert verdict(desk.verify("pkcs1", encoded, data, f"--public-key={key}")) == (GOOD, "good")
    assert verdict(desk.verify("pkcs1", binary, other, signer)) == (NOT_GOOD, "wrong")
    untrusted = desk.verify("pkcs1", binary, data, signer, trusted=False)
    assert verdict(untrusted) == (NOT_GOOD, "certificate_untrusted")
    assert verdict(desk.verify("pkcs1", binary, data, signer, "--signature-only", trusted=False)) == (GOOD, "good")
    rsa = desk.verify("pkcs1", binary, data, signer, "--algorithm=SHA256WithRSA")
    assert verdict(rsa) == (NOT_GOOD, "algorithm_mismatch")
    assert desk.verify("pkcs1", binary, data)[0] == UNUSABLE
    assert desk.verify("pkcs1", binary, data, signer, "--algorithm=MD5")[0] == UNUSABLE


@pytest.mark.proves("SX-024", "SX-087")
def test_signed_data(desk: Desk) -> None:
    attached = desk.write("attached.p7", desk.doctor.sign_pkcs7(TEXT))
    detached = desk.write("detached.p7", desk.doctor.sign_pkcs7(TEXT, attached=False))
    data, other = f"--data={desk.path('text.bin')}", f"--data={desk.path('root.cer')}"
    assert verdict(desk.verify("pkcs7", attached)) == (GOOD, "good")
    assert verdict(desk.verify("pkcs7", detached, data)) == (GOOD, "good")
    assert verdict(desk.verify("pkcs7", detached))[0] == NOT_GOOD
    assert verdict(desk.verify("pkcs7", attached, other)) == (NOT_GOOD, "bad")
    assert verdict(desk.verify("pkcs7", attached, trusted=False)) == (NOT_GOOD, "certificate_untrusted")
    assert verdict(desk.verify("pkcs7", desk.path("text.bin"))) == (NOT_GOOD, "malformed")


@pytest.mark.proves("SX-025", "SX-088")
def test_timestamps(desk: Desk) -> None:
    token = desk.write("token.tsr", desk.authority.timestamp(TEXT, NOW - timedelta(hours=1)))
    data, other = f"--data={desk.path('text.bin')}", f"--data={desk.path('root.cer')}"
    code, answer = desk.verify("timestamp", token, data)
    assert (code, answer["verdict"], answer["genTime"]) == (GOOD, "1", "2026-06-15T07:00:00Z")
    assert verdict(desk.verify("timestamp", token, other)) == (NOT_GOOD, "-2")
    assert verdict(desk.verify("timestamp", token, data, trusted=False)) == (NOT_GOOD, "-3")


@pytest.mark.proves("SX-026", "SX-033", "SX-090")
def test_seals(desk: Desk, blank_pdf: bytes) -> None:
    sealer = TrialSealer.create(desk.authority, "某某医院")
    sealed = sealer.seal_pdf(blank_pdf)
    code, answer = desk.verify("seal", desk.write("sealed.pdf", sealed))
    assert (code, answer["verdict"], [one["verdict"] for one in answer["seals"]]) == (GOOD, "good", ["good"])
    changed = desk.verify("seal", desk.write("changed.pdf", sealed + b"x"))
    assert verdict(changed) == (NOT_GOOD, "modified_after_signing")
    assert verdict(desk.verify("seal", desk.write("blank.pdf", blank_pdf))) == (NOT_GOOD, "no_seal")
    bare = desk.write("bare.ses", sealer.ses(TEXT))
    assert verdict(desk.verify("seal", bare, f"--data={desk.path('text.bin')}")) == (GOOD, "good")


def test_what_cannot_be_used_is_told(desk: Desk) -> None:
    code, answer = desk.verify("certificate", desk.path("doctor.cer"), f"--root={desk.path('text.bin')}")
    assert code == UNUSABLE
    assert "text.bin" in answer["error"]
    assert desk.verify("certificate", desk.path("doctor.cer"), "--usage=love")[0] == UNUSABLE
    assert desk.verify("certificate", desk.path("missing.cer"))[0] == UNUSABLE
    for moment in ("noon", "9999-12-31T23:59:59-08:00", "0001-01-01T00:00:00+08:00"):
        late = ["verify", "certificate", desk.path("doctor.cer"), f"--at={moment}"]
        assert CliRunner().invoke(build(), late).exit_code == UNUSABLE


def test_people_read_a_text(desk: Desk) -> None:
    result = CliRunner().invoke(build(), ["verify", "certificate", desk.path("doctor.cer"), *desk.trust])
    assert result.stdout.startswith("good  good  证书有效\n")


@pytest.fixture(scope="module")
def blank_pdf() -> bytes:
    import io

    from pypdf import PdfWriter

    writer = PdfWriter()
    writer.add_blank_page(width=300, height=300)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()
