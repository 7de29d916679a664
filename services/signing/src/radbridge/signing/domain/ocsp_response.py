"""The structure of OCSP responses (RFC 6960 clause 4.2.1), read from their DER; what was signed is kept as sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.certificate import Certificate, parse_certificate
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.extensions import iterate_extensions
from radbridge.signing.domain.names import NameKey, name_key
from radbridge.signing.domain.ocsp_id import CertId
from radbridge.signing.domain.public_key import Scheme, certificate_scheme
from radbridge.signing.domain.revocation import REASONS, Revocation

MAX_OCSP_BYTES = 64 * 1024
FUTURE_TOLERANCE = timedelta(minutes=10)
"""How far a responder's clock may be ahead of ours."""
AGE_WITHOUT_NEXT_UPDATE = timedelta(days=1)
"""How long an answer counts whose responder does not say until when."""
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_MAX_ANSWERS, _MAX_CERTIFICATES = 256, 8
SUCCESSFUL, TRY_LATER = 0, 3
_STATUSES = frozenset({0, 1, 2, 3, 5, 6})


class CertificateStatus(StrEnum):
    """CertStatus of one answer."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SingleAnswer:
    """What a response says of one certificate."""

    cert_id: CertId
    status: CertificateStatus
    revocation: Revocation | None
    this_update: datetime
    next_update: datetime | None

    @property
    def valid_until(self) -> datetime:
        if self.next_update is not None:
            return self.next_update
        return min(self.this_update, _END_OF_TIME - AGE_WITHOUT_NEXT_UPDATE) + AGE_WITHOUT_NEXT_UPDATE

    def is_current(self, now: datetime) -> bool:
        return self.this_update - now <= FUTURE_TOLERANCE and now <= self.valid_until


@dataclass(frozen=True, eq=False, repr=False)
class BasicResponse:
    """A signed response; the responder is named by (name, None) or (None, key hash)."""

    tbs: bytes
    responder: tuple[NameKey | None, bytes | None]
    produced_at: datetime
    answers: tuple[SingleAnswer, ...]
    nonce: bytes | None
    scheme: Scheme | None
    signature: bytes
    certificates: tuple[Certificate, ...]


@dataclass(frozen=True, eq=False, repr=False)
class OcspResponse:
    """A response as sent; `basic` is there where responseStatus is successful."""

    raw: bytes
    status: int
    basic: BasicResponse | None


def parse_ocsp_response(data: bytes) -> OcspResponse:
    """The OCSPResponse that `data` (DER) is; DerError where malformed or of another type than basic."""
    if len(data) > MAX_OCSP_BYTES:
        raise DerError("OCSP response is too long")
    outer = der.parse(data).expect(der.SEQUENCE, "OCSPResponse").cursor()
    status = outer.take(der.ENUMERATED, "responseStatus").integer()
    tagged = outer.optional(der.context(0))
    outer.finish("OCSPResponse")
    if status not in _STATUSES or (tagged is None) is (status == SUCCESSFUL):
        raise DerError("responseStatus and responseBytes contradict each other")
    return OcspResponse(data, status, None if tagged is None else _basic(tagged))


def _basic(tagged: der.Element) -> BasicResponse:
    wrapper = tagged.cursor()
    typed = wrapper.take(der.SEQUENCE, "ResponseBytes").cursor()
    wrapper.finish("responseBytes")
    if typed.take(der.OID, "responseType").oid() != oids.OCSP_BASIC:
        raise DerError("the response type is not basic")
    data = typed.take(der.OCTET_STRING, "response").octets()
    typed.finish("ResponseBytes")

    outer = der.parse(data).expect(der.SEQUENCE, "BasicOCSPResponse").cursor()
    tbs = outer.take(der.SEQUENCE, "tbsResponseData")
    algorithm = outer.take(der.SEQUENCE, "signatureAlgorithm")
    signature = outer.take(der.BIT_STRING, "signature").bits()
    certificates = outer.optional(der.context(0))
    outer.finish("BasicOCSPResponse")

    fields = tbs.cursor()
    _version(fields)
    responder = _responder(fields.take(what="responderID"))
    produced_at = fields.take(der.GENERALIZED_TIME, "producedAt").time()
    answers = tuple(map(_single, fields.take(der.SEQUENCE, "responses").children(_MAX_ANSWERS)))
    extensions = _extensions(fields.optional(der.context(1)), understood=(oids.OCSP_NONCE,))
    fields.finish("ResponseData")
    nonce = extensions.get(oids.OCSP_NONCE)
    return BasicResponse(
        tbs=tbs.raw,
        responder=responder,
        produced_at=produced_at,
        answers=answers,
        nonce=None if nonce is None else _nonce(nonce),
        scheme=certificate_scheme(algorithm),
        signature=signature,
        certificates=() if certificates is None else _certificates(certificates),
    )


def _version(fields: der.Cursor) -> None:
    tagged = fields.optional(der.context(0))
    if tagged is not None:
        inner = tagged.cursor()
        if inner.take(der.INTEGER, "version").integer() != 0:
            raise DerError("ResponseData has version 1")
        inner.finish("version")


def _responder(element: der.Element) -> tuple[NameKey | None, bytes | None]:
    inner = element.cursor()
    by_name = element.tag == der.context(1)
    if not by_name:
        element.expect(der.context(2), "responderID")
    value = inner.take(what="responderID")
    inner.finish("responderID")
    return (name_key(value.raw), None) if by_name else (None, value.octets())


def _single(element: der.Element) -> SingleAnswer:
    fields = element.expect(der.SEQUENCE, "SingleResponse").cursor()
    cert_id = _cert_id(fields.take(der.SEQUENCE, "certID"))
    status, revocation = _status(fields.take(what="certStatus"))
    this_update = fields.take(der.GENERALIZED_TIME, "thisUpdate").time()
    tagged = fields.optional(der.context(0))
    next_update = None
    if tagged is not None:
        inner = tagged.cursor()
        next_update = inner.take(der.GENERALIZED_TIME, "nextUpdate").time()
        inner.finish("nextUpdate")
    # an answer's extensions may be those of a CRL entry (RFC 6960 clause 4.4.5)
    extensions = _extensions(fields.optional(der.context(1)), understood=(oids.CRL_REASON, oids.INVALIDITY_DATE))
    fields.finish("SingleResponse")
    if revocation is not None and oids.INVALIDITY_DATE in extensions:
        invalid_since = der.parse(extensions[oids.INVALIDITY_DATE]).time()
        revocation = Revocation(min(revocation.since, invalid_since), revocation.reason)
    return SingleAnswer(cert_id, status, revocation, this_update, next_update)


def _cert_id(element: der.Element) -> CertId:
    fields = element.cursor()
    algorithm = fields.take(der.SEQUENCE, "hashAlgorithm").cursor()
    hash_oid = algorithm.take(der.OID, "hashAlgorithm").oid()
    algorithm.optional(der.NULL)
    algorithm.finish("hashAlgorithm")
    found = CertId(
        hash_oid,
        fields.take(der.OCTET_STRING, "issuerNameHash").octets(),
        fields.take(der.OCTET_STRING, "issuerKeyHash").octets(),
        fields.take(der.INTEGER, "serialNumber").integer(),
    )
    fields.finish("CertID")
    return found


def _status(element: der.Element) -> tuple[CertificateStatus, Revocation | None]:
    if element.tag == der.context(1):
        fields = element.cursor()
        since = fields.take(der.GENERALIZED_TIME, "revocationTime").time()
        tagged = fields.optional(der.context(0))
        fields.finish("RevokedInfo")
        code = 0
        if tagged is not None:
            inner = tagged.cursor()
            code = inner.take(der.ENUMERATED, "revocationReason").integer()
            inner.finish("revocationReason")
        return CertificateStatus.REVOKED, Revocation(since, REASONS.get(code, REASONS[0]))
    simple = {
        der.context(0, constructed=False): CertificateStatus.GOOD,
        der.context(2, constructed=False): CertificateStatus.UNKNOWN,
    }
    if element.tag not in simple or element.content:
        raise DerError("certStatus is none of good, revoked and unknown")
    return simple[element.tag], None


def _extensions(tagged: der.Element | None, *, understood: Sequence[str]) -> dict[str, bytes]:
    if tagged is None:
        return {}
    listed = iterate_extensions(tagged)
    if any(critical and oid not in understood for oid, critical, _ in listed):
        raise DerError("the response has an unknown critical extension")
    return {oid: value for oid, _, value in listed}


def _nonce(value: bytes) -> bytes:
    """The nonce; some responders leave out the OCTET STRING around it."""
    try:
        return der.parse(value).octets()
    except DerError:
        return value


def _certificates(tagged: der.Element) -> tuple[Certificate, ...]:
    wrapper = tagged.cursor()
    listed = wrapper.take(der.SEQUENCE, "certs")
    wrapper.finish("certs")
    return tuple(parse_certificate(one.raw) for one in listed.children(_MAX_CERTIFICATES))
