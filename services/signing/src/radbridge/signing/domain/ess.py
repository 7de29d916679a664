"""The ESS signing-certificate attributes (RFC 2634 clause 5.4, RFC 5035): which certificate a signer calls its own."""

from __future__ import annotations

import hashlib

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.cms import SignerInfo, digest
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.names import name_key

_DIRECTORY_NAME = der.context(4)


def names_certificate(signer: SignerInfo, certificate: Certificate) -> bool:
    """Whether each ESS attribute that is there names `certificate`; most domestic signers write none.

    The first identifier of an attribute is the signer's: its hash must be right, and its issuer and serial number where
    they are given. An attribute that cannot be read names nothing.
    """
    versions = (
        (oids.ATTRIBUTE_SIGNING_CERTIFICATE, oids.SHA1),
        (oids.ATTRIBUTE_SIGNING_CERTIFICATE_V2, oids.SHA256),
    )
    try:
        return all(
            len(signer.attributes[attribute]) == 1
            and _names(signer.attributes[attribute][0], default_hash, certificate)
            for attribute, default_hash in versions
            if attribute in signer.attributes
        )
    except DerError:
        return False


def _names(value: der.Element, default_hash: str, certificate: Certificate) -> bool:
    certificates = value.expect(der.SEQUENCE, "SigningCertificate").cursor().take(der.SEQUENCE, "certs")
    identifier = certificates.cursor().take(der.SEQUENCE, "ESSCertID").cursor()
    algorithm = identifier.optional(der.SEQUENCE)
    hash_oid = default_hash if algorithm is None else algorithm.cursor().take(der.OID, "hashAlgorithm").oid()
    if identifier.take(what="certHash").octets() != _certificate_hash(hash_oid, certificate.raw):
        return False
    issuer_serial = identifier.optional(der.SEQUENCE)
    identifier.finish("ESSCertID")
    return issuer_serial is None or _is_issued_as(certificate, issuer_serial)


def _is_issued_as(certificate: Certificate, issuer_serial: der.Element) -> bool:
    fields = issuer_serial.cursor()
    names = fields.take(der.SEQUENCE, "issuer").children()
    serial = fields.take(der.INTEGER, "serialNumber").integer()
    issuers = [name_key(name.cursor().take(der.SEQUENCE, "Name").raw) for name in names if name.tag == _DIRECTORY_NAME]
    return serial == certificate.serial and certificate.issuer_key in issuers


def _certificate_hash(oid: str, data: bytes) -> bytes | None:
    # ESS version 1 fixes SHA-1; it only picks among certificates whose own signature is verified.
    return hashlib.sha1(data, usedforsecurity=False).digest() if oid == oids.SHA1 else digest(oid, data)
