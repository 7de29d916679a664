"""SES seals of three generations, put together element by element: what their forms allow, and what they prove."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.der_write import (
    bits,
    encode,
    explicit,
    generalized_time,
    integer,
    octets,
    oid,
    sequence,
    utf8,
)
from radbridge.signing.domain.ses import SesVerdict, judge_ses
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.trial_pki import TrialAuthority
from radbridge.signing.trial_seal import TrialSealer

DOCUMENT = "报告全文".encode()
DAY = timedelta(days=1)
ALGORITHM = oid(oids.SM2_WITH_SM3)


def ia5(text: str) -> bytes:
    return encode(der.IA5_STRING, text.encode())


def seal_1(sealer: TrialSealer, valid_to: datetime, *, sign_info: Sequence[int] = (0, 1, 2)) -> bytes:
    """A seal of version 1; `sign_info` picks the elements of its signInfo."""
    start = generalized_time(sealer.authority.now - 300 * DAY)
    info = sequence(
        sequence(ia5("ES"), integer(1), ia5("TRIAL")),
        ia5("TRIALSEAL1"),
        sequence(
            integer(1), utf8("章"), sequence(octets(sealer.unit.cert_der)), start, start, generalized_time(valid_to)
        ),
        sequence(ia5("png"), octets(b"picture"), integer(40), integer(40)),
    )
    maker = octets(sealer.maker.cert_der)
    signature = bits(sealer.maker.key.sign(sequence(info, maker, ALGORITHM)))
    elements = (maker, ALGORITHM, signature)
    return sequence(info, sequence(*(elements[index] for index in sign_info)))


def ses_1(sealer: TrialSealer, seal: bytes, time_info: bytes) -> bytes:
    certificate = octets(sealer.unit.cert_der)
    signed = sequence(integer(1), seal, bits(time_info), bits(sm3(DOCUMENT)), ia5("p"), certificate, ALGORITHM)
    return sequence(signed, bits(sealer.unit.key.sign(signed)))


def ses_4(sealer: TrialSealer, time: bytes, *, seal: bytes | None = None, stamped_at: datetime | None = None) -> bytes:
    signed = sequence(integer(4), seal or sealer.seal, time, bits(sm3(DOCUMENT)), ia5("p"))
    signature = sealer.unit.key.sign(signed)
    stamp = b"" if stamped_at is None else explicit(0, bits(sealer.authority.timestamp(signature, stamped_at)))
    return sequence(signed, octets(sealer.unit.cert_der), ALGORITHM, bits(signature), stamp)


@pytest.fixture(scope="module")
def sealer(authority: TrialAuthority) -> TrialSealer:
    return TrialSealer.create(authority, "某某医院")


@pytest.fixture
def store(authority: TrialAuthority) -> TrustStore:
    return authority.trust_store()


def judged(value: bytes, store: TrustStore, now: datetime) -> SesVerdict:
    return judge_ses(value, DOCUMENT, store, now=now)


@pytest.mark.parametrize("sign_info", [(), (0,), (0, 1), (0, 1, 2, 2)])
def test_a_seals_sign_info_has_three_elements(
    sealer: TrialSealer, store: TrustStore, now: datetime, sign_info: tuple[int, ...], caplog: pytest.LogCaptureFixture
) -> None:
    moment = f"{now:%y%m%d%H%M%S}Z".encode()
    whole = seal_1(sealer, now + DAY)
    assert judged(ses_1(sealer, whole, moment), store, now).word == "valid"
    other = seal_1(sealer, now + DAY, sign_info=sign_info)
    assert judged(ses_1(sealer, other, moment), store, now).word == "malformed"
    assert not caplog.records  # a fault that is known, not one that the net caught


def test_a_token_for_the_time_must_be_over_the_document(sealer: TrialSealer, store: TrustStore, now: datetime) -> None:
    stamp = sealer.authority.timestamp
    for data, word in ((DOCUMENT, "valid"), (sm3(DOCUMENT), "valid"), (b"any other", "timestamp_invalid")):
        verdict = judged(ses_1(sealer, seal_1(sealer, now + DAY), stamp(data, now)), store, now)
        assert (verdict.word, verdict.signing_time) == (word, now)
    # Otherwise an old token over anything would make a seal of an expired one.
    expired = ses_1(sealer, seal_1(sealer, now - 5 * DAY), stamp(b"any other", now - 10 * DAY))
    assert judged(expired, store, now).word == "timestamp_invalid"


def test_a_token_inside_the_signed_part_proves_nothing_against_a_revocation(now: datetime) -> None:
    authority = TrialAuthority.create(now)
    sealer = TrialSealer.create(authority, "A")
    authority.revoke(sealer.unit, now - 5 * DAY)
    store = authority.trust_store()
    for data in (DOCUMENT, b"any other"):
        old = authority.timestamp(data, now - 10 * DAY)
        assert judged(ses_1(sealer, seal_1(sealer, now + DAY), old), store, now).word == "cert_revoked"
    # What lies outside, over the signature value, does.
    before = ses_4(sealer, generalized_time(now - 10 * DAY), stamped_at=now - 10 * DAY)
    assert judged(before, store, now).word == "valid"


def test_version_4_has_a_time_and_no_token_for_it(sealer: TrialSealer, store: TrustStore, now: datetime) -> None:
    assert judged(ses_4(sealer, generalized_time(now)), store, now).word == "valid"
    token = sealer.authority.timestamp(DOCUMENT, now)
    assert judged(ses_4(sealer, bits(token)), store, now).word == "malformed"


def test_a_timestamp_cannot_be_older_than_the_time_that_is_signed(
    sealer: TrialSealer, store: TrustStore, now: datetime
) -> None:
    claimed = generalized_time(now - DAY)
    words = [
        judged(ses_4(sealer, claimed, stamped_at=now - DAY - age), store, now).word
        for age in (timedelta(minutes=9), timedelta(minutes=11), 9 * DAY)
    ]
    assert words == ["valid", "timestamp_invalid", "timestamp_invalid"]
    verdict = judged(ses_4(sealer, claimed, stamped_at=now - 2 * DAY), store, now)
    assert verdict.reason == "签章的时间戳早于签章时间"


def test_a_signature_that_a_timestamp_shows_before_its_seals_period_is_not_valid(
    authority: TrialAuthority, store: TrustStore, now: datetime
) -> None:
    sealer = TrialSealer.create(authority, "B", valid_from=now - DAY)
    early = now - DAY - timedelta(minutes=5)
    claimed = generalized_time(now - DAY + timedelta(minutes=1))
    assert judged(ses_4(sealer, claimed), store, now).word == "valid"
    assert judged(ses_4(sealer, claimed, stamped_at=early), store, now).word == "seal_not_yet_valid"


def test_nothing_but_a_timestamp_may_follow_in_a_seal(sealer: TrialSealer, store: TrustStore, now: datetime) -> None:
    parts = [part.raw for part in der.parse(sealer.seal).children()]
    for tail, word in (
        (b"", "valid"),
        (explicit(0, bits(b"token")), "valid"),
        (explicit(0, integer(5)), "malformed"),
        (explicit(0, bits(b"token"), integer(5)), "malformed"),
        (integer(5), "malformed"),
    ):
        seal = sequence(*parts, tail)
        assert judged(ses_4(sealer, generalized_time(now), seal=seal), store, now).word == word
