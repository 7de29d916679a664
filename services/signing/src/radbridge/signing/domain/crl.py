"""Certificate revocation lists (RFC 5280 clause 5): serial numbers indexed in one pass, an entry read when asked for.

An entry whose date cannot be read counts as revoked from the beginning, and of several entries of one serial number the
earliest counts: a fault in a list never un-revokes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.certificate import Certificate, der_or_base64, pem_blocks
from radbridge.signing.domain.crl_scope import Scope, list_scope
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.extensions import CRL_SIGN, authority_key_id, iterate_extensions
from radbridge.signing.domain.names import NameKey, name_key
from radbridge.signing.domain.public_key import PublicKey, Scheme, certificate_scheme
from radbridge.signing.domain.revocation import REASONS, Revocation, earliest

MAX_CRL_BYTES = 64 * 1024 * 1024
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_REMOVED = "removeFromCRL"
_REASONS = {**REASONS, 8: _REMOVED}


class CrlStatus(StrEnum):
    """What `judge_crl` and `judge_crl_among` answer; the first three are also the answers of the cases format.

    PARTIAL and INDIRECT are genuine and current, yet no certificate is good for not being listed there: the former
    still revoke what they list, the latter, which speak of other issuers' certificates, are not used.
    """

    GOOD = "good"
    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"
    PARTIAL = "partial"
    INDIRECT = "indirect"
    MALFORMED = "malformed"
    NO_ISSUER = "no_issuer"


@dataclass(frozen=True, eq=False, repr=False)
class CertificateList:
    """One CRL with its index of serial number octets to the entry's offset in `raw`; `repeated` has the further offsets
    of those that are listed more than once."""

    raw: bytes
    tbs: bytes
    issuer: bytes
    this_update: datetime
    next_update: datetime | None
    scheme: Scheme | None
    signature: bytes
    number: int | None
    authority_key_id: bytes | None
    scope: Scope
    index: dict[bytes, int]
    repeated: dict[bytes, list[int]]

    @property
    def issuer_key(self) -> NameKey:
        return name_key(self.issuer)

    def is_current(self, now: datetime) -> bool:
        """Whether `now` lies between thisUpdate and nextUpdate."""
        return self.this_update <= now and (self.next_update is None or now <= self.next_update)

    def is_signed_by(self, key: PublicKey | None) -> bool:
        return key is not None and self.scheme is not None and key.verify(self.scheme, self.tbs, self.signature)

    def find(self, serial: int) -> Revocation | None:
        """What the entries of a serial number say; None where it is not listed."""
        octets = serial.to_bytes((serial if serial >= 0 else ~serial).bit_length() // 8 + 1, "big", signed=True)
        offset = self.index.get(octets)
        if offset is None:
            return None
        entry = _read_entry(self.raw, offset)
        if octets in self.repeated:
            entry = earliest([entry, *(_read_entry(self.raw, one) for one in self.repeated[octets])])
        # a delta list tells so of a certificate whose hold ended; in any other list the reason must not occur
        return None if self.scope.delta and entry.reason == _REMOVED else entry


def parse_crl(data: bytes) -> CertificateList:
    """The CRL that `data` (DER, its base64 text or PEM) is, of whatever scope; DerError where malformed."""
    if len(data) > MAX_CRL_BYTES:
        raise DerError("CRL is too long")
    if data[:5] == b"-----":
        blocks = pem_blocks(data)
        if len(blocks) != 1:
            raise DerError("not one PEM block")
        data = blocks[0][1]
    data = der_or_base64(data)
    outer = der.parse(data).expect(der.SEQUENCE, "CertificateList").cursor()
    tbs = outer.take(der.SEQUENCE, "tbsCertList")
    algorithm = outer.take(der.SEQUENCE, "signatureAlgorithm")
    signature = outer.take(der.BIT_STRING, "signature").bits()
    outer.finish("CertificateList")

    fields = tbs.cursor()
    fields.optional(der.INTEGER)
    if fields.take(der.SEQUENCE, "signature").raw != algorithm.raw:
        raise DerError("the two signature algorithms of the CRL differ")
    issuer = fields.take(der.SEQUENCE, "issuer").raw
    name_key(issuer)
    this_update = fields.take().time()
    next_update = fields.take().time() if fields.peek() in (der.UTC_TIME, der.GENERALIZED_TIME) else None
    entries = fields.optional(der.SEQUENCE)
    tagged = fields.optional(der.context(0))
    fields.finish("tbsCertList")
    extensions = {oid: (critical, value) for oid, critical, value in iterate_extensions(tagged)} if tagged else {}
    number = extensions.get(oids.CRL_NUMBER)
    key_id = extensions.get(oids.AUTHORITY_KEY_IDENTIFIER)
    index, repeated = ({}, {}) if entries is None else _index(data, entries.body, entries.stop)
    return CertificateList(
        raw=data,
        tbs=tbs.raw,
        issuer=issuer,
        this_update=this_update,
        next_update=next_update,
        scheme=certificate_scheme(algorithm),
        signature=signature,
        number=None if number is None else der.parse(number[1]).integer(),
        authority_key_id=None if key_id is None else authority_key_id(key_id[1]),
        scope=list_scope(extensions, issuer),
        index=index,
        repeated=repeated,
    )


def judge_crl(data: bytes, issuer: Certificate, now: datetime) -> tuple[CrlStatus, str, CertificateList | None]:
    """Whether the CRL is `issuer`'s own and current at `now`: status, reason in Chinese, the list where it parses."""
    try:
        crl = parse_crl(data)
    except DerError as fault:
        return CrlStatus.MALFORMED, f"吊销列表格式错误：{fault}", None
    return (*_judge_parsed(crl, issuer, now), crl)


def _judge_parsed(crl: CertificateList, issuer: Certificate, now: datetime) -> tuple[CrlStatus, str]:
    if crl.issuer_key != issuer.subject_key or not issuer.may(CRL_SIGN) or not crl.is_signed_by(issuer.key):
        return CrlStatus.BAD_SIGNATURE, "吊销列表不是该证书颁发者签发的，或签名错误"
    if not crl.is_current(now):
        why = "尚未生效" if crl.this_update > now else "已过下次更新时间"
        return CrlStatus.STALE, f"吊销列表{why}"
    if crl.scope.indirect:
        return CrlStatus.INDIRECT, "间接吊销列表（indirectCRL）不受支持，未采用"
    status = CrlStatus.PARTIAL if crl.scope.partial else CrlStatus.GOOD
    return status, "吊销列表签名正确且在有效期内" + (f"；{crl.scope.told}" if crl.scope.told else "")


def judge_crl_among(
    data: bytes, known: Iterable[Certificate], now: datetime
) -> tuple[CrlStatus, str, CertificateList | None]:
    """`judge_crl` by those of the `known` certificates that have the issuer's name; one whose list it is decides."""
    try:
        crl = parse_crl(data)
    except DerError as fault:
        return CrlStatus.MALFORMED, f"吊销列表格式错误：{fault}", None
    judged = [_judge_parsed(crl, one, now) for one in known if one.subject_key == crl.issuer_key]
    if not judged:
        return CrlStatus.NO_ISSUER, "找不到吊销列表颁发者的证书", crl
    return (*min(judged, key=lambda one: one[0] is CrlStatus.BAD_SIGNATURE), crl)


def vouched_for(judged: Iterable[tuple[CrlStatus, str, CertificateList | None]]) -> set[NameKey]:
    """The issuers of whom one list is good; beside it a partial one of theirs does no harm."""
    return {crl.issuer_key for status, _, crl in judged if crl is not None and status is CrlStatus.GOOD}


def _index(data: bytes, position: int, stop: int) -> tuple[dict[bytes, int], dict[bytes, list[int]]]:
    """Serial octets to the first entry's offset, and to those of further ones. Reads lengths in place: 100,000 entries
    must not cost 100,000 objects each."""
    found: dict[bytes, int] = {}
    repeated: dict[bytes, list[int]] = {}
    while position < stop:
        if position + 4 > stop or data[position] != der.SEQUENCE:
            raise DerError("a CRL entry is no SEQUENCE")
        length = data[position + 1]
        if length < 0x80:
            body, end = position + 2, position + 2 + length
        else:
            entry = der.read(data, position, stop)
            body, end = entry.body, entry.end
        serial_start = body + 2
        serial_end = serial_start + data[body + 1] if serial_start < end else end + 1
        if end > stop or serial_end > end or data[body] != der.INTEGER or data[body + 1] > 0x7F:
            raise DerError("a CRL entry has no serial number")
        serial = data[serial_start:serial_end]
        if found.setdefault(serial, position) != position:
            repeated.setdefault(serial, []).append(position)
        position = end
    return found, repeated


def _read_entry(data: bytes, offset: int) -> Revocation:
    try:
        fields = der.read(data, offset, len(data)).cursor()
        fields.take(der.INTEGER)
        since = fields.take().time()
        reason = "unspecified"
        if (tagged := fields.optional(der.SEQUENCE)) is not None:
            for extension in tagged.children(16):
                parts = extension.cursor()
                oid = parts.take(der.OID).oid()
                parts.optional(der.BOOLEAN)
                value = der.parse(parts.take(der.OCTET_STRING).octets())
                if oid == oids.CRL_REASON:
                    reason = _REASONS.get(value.integer(), "unspecified")
                elif oid == oids.INVALIDITY_DATE:
                    since = min(since, value.time())
    except DerError:
        return Revocation(BEGINNING, "unspecified")
    return Revocation(since, reason)
