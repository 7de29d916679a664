"""OCSP answers: what each proves of a certificate, and everything for which one is not believed."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from radbridge.signing.domain import oids
from radbridge.signing.domain.certificate import load_certificates
from radbridge.signing.domain.chain import CertStatus, CertVerdict, Usage, judge_certificate
from radbridge.signing.domain.cms_write import write_timestamp
from radbridge.signing.domain.crl import parse_crl
from radbridge.signing.domain.der_write import NULL, generalized_time, octets
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.ocsp import judge_response
from radbridge.signing.domain.ocsp_desk import Answer, OcspDesk, Question
from radbridge.signing.domain.ocsp_id import request_hashes, write_request
from radbridge.signing.domain.ocsp_response import parse_ocsp_response
from radbridge.signing.domain.revocation import REVOCATION_REASONS, RevocationState
from radbridge.signing.domain.timestamp import TimestampVerdict, VerifyRes, judge_timestamp
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.trial_pki import Doctor
from tests.support import ocsp
from tests.support.ocsp import DAY, HOUR, OcspCa, OpensslResponder, Reply

NOW = datetime(2026, 6, 15, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def ca() -> OcspCa:
    return OcspCa(NOW)


@pytest.fixture(scope="module")
def doctor(ca: OcspCa) -> Doctor:
    return ca.doctor()


@pytest.fixture(scope="module")
def reply(ca: OcspCa, doctor: Doctor) -> Reply:
    return Reply(ca=ca, certificate=doctor.certificate, now=NOW)


def store(ca: OcspCa, *crls: bytes, **options: bool) -> TrustStore:
    return TrustStore([ca.certificate], [], map(parse_crl, crls), **options)


def asked(
    ca: OcspCa, doctor: Doctor, answer: Answer | None, *crls: bytes, at: datetime = NOW, **options: bool
) -> CertVerdict:
    """The verdict with this answer to the question about the doctor's certificate."""
    key = Question(doctor.certificate, ca.certificate).key
    answers = {} if answer is None else {key: answer}
    trust = store(ca, *crls, **options).asking(OcspDesk(answers.get))
    return judge_certificate(doctor.certificate, trust, at=at, now=NOW)


def test_a_good_answer_is_as_good_as_a_current_list(ca: OcspCa, doctor: Doctor, reply: Reply) -> None:
    verdict = asked(ca, doctor, reply.der(), require_revocation=True)
    assert (verdict.status, verdict.revocation) == (CertStatus.GOOD, RevocationState.GOOD)
    assert verdict.revocation_reason == "OCSP应答有效，证书未被吊销"
    assert verdict.ocsp is not None
    assert verdict.ocsp.answer is not None
    assert verdict.ocsp.answer.valid_until == NOW + DAY
    assert asked(ca, doctor, None, require_revocation=True).status is CertStatus.REVOCATION_UNKNOWN


@pytest.mark.parametrize("hash_oid", [oids.SHA1, oids.SHA256, oids.SM3])
@pytest.mark.parametrize("by_key", [False, True])
@pytest.mark.parametrize("delegated", [False, True])
def test_every_way_to_answer(
    ca: OcspCa, doctor: Doctor, reply: Reply, hash_oid: str, by_key: bool, delegated: bool
) -> None:
    signer = ca.delegate() if delegated else None
    assert asked(ca, doctor, replace(reply, hash_oid=hash_oid, by_key=by_key, signer=signer).der()).good


def test_an_answer_at_the_end_of_time_ends_nothing(ca: OcspCa, doctor: Doctor, reply: Reply) -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    endless = replace(reply, this_update=last, next_update=None)
    assert asked(ca, doctor, endless.der()).revocation is RevocationState.OCSP_STALE
    revoked = asked(ca, doctor, replace(endless, status=ocsp.REVOKED, revoked_at=NOW - DAY).der())
    assert revoked.status is CertStatus.REVOKED
    assert revoked.ocsp is not None
    assert revoked.ocsp.answer is not None
    assert revoked.ocsp.answer.valid_until > last
    assert judge_certificate(doctor.certificate, store(ca), at=last).status is CertStatus.ISSUER_EXPIRED


def test_who_is_asked_and_when(ca: OcspCa, doctor: Doctor, reply: Reply) -> None:
    """A current list comes first; a list that is out of date, forged or missing makes the responder be asked."""
    revoked = replace(reply, status=ocsp.REVOKED).der()
    stale = ca.crl(until=NOW - DAY)
    assert asked(ca, doctor, revoked, ca.crl()).revocation is RevocationState.GOOD
    assert asked(ca, doctor, revoked, ca.crl()).good
    assert asked(ca, doctor, revoked, stale).status is CertStatus.REVOKED
    assert asked(ca, doctor, reply.der(), stale).revocation is RevocationState.GOOD
    for crls, wanted in (([], 1), ([stale], 1), ([ca.crl()], 0)):
        desk = OcspDesk({}.get)
        judge_certificate(doctor.certificate, store(ca, *crls).asking(desk), at=NOW)
        assert len(desk.wanted) == wanted
    nameless = ca.doctor("ldap://ocsp.example/")
    desk = OcspDesk({}.get)
    assert judge_certificate(nameless.certificate, store(ca).asking(desk), at=NOW).good
    assert not desk.wanted


def test_an_entry_in_an_old_list_still_counts(ca: OcspCa, doctor: Doctor, reply: Reply) -> None:
    listed = ca.crl({doctor.certificate.serial: NOW - 3 * DAY}, until=NOW - DAY)
    assert asked(ca, doctor, reply.der(), listed).status is CertStatus.REVOKED


def test_nobody_is_asked_on_behalf_of_a_stranger(ca: OcspCa) -> None:
    """An address counts only in a certificate that a trusted CA signed: nobody makes us call addresses of their own."""
    stranger = OcspCa(NOW).doctor("http://169.254.169.254/latest")
    desk = OcspDesk({}.get)
    judge_certificate(stranger.certificate, store(ca).asking(desk), at=NOW)
    assert not desk.wanted


def test_revocation_after_signing_keeps_earlier_signatures(ca: OcspCa, doctor: Doctor, reply: Reply) -> None:
    revoked = replace(reply, status=ocsp.REVOKED, revoked_at=NOW - DAY, reason=1)
    assert asked(ca, doctor, revoked.der(), at=NOW - HOUR).status is CertStatus.REVOKED
    assert asked(ca, doctor, revoked.der(), at=NOW - 2 * DAY).status is CertStatus.GOOD
    found = asked(ca, doctor, revoked.der()).ocsp
    assert found is not None
    assert found.revocation is not None
    assert (found.revocation.since, found.revocation.reason) == (NOW - DAY, "keyCompromise")
    invalid_since = ((oids.INVALIDITY_DATE, False, generalized_time(NOW - 3 * DAY)),)
    earlier = replace(revoked, entry_extensions=invalid_since)
    assert asked(ca, doctor, earlier.der(), at=NOW - 2 * DAY).status is CertStatus.REVOKED


def test_a_revocation_in_an_old_answer_still_counts(ca: OcspCa, doctor: Doctor, reply: Reply) -> None:
    old = replace(reply, status=ocsp.REVOKED, next_update=NOW - HOUR, revoked_at=NOW - DAY)
    assert asked(ca, doctor, old.der()).status is CertStatus.REVOKED


def other_certificate(ca: OcspCa, reply: Reply) -> bytes:
    return replace(reply, certificate=ca.doctor().certificate).der()


def forged(reply: Reply) -> bytes:
    octets_ = bytearray(reply.der())
    octets_[-1] ^= 1
    return bytes(octets_)


FAULTS = {
    RevocationState.OCSP_UNREACHABLE: lambda ca, reply: RevocationState.OCSP_UNREACHABLE,
    RevocationState.OCSP_NONCE: lambda ca, reply: RevocationState.OCSP_NONCE,
    RevocationState.OCSP_MALFORMED: lambda ca, reply: reply.der()[:-1],
    RevocationState.OCSP_TRY_LATER: lambda ca, reply: ocsp.refusal(ocsp.TRY_LATER),
    RevocationState.OCSP_REFUSED: lambda ca, reply: ocsp.refusal(ocsp.UNAUTHORIZED),
    RevocationState.OCSP_FORGED: lambda ca, reply: forged(reply),
    RevocationState.OCSP_WRONG_CERTIFICATE: other_certificate,
    RevocationState.OCSP_STALE: lambda ca, reply: replace(reply, next_update=NOW - timedelta(seconds=1)).der(),
    RevocationState.OCSP_UNKNOWN: lambda ca, reply: replace(reply, status=ocsp.UNKNOWN).der(),
}


@pytest.mark.parametrize("state", FAULTS)
def test_each_fault_is_told_apart_and_never_good(
    ca: OcspCa, doctor: Doctor, reply: Reply, state: RevocationState
) -> None:
    verdict = asked(ca, doctor, FAULTS[state](ca, reply))
    assert (verdict.status, verdict.revocation) == (CertStatus.REVOCATION_UNKNOWN, state)
    assert verdict.reason == f"{REVOCATION_REASONS[state]}，无法确认证书是否被吊销"


def test_the_faults_are_all_there_and_their_reasons_differ() -> None:
    assert set(FAULTS) == {state for state in RevocationState if state.value.startswith("ocsp")}
    assert len(set(REVOCATION_REASONS.values())) == len(RevocationState)


@pytest.mark.parametrize("status", [1, 2, 5, 6])
def test_every_refusal_is_one(ca: OcspCa, doctor: Doctor, status: int) -> None:
    assert asked(ca, doctor, ocsp.refusal(status)).revocation is RevocationState.OCSP_REFUSED


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"this_update": NOW + timedelta(minutes=9), "produced_at": NOW + timedelta(minutes=9)}, RevocationState.GOOD),
        ({"this_update": NOW + timedelta(minutes=11)}, RevocationState.OCSP_STALE),
        ({"produced_at": NOW + timedelta(minutes=11)}, RevocationState.OCSP_STALE),
        ({"next_update": None}, RevocationState.GOOD),
        ({"next_update": None, "this_update": NOW - DAY - timedelta(seconds=1)}, RevocationState.OCSP_STALE),
        ({"next_update": NOW, "this_update": NOW - 90 * DAY}, RevocationState.GOOD),
    ],
)
def test_for_how_long_an_answer_counts(
    ca: OcspCa, doctor: Doctor, reply: Reply, changes: dict[str, datetime], state: RevocationState
) -> None:
    assert asked(ca, doctor, replace(reply, **changes).der()).revocation is state


def test_who_may_answer_for_a_ca(ca: OcspCa, doctor: Doctor, reply: Reply) -> None:
    def state(signer: Doctor, *crls: bytes, **changes: object) -> RevocationState:
        return asked(ca, doctor, replace(reply, signer=signer, **changes).der(), *crls).revocation

    stale = {"until": NOW - DAY}
    plain = ca.delegate(no_check=False)
    assert state(plain) is RevocationState.GOOD
    assert state(plain, ca.crl({plain.certificate.serial: NOW - 2 * DAY}, **stale)) is RevocationState.OCSP_FORGED
    assert state(plain, ca.crl({plain.certificate.serial: NOW + DAY}, **stale)) is RevocationState.GOOD
    unchecked = ca.delegate()
    assert state(unchecked, ca.crl({unchecked.certificate.serial: NOW - 2 * DAY}, **stale)) is RevocationState.GOOD
    nobody = (
        ca.delegate(purpose=None),
        ca.delegate(purpose=oids.TIME_STAMPING),
        ca.delegate(purpose=oids.ANY_EXTENDED_KEY_USAGE),
        ca.delegate(until=NOW - HOUR),
        OcspCa(NOW).delegate(),
        OcspCa(NOW, parent=ca).delegate(),
        doctor,
    )
    assert {state(one) for one in nobody} == {RevocationState.OCSP_FORGED}
    assert state(ca.delegate(), attach=False) is RevocationState.OCSP_FORGED


def test_a_responder_of_the_past_cannot_date_good_answers_back(ca: OcspCa, doctor: Doctor, reply: Reply) -> None:
    """Whoever holds the key of an expired or revoked responder chooses producedAt; a revocation is believed still."""
    back = replace(reply, produced_at=NOW - 3 * DAY, this_update=NOW - 3 * DAY, revoked_at=NOW - 4 * DAY)
    listed = ca.delegate(no_check=False)
    crl = ca.crl({listed.certificate.serial: NOW - 2 * DAY}, until=NOW - DAY)
    for signer in (ca.delegate(until=NOW - HOUR), listed):
        dated = replace(back, signer=signer)
        assert asked(ca, doctor, dated.der(), crl).revocation is RevocationState.OCSP_FORGED
        assert asked(ca, doctor, replace(dated, status=ocsp.UNKNOWN).der(), crl).status is CertStatus.REVOCATION_UNKNOWN
        assert asked(ca, doctor, replace(dated, status=ocsp.REVOKED).der(), crl).status is CertStatus.REVOKED
        late = replace(dated, status=ocsp.REVOKED, produced_at=NOW)
        assert asked(ca, doctor, late.der(), crl).revocation is RevocationState.OCSP_FORGED
    assert asked(ca, doctor, replace(back, signer=ca.delegate(until=NOW)).der(), crl).good


def test_an_answer_ends_with_its_responder(ca: OcspCa, doctor: Doctor, reply: Reply) -> None:
    def until(**changes: object) -> datetime | None:
        response = parse_ocsp_response(replace(reply, **changes).der())
        return judge_response(response, doctor.certificate, ca.certificate, store(ca), NOW).until

    assert until() == NOW + DAY
    assert until(signer=ca.delegate()) == NOW + DAY
    assert until(signer=ca.delegate(until=NOW + HOUR)) == NOW + HOUR
    assert until(signer=ca.delegate(until=NOW + HOUR), status=ocsp.REVOKED) == NOW + DAY
    assert until(status=ocsp.UNKNOWN) is None


def test_nobody_vouches_for_themselves(ca: OcspCa) -> None:
    responder = ca.delegate()
    answer = Reply(ca=ca, certificate=responder.certificate, now=NOW, signer=responder).der()
    trust = store(ca)
    found = judge_response(parse_ocsp_response(answer), responder.certificate, ca.certificate, trust, NOW)
    assert found.state is RevocationState.OCSP_FORGED


def test_a_subordinate_ca_is_asked_about_too(ca: OcspCa) -> None:
    below = OcspCa(NOW, parent=ca, further=(ocsp.responder_address(ocsp.ADDRESS),))
    doctor = below.doctor("ldap://none/")
    question = Question(below.certificate, ca.certificate)
    trust = TrustStore([ca.certificate], [below.certificate])

    def verdict(status: str) -> CertStatus:
        answer = Reply(ca=ca, certificate=below.certificate, now=NOW, status=status).der()
        desk = OcspDesk({question.key: answer}.get)
        return judge_certificate(doctor.certificate, trust.asking(desk), at=NOW).status

    assert verdict(ocsp.GOOD) is CertStatus.GOOD
    assert verdict(ocsp.REVOKED) is CertStatus.ISSUER_REVOKED
    assert verdict(ocsp.UNKNOWN) is CertStatus.REVOCATION_UNKNOWN


def test_a_timestamp_authority_is_asked_about_too(ca: OcspCa) -> None:
    named = (ocsp.responder_address(ocsp.ADDRESS),)
    tsa = ca.delegate(purpose=oids.TIME_STAMPING, no_check=False, further=named)
    token = write_timestamp(b"text", NOW, 1, tsa.certificate, tsa.key, attach_certificate=True)
    key = Question(tsa.certificate, ca.certificate).key

    def stamped(**changes: object) -> TimestampVerdict:
        answer = Reply(ca=ca, certificate=tsa.certificate, now=NOW, **changes).der()
        return judge_timestamp(token, b"text", store(ca).asking(OcspDesk({key: answer}.get)), now=NOW)

    assert stamped().res is VerifyRes.VALID
    assert stamped(status=ocsp.REVOKED, revoked_at=NOW - HOUR).res is VerifyRes.INVALID
    assert stamped(status=ocsp.REVOKED, revoked_at=NOW + HOUR).res is VerifyRes.VALID
    assert stamped(status=ocsp.REVOKED, revoked_at=NOW + HOUR, reason=1).res is VerifyRes.INVALID
    unknown = stamped(status=ocsp.UNKNOWN)
    assert (unknown.res, "unknown" in unknown.reason) == (VerifyRes.UNTRUSTED, True)


def test_responses_handed_in_without_a_question(ca: OcspCa, doctor: Doctor, reply: Reply) -> None:
    """The best of all that speak of the issuer's certificates counts; others say nothing."""

    def verdict(*responses: bytes) -> tuple[CertStatus, RevocationState]:
        desk = OcspDesk({}.get, [parse_ocsp_response(one) for one in responses])
        found = judge_certificate(doctor.certificate, store(ca).asking(desk), at=NOW)
        return found.status, found.revocation

    other = OcspCa(NOW)
    foreign = Reply(ca=other, certificate=other.doctor().certificate, now=NOW).der()
    good, revoked = reply.der(), replace(reply, status=ocsp.REVOKED).der()
    unknown = CertStatus.REVOCATION_UNKNOWN
    assert verdict(good) == (CertStatus.GOOD, RevocationState.GOOD)
    assert verdict(foreign) == (CertStatus.GOOD, RevocationState.NO_LIST)
    assert verdict(foreign, other_certificate(ca, reply), good) == (CertStatus.GOOD, RevocationState.GOOD)
    assert verdict(other_certificate(ca, reply)) == (unknown, RevocationState.OCSP_WRONG_CERTIFICATE)
    assert verdict(ocsp.refusal(ocsp.TRY_LATER)) == (unknown, RevocationState.OCSP_TRY_LATER)
    assert verdict(good, revoked)[0] is CertStatus.REVOKED


def test_unknown_critical_extensions_are_not_passed_over(reply: Reply) -> None:
    parse_ocsp_response(replace(reply, extensions=(("1.2.3.4", False, NULL),)).der())
    with pytest.raises(DerError):
        parse_ocsp_response(replace(reply, extensions=(("1.2.3.4", True, NULL),)).der())


def test_the_nonce_is_read_with_and_without_its_octet_string(reply: Reply) -> None:
    for nonce in (octets(b"n" * 16), b"n" * 16):
        basic = parse_ocsp_response(replace(reply, extensions=((oids.OCSP_NONCE, False, nonce),)).der()).basic
        assert basic is not None
        assert basic.nonce == b"n" * 16


@pytest.mark.parametrize("status", [ocsp.GOOD, ocsp.REVOKED])
@pytest.mark.parametrize("delegated", [False, True])
def test_no_changed_bit_makes_an_answer_good(
    ca: OcspCa, doctor: Doctor, reply: Reply, status: str, delegated: bool
) -> None:
    """Bits all over the response, also those that nobody signed; and none of them ends in an exception."""
    whole = replace(reply, status=status, signer=ca.delegate() if delegated else None).der()
    trust, certificate, issuer = store(ca), doctor.certificate, ca.certificate
    for bit in range(random.randrange(7), len(whole) * 8, 7):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            found = judge_response(parse_ocsp_response(bytes(changed)), certificate, issuer, trust, NOW)
        except DerError:
            continue
        assert found.state is not RevocationState.GOOD, f"bit {bit} of {bytes(changed).hex()}"


@pytest.mark.parametrize("sm2", [False, True], ids=["rsa", "sm2"])
def test_an_independent_responder(tmp_path: Path, sm2: bool) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command")
    responder = OpensslResponder(openssl, tmp_path, sm2)
    responder.make()
    root, doctor = (load_certificates(responder.file(f"{name}.pem"))[0] for name in ("root", "doctor"))
    now = doctor.not_before + HOUR
    trust, question = TrustStore([root]), Question(doctor, root)
    nonce = b"0123456789abcdef" * 2

    def answer(hash_oid: str) -> CertVerdict:
        response = responder.answer(write_request(doctor, root, hash_oid, nonce))
        basic = parse_ocsp_response(response).basic
        assert basic is not None
        assert basic.nonce == nonce
        desk = OcspDesk({question.key: response}.get)
        return judge_certificate(doctor, trust.asking(desk), at=now, usage=Usage.SIGNATURE)

    for hash_oid in (*request_hashes(root), oids.SHA256):
        assert answer(hash_oid).revocation is RevocationState.GOOD
        assert answer(hash_oid).good
    responder.index("R\t491231235959Z\t200102030405Z,keyCompromise\t1234\tunknown\t/CN=doctor\n")
    revoked = answer(request_hashes(root)[0])
    assert revoked.status is CertStatus.REVOKED
    assert revoked.ocsp is not None
    assert revoked.ocsp.revocation is not None
    assert revoked.ocsp.revocation.reason == "keyCompromise"
    responder.index("V\t491231235959Z\t\t1235\tunknown\t/CN=other\n")
    assert answer(oids.SHA1).revocation is RevocationState.OCSP_UNKNOWN
