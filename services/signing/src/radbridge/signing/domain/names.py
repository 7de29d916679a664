"""Distinguished names (RFC 5280 clause 4.1.2.4) in comparable form, and single attributes of them."""

from __future__ import annotations

from functools import lru_cache

from radbridge.signing.domain import der
from radbridge.signing.domain.errors import DerError

NameKey = tuple[tuple[tuple[str, str], ...], ...]


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
