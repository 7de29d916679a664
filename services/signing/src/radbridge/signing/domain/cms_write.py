"""Writing SignedData of GM/T 0010 and timestamp tokens of RFC 3161 / GM/T 0033, signed with SM2."""

from __future__ import annotations

from datetime import datetime

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.der_write import (
    NULL,
    encode,
    explicit,
    generalized_time,
    integer,
    octets,
    oid,
    sequence,
    set_of,
    time,
)
from radbridge.signing.domain.sm2_sign import Sm2PrivateKey
from radbridge.signing.domain.sm3 import sm3

_SM3 = sequence(oid(oids.SM3), NULL)
_TSA_POLICY = "1.2.156.10197.1.5.1"


def write_pkcs7(
    content: bytes,
    certificate: Certificate,
    key: Sm2PrivateKey,
    *,
    signing_time: datetime | None,
    attached: bool = True,
) -> bytes:
    """GM/T 0010 SignedData over `content` by one signer; with signed attributes where `signing_time` is given."""
    attributes = None if signing_time is None else _attributes(oids.GM_DATA, content, signing_time)
    return _signed_data(
        oids.GM_SIGNED_DATA, oids.GM_DATA, content, certificate, key, attributes, attached=attached, version=1
    )


def write_timestamp(
    data: bytes,
    gen_time: datetime,
    serial: int,
    certificate: Certificate,
    key: Sm2PrivateKey,
    *,
    attach_certificate: bool,
) -> bytes:
    """A bare timestamp token over SM3(`data`) with the standard content types and the ESS attribute of version 2."""
    info = sequence(
        integer(1),
        oid(_TSA_POLICY),
        sequence(_SM3, octets(sm3(data))),
        integer(serial),
        generalized_time(gen_time),
    )
    ess = sequence(sequence(sequence(_SM3, octets(sm3(certificate.raw)))))
    attributes = [
        *_attributes(oids.TST_INFO, info, gen_time),
        sequence(oid(oids.ATTRIBUTE_SIGNING_CERTIFICATE_V2), set_of(ess)),
    ]
    return _signed_data(
        oids.CMS_SIGNED_DATA,
        oids.TST_INFO,
        info,
        certificate,
        key,
        attributes,
        attached=True,
        version=3,
        attach_certificate=attach_certificate,
    )


def _attributes(content_type: str, content: bytes, signing_time: datetime) -> list[bytes]:
    return [
        sequence(oid(oids.ATTRIBUTE_CONTENT_TYPE), set_of(oid(content_type))),
        sequence(oid(oids.ATTRIBUTE_SIGNING_TIME), set_of(time(signing_time))),
        sequence(oid(oids.ATTRIBUTE_MESSAGE_DIGEST), set_of(octets(sm3(content)))),
    ]


def _signed_data(
    outer_type: str,
    content_type: str,
    content: bytes,
    certificate: Certificate,
    key: Sm2PrivateKey,
    attributes: list[bytes] | None,
    *,
    attached: bool,
    version: int,
    attach_certificate: bool = True,
) -> bytes:
    signed_set = None if attributes is None else set_of(*attributes)
    signature = key.sign(content if signed_set is None else signed_set)
    signer = sequence(
        integer(1),
        sequence(certificate.issuer, integer(certificate.serial)),
        _SM3,
        b"" if signed_set is None else encode(der.context(0), der.parse(signed_set).content),
        sequence(oid(oids.SM2_WITH_SM3), NULL),
        octets(signature),
    )
    signed_data = sequence(
        integer(version),
        set_of(_SM3),
        sequence(oid(content_type), explicit(0, octets(content)) if attached else b""),
        explicit(0, certificate.raw) if attach_certificate else b"",
        set_of(signer),
    )
    return sequence(oid(outer_type), explicit(0, signed_data))
