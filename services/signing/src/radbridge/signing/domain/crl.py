"""Certificate revocation lists (RFC 5280 clause 5): serial numbers indexed in one pass, an entry read when asked for.

An entry whose date cannot be read counts as revoked from the beginning: a fault in a list never un-revokes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.certificate import Certificate, pem_blocks
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.extensions import CRL_SIGN, authority_key_id, iterate_extensions
from radbridge.signing.domain.names import NameKey, name_key
from radbridge.signing.domain.public_key import PublicKey, Scheme, certificate_scheme
from radbridge.signing.domain.revocation import REASONS, Revocation

MAX_CRL_BYTES = 64 * 1024 * 1024
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_UNDERSTOOD_EXTENSIONS = frozenset({oids.AUTHORITY_KEY_IDENTIFIER, oids.CRL_NUMBER, oids.ISSUING_DISTRIBUTION_POINT})


class CrlStatus(StrEnum):
    """What `judge_crl` and `judge_crl_among` answer; the first three are also the answers of the cases format."""

    GOOD = "good"
    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"
    MALFORMED = "malformed"
    NO_ISSUER = "no_issuer"


@dataclass(frozen=True, eq=False, repr=False)
class CertificateList:
    """One CRL with its index of serial number octets to the entry's offset in `raw`."""

    raw: bytes
    tbs: bytes
    issuer: bytes
    this_update: datetime
    next_update: datetime | None
    scheme: Scheme | None
    signature: bytes
    number: int | None
    authority_key_id: bytes | None
    index: dict[bytes, int]

    @property
    def issuer_key(self) -> NameKey:
        return name_key(self.issuer)

    def is_current(self, now: datetime) -> bool:
        """Whether `now` lies between thisUpdate and nextUpdate."""
        return self.this_update <= now and (self.next_update is None or now <= self.next_update)

    def is_signed_by(self, key: PublicKey | None) -> bool:
        return key is not None and self.scheme is not None and key.verify(self.scheme, self.tbs, self.signature)

    def find(self, serial: int) -> Revocation | None:
        """The entry of a serial number."""
        octets = serial.to_bytes((serial if serial >= 0 else ~serial).bit_length() // 8 + 1, "big", signed=True)
        offset = self.index.get(octets)
        return None if offset is None else _read_entry(self.raw, offset)


def parse_crl(data: bytes) -> CertificateList:
    """The complete, direct CRL that `data` (DER or PEM) is; DerError where malformed, a delta or an indirect one."""
    if len(data) > MAX_CRL_BYTES:
        raise DerError("CRL is too long")
    if data[:5] == b"-----":
        blocks = pem_blocks(data)
        if len(blocks) != 1:
            raise DerError("not one PEM block")
        data = blocks[0][1]
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
    _refuse_partial(extensions)
    number = extensions.get(oids.CRL_NUMBER)
    key_id = extensions.get(oids.AUTHORITY_KEY_IDENTIFIER)
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
        index={} if entries is None else _index(data, entries.body, entries.stop),
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
    return CrlStatus.GOOD, "吊销列表签名正确且在有效期内"


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
    preferred = (CrlStatus.GOOD, CrlStatus.STALE)
    return (*min(judged, key=lambda one: preferred.index(one[0]) if one[0] in preferred else len(preferred)), crl)


def _refuse_partial(extensions: dict[str, tuple[bool, bytes]]) -> None:
    for oid, (critical, value) in extensions.items():
        if oid == oids.DELTA_CRL_INDICATOR or (critical and oid not in _UNDERSTOOD_EXTENSIONS):
            raise DerError("delta CRL or unknown critical extension")
        if oid == oids.ISSUING_DISTRIBUTION_POINT and any(
            field.tag != der.context(0)
            for field in der.parse(value).expect(der.SEQUENCE, "distribution point").children(8)
        ):
            raise DerError("the CRL covers only some certificates or reasons")


def _index(data: bytes, position: int, stop: int) -> dict[bytes, int]:
    """Serial octets to entry offset. Reads lengths in place: 100,000 entries must not cost 100,000 objects each."""
    found: dict[bytes, int] = {}
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
        found[data[serial_start:serial_end]] = position
        position = end
    return found


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
                    reason = REASONS.get(value.integer(), "unspecified")
                elif oid == oids.INVALIDITY_DATE:
                    since = min(since, value.time())
    except DerError:
        return Revocation(BEGINNING, "unspecified")
    return Revocation(since, reason)
