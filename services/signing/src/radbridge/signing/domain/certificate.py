"""X.509 certificates (RFC 5280, GB/T 20518) read by walking their DER; the bytes that were signed are kept as sent."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.errors import DerError, KeyFormError
from radbridge.signing.domain.extensions import Extensions, parse_extensions
from radbridge.signing.domain.names import NameKey, name_attribute, name_key
from radbridge.signing.domain.public_key import PublicKey, Scheme, certificate_scheme, parse_spki
from radbridge.signing.domain.sm3 import sm3

MAX_CERTIFICATE_BYTES = 64 * 1024
_REMEMBERED_BYTES = 4096

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----")


@dataclass(frozen=True, eq=False, repr=False)
class Certificate:
    """One certificate. `key` is None where its algorithm is not supported, `scheme` where the issuer's is not."""

    raw: bytes
    tbs: bytes
    version: int
    serial: int
    issuer: bytes
    subject: bytes
    not_before: datetime
    not_after: datetime
    key: PublicKey | None
    spki: bytes
    scheme: Scheme | None
    signature: bytes
    extensions: Extensions

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and other.raw == self.raw

    def __repr__(self) -> str:
        """Without the names: a repr ends up in logs."""
        return f"Certificate(serial={self.serial_hex}, sm3={self.fingerprint[:16]})"

    def __hash__(self) -> int:
        return hash(self.raw)

    @property
    def serial_hex(self) -> str:
        return f"{self.serial:X}" if self.serial >= 0 else f"-{-self.serial:X}"

    @cached_property
    def fingerprint(self) -> str:
        """SM3 of the whole certificate, hex: names it in evidence without personal data."""
        return sm3(self.raw).hex()

    @property
    def issuer_key(self) -> NameKey:
        return name_key(self.issuer)

    @property
    def subject_key(self) -> NameKey:
        return name_key(self.subject)

    @property
    def common_name(self) -> str:
        """The subject's last CN as sent, empty where it has none. Personal data."""
        return name_attribute(self.subject, oids.COMMON_NAME)

    def may(self, usage_bits: int) -> bool:
        """Whether keyUsage allows one of `usage_bits`; a certificate without keyUsage allows all (RFC 5280 4.2.1.3)."""
        return self.extensions.key_usage is None or bool(self.extensions.key_usage & usage_bits)


def parse_certificate(data: bytes) -> Certificate:
    """The certificate that `data` (DER) is; DerError where it is malformed or longer than MAX_CERTIFICATE_BYTES."""
    if len(data) > MAX_CERTIFICATE_BYTES:
        raise DerError("certificate is too long")
    return _parse_known(data) if len(data) <= _REMEMBERED_BYTES else _parse(data)


def _parse(data: bytes) -> Certificate:
    outer = der.parse(data).expect(der.SEQUENCE, "Certificate").cursor()
    tbs = outer.take(der.SEQUENCE, "tbsCertificate")
    algorithm = outer.take(der.SEQUENCE, "signatureAlgorithm")
    signature = outer.take(der.BIT_STRING, "signature").bits()
    outer.finish("Certificate")

    fields = tbs.cursor()
    version = _version(fields)
    serial = fields.take(der.INTEGER, "serialNumber").integer()
    if fields.take(der.SEQUENCE, "signature").raw != algorithm.raw:
        raise DerError("the two signature algorithms of the certificate differ")
    issuer = fields.take(der.SEQUENCE, "issuer").raw
    validity = fields.take(der.SEQUENCE, "validity").cursor()
    not_before, not_after = validity.take().time(), validity.take().time()
    validity.finish("validity")
    subject = fields.take(der.SEQUENCE, "subject").raw
    spki = fields.take(der.SEQUENCE, "subjectPublicKeyInfo")
    fields.optional(der.context(1, constructed=False))
    fields.optional(der.context(2, constructed=False))
    extensions = fields.optional(der.context(3))
    fields.finish("tbsCertificate")
    # Names are compared later, where nothing may raise any more.
    name_key(issuer)
    name_key(subject)
    try:
        key = parse_spki(spki)
    except KeyFormError:
        key = None
    return Certificate(
        raw=data,
        tbs=tbs.raw,
        version=version,
        serial=serial,
        issuer=issuer,
        subject=subject,
        not_before=not_before,
        not_after=not_after,
        key=key,
        spki=spki.raw,
        scheme=certificate_scheme(algorithm),
        signature=signature,
        extensions=parse_extensions(extensions) if extensions is not None else Extensions(),
    )


# The same few doctors sign all day: reading a certificate anew costs a sixth of verifying with it.
_parse_known = lru_cache(maxsize=2048)(_parse)


def load_certificates(data: bytes) -> list[Certificate]:
    """All certificates of a PEM file, or the one of a DER file or of its base64 text; DerError where there is none."""
    blocks = pem_blocks(data)
    if blocks:
        found = [parse_certificate(content) for label, content in blocks if "CERTIFICATE" in label]
        if not found:
            raise DerError("the PEM file has no certificate")
        return found
    return [parse_certificate(der_or_base64(data))]


def pem_blocks(data: bytes) -> list[tuple[str, bytes]]:
    """(label, content) of every PEM block; DerError where a block is not base64."""
    try:
        return [
            (match[1].decode(), base64.b64decode(b"".join(match[2].split()), validate=True))
            for match in _PEM.finditer(data)
        ]
    except binascii.Error:
        raise DerError("a PEM block is not base64") from None


def der_or_base64(data: bytes) -> bytes:
    """`data` itself where it begins like DER, else what it is the base64 text of; DerError where it is neither."""
    if data[:1] == b"\x30":
        return data
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        raise DerError("neither DER nor base64") from None


def _version(fields: der.Cursor) -> int:
    tagged = fields.optional(der.context(0))
    if tagged is None:
        return 1
    inner = tagged.cursor()
    version = inner.take(der.INTEGER, "version").integer() + 1
    inner.finish("version")
    if version not in (1, 2, 3):
        raise DerError("no such certificate version")
    return version
