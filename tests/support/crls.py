"""Revocation lists of every scope in tests (RFC 5280 clause 5.2), and certificates' names of distribution points."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from radbridge.signing.domain import issuing, oids
from radbridge.signing.domain.der_write import bits, encode, explicit, integer, octets, oid, sequence, time, true
from radbridge.signing.domain.issuing import Extension, Issuer

KEY_COMPROMISE, SUPERSEDED, HOLD, REMOVED = 1, 4, 6, 8
VALID_FOR = timedelta(days=30)
Entry = tuple[int, datetime, int | None]
"""Serial number, revocation date, reason."""


def write_crl(issuer: Issuer, *extensions: Extension, entries: Sequence[Entry] = (), at: datetime) -> bytes:
    """The list of ``entries`` with further extensions, from ``at`` on for ``VALID_FOR``."""
    key_id = sequence(encode(0x80, issuing.key_id(issuer.key.point)))
    listed = [(oids.AUTHORITY_KEY_IDENTIFIER, False, key_id), *extensions]
    to_be_signed = sequence(
        integer(1),
        issuing.SM2_WITH_SM3,
        issuer.name,
        time(at),
        time(at + VALID_FOR),
        sequence(*map(_entry, entries)) if entries else b"",
        explicit(0, sequence(*(_extension(*one) for one in listed))),
    )
    return sequence(to_be_signed, issuing.SM2_WITH_SM3, bits(issuer.key.sign(to_be_signed)))


def issuing_point(*fields: bytes) -> Extension:
    """issuingDistributionPoint."""
    return (oids.ISSUING_DISTRIBUTION_POINT, True, sequence(*fields))


def flag(number: int) -> bytes:
    """One of its fields that are TRUE: 1 users, 2 CAs, 4 indirect, 5 attribute certificates."""
    return encode(0x80 | number, b"\xff")


def url_point(*urls: bytes) -> bytes:
    """A distributionPoint of addresses."""
    return explicit(0, encode(0xA0, b"".join(encode(0x86, url) for url in urls)))


def directory_point(name: bytes) -> bytes:
    """A distributionPoint of a directory name."""
    return explicit(0, encode(0xA0, explicit(4, name)))


def relative_point(rdn: bytes) -> bytes:
    """A distributionPoint by what it adds to the issuer's name."""
    return explicit(0, encode(0xA1, rdn))


def _entry(entry: Entry) -> bytes:
    serial, since, reason = entry
    told = b"" if reason is None else sequence(_extension(oids.CRL_REASON, False, encode(0x0A, bytes([reason]))))
    return sequence(integer(serial), time(since), told)


def _extension(name: str, critical: bool, value: bytes) -> bytes:
    return sequence(oid(name), true() if critical else b"", octets(value))
