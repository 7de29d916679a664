"""Issuing SM2 certificates and revocation lists (RFC 5280, GB/T 20518): what an authority of our own signs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.der_write import (
    bits,
    encode,
    explicit,
    integer,
    octets,
    oid,
    sequence,
    set_of,
    time,
    true,
    utf8,
)
from radbridge.signing.domain.sm2_sign import Sm2PrivateKey
from radbridge.signing.domain.sm3 import sm3

SM2_WITH_SM3 = sequence(oid(oids.SM2_WITH_SM3))
SIGNING_USAGE = bits(b"\xc0", 6)
ENCRYPTION_USAGE = bits(b"\x38", 3)
CA_USAGE = bits(b"\x06", 1)
_COUNTRY, _ORGANISATION = "2.5.4.6", "2.5.4.10"
Extension = tuple[str, bool, bytes]


@dataclass(frozen=True)
class Issuer:
    """Who signs: a distinguished name and its key."""

    name: bytes
    key: Sm2PrivateKey


def distinguished_name(organisation: str, common_name: str) -> bytes:
    """C=CN, O, CN."""
    country = sequence(oid(_COUNTRY), encode(der.PRINTABLE_STRING, b"CN"))
    return sequence(
        set_of(country),
        set_of(sequence(oid(_ORGANISATION), utf8(organisation))),
        set_of(sequence(oid(oids.COMMON_NAME), utf8(common_name))),
    )


def ca_extensions(path_length: int | None) -> list[Extension]:
    limit = b"" if path_length is None else integer(path_length)
    return [(oids.BASIC_CONSTRAINTS, True, sequence(true(), limit)), (oids.KEY_USAGE, True, CA_USAGE)]


def end_entity_extensions(usage: bytes, *, purpose: str | None = None, identity: str | None = None) -> list[Extension]:
    """Key usage, and where given one extended key usage and the GB/T 20518 identity code of a person."""
    found: list[Extension] = [(oids.BASIC_CONSTRAINTS, True, sequence()), (oids.KEY_USAGE, True, usage)]
    if purpose is not None:
        found.append((oids.EXTENDED_KEY_USAGE, True, sequence(oid(purpose))))
    if identity is not None:
        found.append((oids.GM_PERSON_IDENTITY, False, encode(der.PRINTABLE_STRING, identity.encode())))
    return found


def issue_certificate(
    issuer: Issuer,
    *,
    subject: bytes,
    point: bytes,
    serial: int,
    not_before: datetime,
    not_after: datetime,
    extensions: Sequence[Extension],
) -> bytes:
    """The DER certificate of the SM2 key `point` (X‖Y), with both key identifiers added."""
    curve = sequence(oid(oids.EC_PUBLIC_KEY), oid(oids.SM2_CURVE))
    identifiers = [
        (oids.AUTHORITY_KEY_IDENTIFIER, False, sequence(encode(0x80, key_id(issuer.key.point)))),
        (oids.SUBJECT_KEY_IDENTIFIER, False, octets(key_id(point))),
    ]
    return _signed(
        issuer.key,
        explicit(0, integer(2)),
        integer(serial),
        SM2_WITH_SM3,
        issuer.name,
        sequence(time(not_before), time(not_after)),
        subject,
        sequence(curve, bits(b"\x04" + point)),
        explicit(3, _extensions([*identifiers, *extensions])),
    )


def issue_crl(
    issuer: Issuer,
    *,
    revoked: Mapping[int, datetime],
    number: int,
    this_update: datetime,
    next_update: datetime,
) -> bytes:
    """The DER revocation list of the serial numbers `revoked`, each with the moment from which it counts."""
    entries = [sequence(integer(serial), time(since)) for serial, since in revoked.items()]
    return _signed(
        issuer.key,
        integer(1),
        SM2_WITH_SM3,
        issuer.name,
        time(this_update),
        time(next_update),
        sequence(*entries) if entries else b"",
        explicit(
            0,
            _extensions(
                [
                    (oids.AUTHORITY_KEY_IDENTIFIER, False, sequence(encode(0x80, key_id(issuer.key.point)))),
                    (oids.CRL_NUMBER, False, integer(number)),
                ]
            ),
        ),
    )


def key_id(point: bytes) -> bytes:
    """A key identifier: the first 20 bytes of SM3 of the uncompressed point."""
    return sm3(b"\x04", point)[:20]


def _extensions(extensions: Sequence[Extension]) -> bytes:
    return sequence(
        *(sequence(oid(name), true() if critical else b"", octets(value)) for name, critical, value in extensions)
    )


def _signed(key: Sm2PrivateKey, *fields: bytes) -> bytes:
    to_be_signed = sequence(*fields)
    return sequence(to_be_signed, SM2_WITH_SM3, bits(key.sign(to_be_signed)))
