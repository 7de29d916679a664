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
from radbridge.signing.domain.public_key import PublicKey, Scheme, certificate_scheme, parse_spki
from radbridge.signing.domain.sm3 import sm3

MAX_CERTIFICATE_BYTES = 64 * 1024
NameKey = tuple[tuple[tuple[str, str], ...], ...]

# Named bits of keyUsage, as Element.flags gives them (bit 0 highest of 16).
DIGITAL_SIGNATURE, NON_REPUDIATION, KEY_CERT_SIGN, CRL_SIGN = 1 << 15, 1 << 14, 1 << 10, 1 << 9
ENCRYPTION_USAGES = 1 << 13 | 1 << 12 | 1 << 11

_UNDERSTOOD_EXTENSIONS = frozenset(
    {
        oids.SUBJECT_KEY_IDENTIFIER,
        oids.KEY_USAGE,
        oids.SUBJECT_ALT_NAME,
        oids.BASIC_CONSTRAINTS,
        oids.CRL_DISTRIBUTION_POINTS,
        oids.CERTIFICATE_POLICIES,
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.EXTENDED_KEY_USAGE,
    }
)
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----")


@dataclass(frozen=True)
class Extensions:
    """What the checks need of a certificate's extensions; None where the extension is absent."""

    ca: bool = False
    path_length: int | None = None
    key_usage: int | None = None
    extended_key_usage: frozenset[str] | None = None
    subject_key_id: bytes | None = None
    authority_key_id: bytes | None = None
    unknown_critical: tuple[str, ...] = ()
    identity_codes: tuple[str, ...] = ()
    crl_urls: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
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
        extensions=_parse_extensions(extensions) if extensions is not None else Extensions(),
    )


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


def iterate_extensions(tagged: der.Element) -> list[tuple[str, bool, bytes]]:
    """(OID, critical, value) of the Extensions inside a context tag; DerError where one occurs twice."""
    wrapper = tagged.cursor()
    listed = wrapper.take(der.SEQUENCE, "extensions")
    wrapper.finish("extensions")
    found: list[tuple[str, bool, bytes]] = []
    for extension in listed.children(limit=64):
        fields = extension.expect(der.SEQUENCE, "Extension").cursor()
        oid = fields.take(der.OID, "extnID").oid()
        critical = fields.optional(der.BOOLEAN)
        found.append(
            (oid, critical is not None and critical.boolean(), fields.take(der.OCTET_STRING, "extnValue").octets())
        )
        fields.finish("Extension")
    if len({oid for oid, _, _ in found}) != len(found):
        raise DerError("an extension occurs twice")
    return found


def _parse_extensions(tagged: der.Element) -> Extensions:
    listed = iterate_extensions(tagged)
    values = {oid: value for oid, _, value in listed}
    ca, path_length = _basic_constraints(values.get(oids.BASIC_CONSTRAINTS))
    key_usage = values.get(oids.KEY_USAGE)
    purposes = values.get(oids.EXTENDED_KEY_USAGE)
    subject_key_id = values.get(oids.SUBJECT_KEY_IDENTIFIER)
    return Extensions(
        ca=ca,
        path_length=path_length,
        key_usage=None if key_usage is None else der.parse(key_usage).flags(),
        extended_key_usage=None
        if purposes is None
        else frozenset(
            purpose.oid() for purpose in der.parse(purposes).expect(der.SEQUENCE, "extKeyUsage").children(64)
        ),
        subject_key_id=None if subject_key_id is None else der.parse(subject_key_id).octets(),
        authority_key_id=authority_key_id(values.get(oids.AUTHORITY_KEY_IDENTIFIER)),
        unknown_critical=tuple(
            oid
            for oid, critical, _ in listed
            if critical and oid not in _UNDERSTOOD_EXTENSIONS and not oid.startswith(oids.GM_IDENTITY_PREFIX)
        ),
        identity_codes=tuple(_identity_code(value) for oid, _, value in listed if oid == oids.GM_PERSON_IDENTITY),
        crl_urls=_crl_urls(values.get(oids.CRL_DISTRIBUTION_POINTS)),
    )


def _basic_constraints(value: bytes | None) -> tuple[bool, int | None]:
    if value is None:
        return False, None
    fields = der.parse(value).expect(der.SEQUENCE, "basicConstraints").cursor()
    ca = fields.optional(der.BOOLEAN)
    length = fields.optional(der.INTEGER)
    fields.finish("basicConstraints")
    return ca is not None and ca.boolean(), None if length is None else length.integer()


def authority_key_id(value: bytes | None) -> bytes | None:
    """The keyIdentifier of an AuthorityKeyIdentifier extension."""
    if value is None:
        return None
    for field in der.parse(value).expect(der.SEQUENCE, "authorityKeyIdentifier").children(3):
        if field.tag == der.context(0, constructed=False):
            return field.content
    return None


def _identity_code(value: bytes) -> str:
    """The text of an identity extension, whatever string or tagged string its maker used."""
    try:
        element = der.parse(value)
        while element.tag & 0x20:
            element = element.cursor().take()
        return element.content.decode("utf-8", "replace")
    except DerError:
        return ""


def _crl_urls(value: bytes | None) -> tuple[str, ...]:
    """The http and https addresses of cRLDistributionPoints; an odd form yields none, for they are hints only."""
    if value is None:
        return ()
    urls: list[str] = []
    try:
        for point in der.parse(value).children(16):
            for name in point.cursor().take(der.context(0)).cursor().take(der.context(0)).children(16):
                text = name.content.decode("ascii", "replace")
                if name.tag == der.context(6, constructed=False) and text.startswith(("http://", "https://")):
                    urls.append(text)
    except DerError:
        return ()
    return tuple(urls)


@lru_cache(maxsize=4096)
def name_key(raw: bytes) -> NameKey:
    """A Name in comparable form: string types, case and runs of blanks do not count (RFC 5280 clause 7.1)."""
    return tuple(
        tuple(sorted((oid, " ".join(text.casefold().split())) for oid, text in attributes)) for attributes in _name(raw)
    )


def name_attribute(raw: bytes, wanted: str) -> str:
    """The last attribute `wanted` of a Name, empty where absent."""
    found = ""
    for attributes in _name(raw):
        for oid, text in attributes:
            if oid == wanted:
                found = text
    return found


def _name(raw: bytes) -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for rdn in der.parse(raw).expect(der.SEQUENCE, "Name").children(64):
        attributes: list[tuple[str, str]] = []
        for attribute in rdn.expect(der.SET, "RelativeDistinguishedName").children(16):
            fields = attribute.expect(der.SEQUENCE, "AttributeTypeAndValue").cursor()
            oid, value = fields.take(der.OID).oid(), fields.take()
            try:
                attributes.append((oid, value.text()))
            except DerError:
                attributes.append((oid, value.raw.hex()))
        found.append(attributes)
    return found
