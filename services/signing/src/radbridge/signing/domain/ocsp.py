"""OCSP responses (RFC 6960): who answered, about which certificate, what, and for how long it counts.

A revocation in a genuine answer counts even when the answer is out of date; nothing else does. When it was produced is
the responder's own word, and whoever holds the key of an expired or revoked responder can date answers back. So a
responder must have been entitled when it says it answered, and for anything but a revocation still be so at the moment
of judging.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from radbridge.signing.domain import oids
from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.extensions import DIGITAL_SIGNATURE, NON_REPUDIATION
from radbridge.signing.domain.ocsp_id import hashed, key_octets
from radbridge.signing.domain.ocsp_response import (
    FUTURE_TOLERANCE,
    TRY_LATER,
    BasicResponse,
    CertificateStatus,
    OcspResponse,
    SingleAnswer,
)
from radbridge.signing.domain.revocation import Revocation, RevocationState

_KEY_HASHES = (oids.SHA1, oids.SM3, oids.SHA256)


@dataclass(frozen=True, slots=True)
class OcspFinding:
    """What became of asking about one certificate; `revocation` is set where it is revoked (`state` is then GOOD).
    `until` is set where `state` is GOOD: the end of the answer, or of its responder's certificate if that is sooner."""

    state: RevocationState
    response: OcspResponse | None = None
    answer: SingleAnswer | None = None
    until: datetime | None = None

    @property
    def revocation(self) -> Revocation | None:
        return self.answer.revocation if self.answer is not None and self.state is RevocationState.GOOD else None


class Authority(Protocol):
    """What judging needs of a trust store."""

    def link_verifies(self, certificate: Certificate, issuer: Certificate) -> bool: ...

    def listed(self, certificate: Certificate, issuer: Certificate) -> Revocation | None: ...

    def response_verifies(self, response: BasicResponse, signer: Certificate) -> bool: ...


def judge_response(
    response: OcspResponse, certificate: Certificate, issuer: Certificate, authority: Authority, now: datetime
) -> OcspFinding:
    """What `response` proves at `now` of `certificate`, issued by `issuer`. Never raises for what they contain."""
    basic = response.basic
    if basic is None:
        state = RevocationState.OCSP_TRY_LATER if response.status == TRY_LATER else RevocationState.OCSP_REFUSED
        return OcspFinding(state, response)
    if _signer(basic, certificate, issuer, authority, basic.produced_at) is None:
        return OcspFinding(RevocationState.OCSP_FORGED, response)
    about = [one for one in basic.answers if one.cert_id.names(certificate, issuer)]
    if not about:
        return OcspFinding(RevocationState.OCSP_WRONG_CERTIFICATE, response)
    revoked = [one for one in about if one.status is CertificateStatus.REVOKED]
    answer = max(revoked or about, key=lambda one: one.this_update)
    if answer.status is CertificateStatus.REVOKED:
        return OcspFinding(RevocationState.GOOD, response, answer, answer.valid_until)
    signer = _signer(basic, certificate, issuer, authority, max(basic.produced_at, now))
    if signer is None:
        return OcspFinding(RevocationState.OCSP_FORGED, response, answer)
    if basic.produced_at - now > FUTURE_TOLERANCE or not answer.is_current(now):
        return OcspFinding(RevocationState.OCSP_STALE, response, answer)
    if answer.status is CertificateStatus.UNKNOWN:
        return OcspFinding(RevocationState.OCSP_UNKNOWN, response, answer)
    until = answer.valid_until if signer is issuer else min(answer.valid_until, signer.not_after)
    return OcspFinding(RevocationState.GOOD, response, answer, until)


def _signer(
    basic: BasicResponse, certificate: Certificate, issuer: Certificate, authority: Authority, counted_at: datetime
) -> Certificate | None:
    """The CA itself if it signed, or a responder that it certified directly for that (RFC 6960 clause 4.2.2.2) and that
    was entitled from producedAt up to `counted_at`."""
    if _is_responder(basic, issuer) and authority.response_verifies(basic, issuer):
        return issuer
    entitled = (
        one
        for one in basic.certificates
        if _is_responder(basic, one)
        and one != certificate
        and _may_answer(one, issuer, authority, basic.produced_at, counted_at)
        and authority.response_verifies(basic, one)
    )
    return next(entitled, None)


def _is_responder(basic: BasicResponse, candidate: Certificate) -> bool:
    name, key_hash = basic.responder
    if name is not None:
        return name == candidate.subject_key
    return any(hashed(oid, key_octets(candidate)) == key_hash for oid in _KEY_HASHES)


def _may_answer(
    responder: Certificate, issuer: Certificate, authority: Authority, produced_at: datetime, counted_at: datetime
) -> bool:
    extensions = responder.extensions
    if oids.OCSP_SIGNING not in (extensions.extended_key_usage or ()) or extensions.unknown_critical:
        return False
    if not responder.may(DIGITAL_SIGNATURE | NON_REPUDIATION):
        return False
    if produced_at < responder.not_before or counted_at > responder.not_after:
        return False
    if responder.issuer_key != issuer.subject_key or not authority.link_verifies(responder, issuer):
        return False
    listed = None if extensions.ocsp_no_check else authority.listed(responder, issuer)
    return listed is None or listed.since > counted_at
