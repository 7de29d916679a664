"""CertID (RFC 6960 clause 4.1.1): how OCSP names a certificate, by hashes of its issuer and its serial number."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.cms import digest
from radbridge.signing.domain.der_write import NULL, explicit, integer, octets, oid, sequence
from radbridge.signing.domain.public_key import Sm2PublicKey


@dataclass(frozen=True, slots=True)
class CertId:
    """A certificate as requests and answers name it."""

    hash_oid: str
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int

    def names_issuer(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Whether the hashes are those of `certificate`'s issuer, which `issuer` is."""
        return (
            hashed(self.hash_oid, certificate.issuer) == self.issuer_name_hash
            and hashed(self.hash_oid, key_octets(issuer)) == self.issuer_key_hash
        )

    def names(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Whether it is `certificate`, issued by `issuer`."""
        return self.serial == certificate.serial and self.names_issuer(certificate, issuer)


def hashed(oid_: str, data: bytes) -> bytes | None:
    """SHA-1 (which only names things here), SHA-2 or SM3 of `data`; None for any other algorithm."""
    return hashlib.sha1(data, usedforsecurity=False).digest() if oid_ == oids.SHA1 else digest(oid_, data)


def key_octets(certificate: Certificate) -> bytes:
    """The value of subjectPublicKey, without tag, length and unused bits."""
    fields = der.parse(certificate.spki).cursor()
    fields.take(der.SEQUENCE)
    return fields.take(der.BIT_STRING).bits()


def request_hashes(issuer: Certificate) -> tuple[str, ...]:
    """The hash algorithms to ask with, in turn: responders of SM2 CAs may know SM3 alone, or SHA-1 alone."""
    return (oids.SM3, oids.SHA1) if isinstance(issuer.key, Sm2PublicKey) else (oids.SHA1,)


def write_request(certificate: Certificate, issuer: Certificate, hash_oid: str, nonce: bytes) -> bytes:
    """The DER OCSPRequest about one certificate, with a nonce (RFC 9654)."""
    algorithm = sequence(oid(hash_oid), *(() if hash_oid in oids.SM3_OIDS else (NULL,)))
    cert_id = sequence(
        algorithm,
        octets(hashed(hash_oid, certificate.issuer) or b""),
        octets(hashed(hash_oid, key_octets(issuer)) or b""),
        integer(certificate.serial),
    )
    extension = sequence(oid(oids.OCSP_NONCE), octets(octets(nonce)))
    return sequence(sequence(sequence(sequence(cert_id)), explicit(2, sequence(extension))))
