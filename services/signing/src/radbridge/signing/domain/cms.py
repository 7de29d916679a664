"""SignedData as GM/T 0010 (GB/T 35275) and CMS (RFC 5652, PKCS #7) write it: structure, and one signer's arithmetic.

Both families share the syntax and differ in content type OIDs; mixed use occurs. The container may be BER; certificates
inside are strict DER. What a signer signed is taken from the bytes as sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.certificate import Certificate, parse_certificate
from radbridge.signing.domain.der_write import encode
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.names import NameKey, name_key
from radbridge.signing.domain.pkcs1 import wrong_signature
from radbridge.signing.domain.public_key import PublicKey, Scheme, signer_scheme
from radbridge.signing.domain.sm3 import sm3

MAX_SIGNERS = 8
MAX_CERTIFICATES = 64
_OTHER_CERTIFICATES = frozenset(der.context(number) for number in range(4))
Attributes = dict[str, list[der.Element]]
_SHA2 = {oids.SHA256: "sha256", oids.SHA384: "sha384", oids.SHA512: "sha512"}


@dataclass(frozen=True, repr=False)
class SignerInfo:
    """One signer, named by (issuer, serial) or by key identifier; `signed_attributes` is the SET that was signed."""

    issuer_and_serial: tuple[NameKey, int] | None
    subject_key_id: bytes | None
    digest_oid: str
    signature_oid: str
    signed_attributes: bytes | None
    attributes: Attributes
    signature: bytes
    unsigned_attributes: Attributes

    @cached_property
    def signing_time(self) -> datetime | None:
        """The signer's own claim, None where absent or unreadable."""
        values = self.attributes.get(oids.ATTRIBUTE_SIGNING_TIME, [])
        try:
            return values[0].time() if len(values) == 1 else None
        except DerError:
            return None

    def find_certificates(self, certificates: Sequence[Certificate]) -> list[Certificate]:
        """Those of `certificates`, each once, that bear the signer's name; strangers may bear it too."""
        return [one for one in dict.fromkeys(certificates) if self._is_named(one)]

    def find_certificate(self, certificates: Sequence[Certificate]) -> Certificate | None:
        """The first of `find_certificates`."""
        return next(iter(self.find_certificates(certificates)), None)

    def _is_named(self, certificate: Certificate) -> bool:
        if self.issuer_and_serial is not None:
            return (certificate.issuer_key, certificate.serial) == self.issuer_and_serial
        return certificate.extensions.subject_key_id == self.subject_key_id


@dataclass(frozen=True, repr=False)
class SignedData:
    """`content` is None where the signature is detached."""

    content_type: str
    content: bytes | None
    certificates: tuple[Certificate, ...]
    signers: tuple[SignerInfo, ...]


class SignerFault(StrEnum):
    """Why one signer's signature does not hold."""

    ALGORITHM = "algorithm"
    ATTRIBUTES = "attributes"
    MESSAGE_DIGEST = "message_digest"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class SignerArithmetic:
    """`fault` is None where the signature holds; `reason` is Chinese."""

    fault: SignerFault | None
    reason: str


def parse_signed_data(data: bytes) -> SignedData:
    """The SignedData that `data` (DER or BER ContentInfo) is; DerError otherwise."""
    outer = der.parse(data, ber=True).expect(der.SEQUENCE, "ContentInfo").cursor()
    if outer.take(der.OID, "contentType").oid() not in oids.SIGNED_DATA_TYPES:
        raise DerError("the content is not SignedData")
    wrapper = outer.take(der.context(0), "content").cursor()
    outer.finish("ContentInfo")
    fields = wrapper.take(der.SEQUENCE, "SignedData").cursor()
    wrapper.finish("content")
    fields.take(der.INTEGER, "version")
    fields.take(der.SET, "digestAlgorithms")
    content_type, content = _content(fields.take(der.SEQUENCE, "encapContentInfo"))
    certificates = fields.optional(der.context(0))
    fields.optional(der.context(1))
    signers = fields.take(der.SET, "signerInfos")
    fields.finish("SignedData")
    return SignedData(
        content_type=content_type,
        content=content,
        certificates=() if certificates is None else _certificates(certificates),
        signers=tuple(_signer(signer) for signer in signers.children(MAX_SIGNERS)),
    )


def _content(encapsulated: der.Element) -> tuple[str, bytes | None]:
    fields = encapsulated.cursor()
    content_type = fields.take(der.OID, "eContentType").oid()
    tagged = fields.optional(der.context(0))
    fields.finish("encapContentInfo")
    if tagged is None:
        return content_type, None
    inner = tagged.cursor()
    octets = inner.take(what="eContent").octets()
    inner.finish("eContent")
    return content_type, octets


def _certificates(tagged: der.Element) -> tuple[Certificate, ...]:
    """The X.509 certificates; the other forms of RFC 5652 clause 10.2.2, tagged [0] to [3], are passed over."""
    return tuple(
        parse_certificate(element.raw)
        for element in tagged.children(MAX_CERTIFICATES)
        if element.tag not in _OTHER_CERTIFICATES
    )


def _signer(signer: der.Element) -> SignerInfo:
    fields = signer.expect(der.SEQUENCE, "SignerInfo").cursor()
    fields.take(der.INTEGER, "version")
    issuer_and_serial, subject_key_id = _signer_identifier(fields.take(what="sid"))
    digest_oid = _algorithm(fields.take(der.SEQUENCE, "digestAlgorithm"))
    signed = fields.optional(der.context(0))
    signature_oid = _algorithm(fields.take(der.SEQUENCE, "signatureAlgorithm"))
    signature = fields.take(what="signature").octets()
    unsigned = fields.optional(der.context(1))
    fields.finish("SignerInfo")
    return SignerInfo(
        issuer_and_serial=issuer_and_serial,
        subject_key_id=subject_key_id,
        digest_oid=digest_oid,
        signature_oid=signature_oid,
        # The signature is over the attributes as SET OF (31), they travel as [0] (RFC 5652 clause 5.4).
        signed_attributes=None if signed is None else encode(der.SET, signed.content),
        attributes={} if signed is None else _attributes(signed),
        signature=signature,
        unsigned_attributes={} if unsigned is None else _attributes(unsigned),
    )


def _signer_identifier(sid: der.Element) -> tuple[tuple[NameKey, int] | None, bytes | None]:
    if sid.tag == der.context(0, constructed=False):
        return None, sid.content
    fields = sid.expect(der.SEQUENCE, "issuerAndSerialNumber").cursor()
    issuer, serial = fields.take(der.SEQUENCE, "issuer").raw, fields.take(der.INTEGER, "serialNumber").integer()
    fields.finish("issuerAndSerialNumber")
    return (name_key(issuer), serial), None


def _algorithm(element: der.Element) -> str:
    fields = element.cursor()
    oid = fields.take(der.OID, "algorithm").oid()
    fields.optional(der.NULL)
    fields.finish("AlgorithmIdentifier")
    return oid


def _attributes(tagged: der.Element) -> Attributes:
    found: Attributes = {}
    for attribute in tagged.children(64):
        fields = attribute.expect(der.SEQUENCE, "Attribute").cursor()
        oid = fields.take(der.OID, "attrType").oid()
        if oid in found:
            raise DerError("an attribute occurs twice")
        found[oid] = fields.take(der.SET, "attrValues").children(16)
        fields.finish("Attribute")
    return found


def digest(oid: str, data: bytes) -> bytes | None:
    """The digest of `data` by the algorithm `oid` (the SM3 family, SHA-2); None for any other."""
    if oid in oids.SM3_OIDS:
        return sm3(data)
    name = _SHA2.get(oid)
    return None if name is None else hashlib.new(name, data).digest()


def verify_signer(signer: SignerInfo, content_type: str, content: bytes, key: PublicKey | None) -> SignerArithmetic:
    """Whether `signer` signed `content` with `key`: algorithms, signed attributes, digest and signature value."""
    scheme = signer_scheme(signer.signature_oid, signer.digest_oid)
    if scheme is None or key is None:
        return SignerArithmetic(SignerFault.ALGORITHM, "签名算法与摘要算法不受支持或互相矛盾")
    if signer.signed_attributes is None:
        if _looks_like_attributes(content):
            return SignerArithmetic(SignerFault.ATTRIBUTES, "原文是另一签名的签名属性，不予采信")
        return _verify_value(key, scheme, content, signer.signature)
    return _attribute_fault(signer, content_type, content) or _verify_value(
        key, scheme, signer.signed_attributes, signer.signature
    )


def _attribute_fault(signer: SignerInfo, content_type: str, content: bytes) -> SignerArithmetic | None:
    types = signer.attributes.get(oids.ATTRIBUTE_CONTENT_TYPE, [])
    digests = signer.attributes.get(oids.ATTRIBUTE_MESSAGE_DIGEST, [])
    try:
        if len(types) != 1 or types[0].oid() != content_type:
            return SignerArithmetic(SignerFault.ATTRIBUTES, "签名属性contentType缺失或与内容类型不符")
        if len(digests) != 1 or digests[0].octets() != digest(signer.digest_oid, content):
            return SignerArithmetic(SignerFault.MESSAGE_DIGEST, "签名属性messageDigest与原文摘要不符，原文被改动")
    except DerError:
        return SignerArithmetic(SignerFault.ATTRIBUTES, "签名属性格式错误")
    return None


def _verify_value(key: PublicKey, scheme: Scheme, message: bytes, signature: bytes) -> SignerArithmetic:
    if key.verify(scheme, message, signature):
        return SignerArithmetic(None, "签名正确")
    return SignerArithmetic(SignerFault.SIGNATURE, wrong_signature(key, message, signature).reason)


def _looks_like_attributes(content: bytes) -> bool:
    """Whether a content without signed attributes is itself the SET of attributes of another signature.

    Its signature value would verify here: what one signed with attributes must not pass as a signature on them.
    """
    if content[:1] != b"\x31":
        return False
    try:
        return oids.ATTRIBUTE_MESSAGE_DIGEST in _attributes(der.parse(content, ber=True))
    except DerError:
        return False
