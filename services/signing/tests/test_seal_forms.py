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
