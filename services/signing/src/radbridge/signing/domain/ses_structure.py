"""SESeal and SES_Signature of three generations: GM/T 0031-2014 (1), GB/T 38540-2020 (4), GM/T 0031-2025 (5).

Old makers put OCTET STRING for BIT STRING, wrap the seal in an OCTET STRING or use GeneralizedTime in version 1; these
are taken. The bytes that were signed are kept as sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from radbridge.signing.domain import der
from radbridge.signing.domain.certificate import Certificate, parse_certificate
from radbridge.signing.domain.der_write import sequence
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.sm3 import sm3


@dataclass(frozen=True)
class SealPicture:
    """The seal's picture; `format` is the maker's word (png, jpg, ofd …), sizes in millimetres."""

    format: str
    data: bytes
    width: int
    height: int


@dataclass(frozen=True, repr=False)
class Seal:
    """One SESeal. `listed` are the certificates or their hashes that may use it; `signed` is what its maker signed."""

    raw: bytes
    version: int
    identifier: str
    name: str
    listed: tuple[bytes, ...]
    created: datetime
    valid_from: datetime
    valid_to: datetime
    picture: SealPicture
    signed: bytes
    maker: Certificate
    algorithm: str
    signature: bytes

    def lists(self, certificate: Certificate) -> bool:
        """Whether the seal was made for `certificate`, given whole or by its SM3 hash."""
        return certificate.raw in self.listed or sm3(certificate.raw) in self.listed


@dataclass(frozen=True, repr=False)
class SesSignature:
    """One SES_Signature. `signing_time` is the signer's claim, None where a `time_token` stands for it (version 1);
    `timestamp` is the token over the signature value."""

    version: int
    signed: bytes
    seal: Seal
    signing_time: datetime | None
    time_token: bytes | None
    data_hash: bytes
    signer: Certificate
    algorithm: str
    signature: bytes
    timestamp: bytes | None


def parse_ses_signature(data: bytes) -> SesSignature:
    """The SES_Signature that `data` is; DerError otherwise."""
    parts = der.parse(data).expect(der.SEQUENCE, "SES_Signature").children(5)
    if len(parts) == 2:
        return _parse_version_1(*parts)
    if len(parts) in (4, 5):
        return _parse_version_4(parts)
    raise DerError("SES_Signature has 2, 4 or 5 elements")


def looks_like_ses(data: bytes) -> bool:
    """Whether `data` begins like an SES_Signature and not like SignedData: its first element is a SEQUENCE."""
    try:
        return der.parse(data, ber=True).expect(der.SEQUENCE, "signature").cursor().peek() == der.SEQUENCE
    except DerError:
        return False


def parse_seal(element: der.Element) -> Seal:
    """The SESeal that `element` is or, as an OCTET STRING, wraps."""
    if element.tag == der.OCTET_STRING:
        element = der.parse(element.content)
    parts = element.expect(der.SEQUENCE, "SESeal").children(5)
    if len(parts) == 2:
        sign_info = parts[1].expect(der.SEQUENCE, "signInfo").cursor()
        maker, algorithm, signature = (sign_info.take(what=name) for name in ("cert", "algorithm", "signature"))
        sign_info.finish("signInfo")
        signed = sequence(parts[0].raw, maker.raw, algorithm.raw)
    elif len(parts) in (4, 5):
        maker, algorithm, signature = parts[1:4]
        signed = parts[0].raw
        # Nobody signed what follows: nothing may stand there but the form's own timestamp.
        for further in parts[4:]:
            _time_stamp(further)
    else:
        raise DerError("SESeal has 2, 4 or 5 elements")
    return _parse_seal_info(parts[0], element.raw, signed, maker, algorithm, signature)


def _parse_seal_info(
    info: der.Element, raw: bytes, signed: bytes, maker: der.Element, algorithm: der.Element, signature: der.Element
) -> Seal:
    fields = info.expect(der.SEQUENCE, "SealInfo").cursor()
    header = fields.take(der.SEQUENCE, "header").cursor()
    if header.take(what="ID").text() != "ES":
        raise DerError("the seal's header does not say ES")
    version = header.take(der.INTEGER, "version").integer()
    identifier = fields.take(what="esID").text()
    seal_property = fields.take(der.SEQUENCE, "property").cursor()
    picture = fields.take(der.SEQUENCE, "picture").cursor()
    _skip_extensions(fields)
    fields.finish("SealInfo")

    seal_property.take(der.INTEGER, "type")
    name = seal_property.take(what="name").text()
    list_type = seal_property.optional(der.INTEGER)
    listed = seal_property.take(der.SEQUENCE, "certList").children()
    created, valid_from, valid_to = (seal_property.take(what="date").time() for _ in range(3))
    return Seal(
        raw=raw,
        version=version,
        identifier=identifier,
        name=name,
        listed=tuple(_listed(one, hashed=list_type is not None and list_type.integer() == 2) for one in listed),
        created=created,
        valid_from=valid_from,
        valid_to=valid_to,
        picture=SealPicture(
            picture.take(what="picture type").text(),
            picture.take(der.OCTET_STRING, "picture data").octets(),
            picture.take(der.INTEGER, "width").integer(),
            picture.take(der.INTEGER, "height").integer(),
        ),
        signed=signed,
        maker=parse_certificate(maker.octets()),
        algorithm=algorithm.oid(),
        signature=_bits(signature),
    )


def _skip_extensions(fields: der.Cursor) -> None:
    """extDatas: [0] by the standard, a bare SEQUENCE in national tax seals."""
    if fields.optional(der.context(0)) is None:
        fields.optional(der.SEQUENCE)


def _listed(element: der.Element, *, hashed: bool) -> bytes:
    if not hashed:
        return element.octets()
    fields = element.expect(der.SEQUENCE, "certificate digest").cursor()
    fields.take(what="digest type")
    return fields.take(der.OCTET_STRING, "digest").octets()


def _parse_version_1(to_sign: der.Element, signature: der.Element) -> SesSignature:
    fields = to_sign.expect(der.SEQUENCE, "TBS_Sign").cursor()
    fields.take(der.INTEGER, "version")
    seal = parse_seal(fields.take(what="SESeal"))
    signing_time, token = _time_info(fields.take(what="timeInfo"))
    data_hash = _bits(fields.take(what="dataHash"))
    fields.take(what="propertyInfo")
    signer = parse_certificate(fields.take(der.OCTET_STRING, "cert").octets())
    algorithm = fields.take(der.OID, "signatureAlgorithm").oid()
    fields.finish("TBS_Sign")
    return SesSignature(
        version=1,
        signed=to_sign.raw,
        seal=seal,
        signing_time=signing_time,
        time_token=token,
        data_hash=data_hash,
        signer=signer,
        algorithm=algorithm,
        signature=_bits(signature),
        timestamp=None,
    )


def _parse_version_4(parts: list[der.Element]) -> SesSignature:
    to_sign, certificate, algorithm, signature = parts[:4]
    fields = to_sign.expect(der.SEQUENCE, "TBS_Sign").cursor()
    fields.take(der.INTEGER, "version")
    seal = parse_seal(fields.take(what="SESeal"))
    signing_time = fields.take(what="timeInfo").time()
    data_hash = _bits(fields.take(what="dataHash"))
    fields.take(what="propertyInfo")
    _skip_extensions(fields)
    fields.finish("TBS_Sign")
    return SesSignature(
        version=5 if seal.version >= 5 else 4,
        signed=to_sign.raw,
        seal=seal,
        signing_time=signing_time,
        time_token=None,
        data_hash=data_hash,
        signer=parse_certificate(certificate.octets()),
        algorithm=algorithm.oid(),
        signature=_bits(signature),
        timestamp=_time_stamp(parts[4]) if len(parts) == 5 else None,
    )


def _time_stamp(element: der.Element) -> bytes:
    """What `[0] EXPLICIT BIT STRING` at the end of a signature or of a seal of version 5 holds."""
    tagged = element.expect(der.context(0), "timeStamp").cursor()
    content = _bits(tagged.take(what="timeStamp"))
    tagged.finish("timeStamp")
    return content


def _time_info(element: der.Element) -> tuple[datetime | None, bytes | None]:
    """(moment, None), or (None, timestamp token): version 1 wraps a time or a token in a BIT STRING."""
    if element.tag in (der.UTC_TIME, der.GENERALIZED_TIME):
        return element.time(), None
    content = _bits(element)
    if content[:1] == b"\x30":
        return None, content
    if content[:1] in (bytes((der.UTC_TIME,)), bytes((der.GENERALIZED_TIME,))):
        return der.parse(content).time(), None
    return der.parse_time(content, two_digit_year=len(content) == len("YYMMDDHHMMSSZ")), None


def _bits(element: der.Element) -> bytes:
    return element.content if element.tag == der.OCTET_STRING else element.bits()
