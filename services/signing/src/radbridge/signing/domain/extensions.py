"""Extensions of certificates and revocation lists (RFC 5280 clause 4.2, GB/T 20518)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.errors import DerError

# Named bits of keyUsage, as Element.flags gives them (bit 0 highest of 16).
DIGITAL_SIGNATURE, NON_REPUDIATION, KEY_CERT_SIGN, CRL_SIGN = 1 << 15, 1 << 14, 1 << 10, 1 << 9
ENCRYPTION_USAGES = 1 << 13 | 1 << 12 | 1 << 11

_UNDERSTOOD_EXTENSIONS = frozenset(
    {
        oids.SUBJECT_KEY_IDENTIFIER,
        oids.KEY_USAGE,
        oids.SUBJECT_ALT_NAME,
        oids.BASIC_CONSTRAINTS,
        oids.NAME_CONSTRAINTS,
        oids.CRL_DISTRIBUTION_POINTS,
        oids.CERTIFICATE_POLICIES,
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.EXTENDED_KEY_USAGE,
        oids.AUTHORITY_INFO_ACCESS,
        oids.OCSP_NO_CHECK,
    }
)
_HTTP_ADDRESS = re.compile(r"https?://[!-~]{1,2000}")


@dataclass(frozen=True)
class Extensions:
    """What the checks need of a certificate's extensions; None where the extension is absent."""

    ca: bool = False
    path_length: int | None = None
    key_usage: int | None = None
    extended_key_usage: frozenset[str] | None = None
    extended_key_usage_critical: bool = False
    subject_key_id: bytes | None = None
    authority_key_id: bytes | None = None
    unknown_critical: tuple[str, ...] = ()
    identity_codes: tuple[str, ...] = ()
    crl_points: bytes | None = None
    """The cRLDistributionPoints as sent, and so the next two."""
    name_constraints: bytes | None = None
    alternative_names: bytes | None = None
    ocsp_urls: tuple[str, ...] = ()
    ocsp_no_check: bool = False


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


def parse_extensions(tagged: der.Element) -> Extensions:
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
        extended_key_usage_critical=(oids.EXTENDED_KEY_USAGE, True) in ((oid, critical) for oid, critical, _ in listed),
        subject_key_id=None if subject_key_id is None else der.parse(subject_key_id).octets(),
        authority_key_id=authority_key_id(values.get(oids.AUTHORITY_KEY_IDENTIFIER)),
        unknown_critical=tuple(
            oid
            for oid, critical, _ in listed
            if critical and oid not in _UNDERSTOOD_EXTENSIONS and not oid.startswith(oids.GM_IDENTITY_PREFIX)
        ),
        identity_codes=tuple(_identity_code(value) for oid, _, value in listed if oid == oids.GM_PERSON_IDENTITY),
        crl_points=values.get(oids.CRL_DISTRIBUTION_POINTS),
        name_constraints=values.get(oids.NAME_CONSTRAINTS),
        alternative_names=values.get(oids.SUBJECT_ALT_NAME),
        ocsp_urls=_ocsp_urls(values.get(oids.AUTHORITY_INFO_ACCESS)),
        ocsp_no_check=oids.OCSP_NO_CHECK in values,
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


def _ocsp_urls(value: bytes | None) -> tuple[str, ...]:
    """The http and https addresses of id-ad-ocsp in authorityInfoAccess; an odd form yields none: they are hints."""
    if value is None:
        return ()
    urls: list[str] = []
    try:
        for description in der.parse(value).expect(der.SEQUENCE, "authorityInfoAccess").children(16):
            fields = description.cursor()
            method, location = fields.take(der.OID).oid(), fields.take()
            text = location.content.decode("ascii", "replace")
            named = method == oids.OCSP_RESPONDER and location.tag == der.context(6, constructed=False)
            if named and _HTTP_ADDRESS.fullmatch(text):
                urls.append(text)
    except DerError:
        return ()
    return tuple(urls)
