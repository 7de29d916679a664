"""Distinguished names (RFC 5280 clause 4.1.2.4) in comparable form, and single attributes of them."""

from __future__ import annotations

from functools import lru_cache

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.errors import DerError

NameKey = tuple[tuple[tuple[str, str], ...], ...]
_SHORT_NAMES = {
    oids.COMMON_NAME: "CN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
}


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


def name_text(raw: bytes) -> str:
    """A Name as text, the most telling attribute first, as in RFC 4514 but without its escapes: for people."""
    attributes = [attribute for rdn in reversed(_name(raw)) for attribute in rdn]
    return ", ".join(f"{_SHORT_NAMES.get(oid, oid)}={text}" for oid, text in attributes)


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
