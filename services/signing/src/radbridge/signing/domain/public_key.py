"""Public keys and the signature schemes that go with them; a scheme never runs with the key of another kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from radbridge.signing.domain import der, oids, rsa, sm2
from radbridge.signing.domain.errors import DerError, KeyFormError
from radbridge.signing.domain.sm2_curve import DEFAULT_ID, checked_point


class Scheme(StrEnum):
    """What can be verified; the names of the first two are the wire's signAlgIdentifier."""

    SM3_WITH_SM2 = "SM3WithSM2"
    SHA256_WITH_RSA = "SHA256WithRSA"
    SHA384_WITH_RSA = "SHA384WithRSA"
    SHA512_WITH_RSA = "SHA512WithRSA"


_RSA_HASHES = {Scheme.SHA256_WITH_RSA: "sha256", Scheme.SHA384_WITH_RSA: "sha384", Scheme.SHA512_WITH_RSA: "sha512"}
_RSA_SCHEMES = {
    oids.SHA256_WITH_RSA: Scheme.SHA256_WITH_RSA,
    oids.SHA384_WITH_RSA: Scheme.SHA384_WITH_RSA,
    oids.SHA512_WITH_RSA: Scheme.SHA512_WITH_RSA,
}
_RSA_SCHEME_BY_DIGEST = {
    oids.SHA256: Scheme.SHA256_WITH_RSA,
    oids.SHA384: Scheme.SHA384_WITH_RSA,
    oids.SHA512: Scheme.SHA512_WITH_RSA,
}


@dataclass(frozen=True, slots=True)
class Sm2PublicKey:
    """X‖Y of a point that lies on the curve."""

    point: bytes

    def verify(self, scheme: Scheme, message: bytes, signature: bytes, *, user_id: bytes = DEFAULT_ID) -> bool:
        return scheme is Scheme.SM3_WITH_SM2 and sm2.verify(self.point, message, signature, user_id=user_id)


@dataclass(frozen=True, slots=True)
class RsaPublicKey:
    """Modulus and exponent within `rsa.is_usable`."""

    modulus: int
    exponent: int

    def verify(self, scheme: Scheme, message: bytes, signature: bytes, *, user_id: bytes = DEFAULT_ID) -> bool:
        """`user_id` means nothing to RSA; it is here so that callers need not ask which key they hold."""
        hash_name = _RSA_HASHES.get(scheme)
        return hash_name is not None and rsa.verify(self.modulus, self.exponent, hash_name, message, signature)


PublicKey = Sm2PublicKey | RsaPublicKey


def parse_spki(spki: der.Element) -> PublicKey:
    """The key of a SubjectPublicKeyInfo; KeyFormError or DerError where unsupported or not well formed."""
    fields = spki.expect(der.SEQUENCE, "SubjectPublicKeyInfo").cursor()
    algorithm = fields.take(der.SEQUENCE, "algorithm").cursor()
    bits = fields.take(der.BIT_STRING, "subjectPublicKey").bits()
    fields.finish("SubjectPublicKeyInfo")
    oid = algorithm.take(der.OID, "algorithm").oid()
    if oid == oids.RSA_ENCRYPTION:
        return _parse_rsa(bits)
    # Some tools write the curve's OID as the algorithm too.
    if oid in (oids.EC_PUBLIC_KEY, oids.SM2_CURVE):
        curve = algorithm.optional(der.OID)
        if curve is not None and curve.oid() == oids.SM2_CURVE:
            if len(bits) != 65:
                raise KeyFormError("an SM2 key in a certificate is an uncompressed point")
            return Sm2PublicKey(checked_point(bits))
    raise KeyFormError("the public key's algorithm is neither SM2 nor RSA")


def _parse_rsa(bits: bytes) -> RsaPublicKey:
    fields = der.parse(bits).expect(der.SEQUENCE, "RSAPublicKey").cursor()
    modulus, exponent = fields.take(der.INTEGER).integer(), fields.take(der.INTEGER).integer()
    fields.finish("RSAPublicKey")
    if not rsa.is_usable(modulus, exponent):
        raise KeyFormError("the RSA key's size or exponent is not supported")
    return RsaPublicKey(modulus, exponent)


def load_public_key(data: bytes) -> PublicKey:
    """A key as the interfaces send it: SM2 point of 64 or 65 bytes, or DER SubjectPublicKeyInfo; else KeyFormError."""
    if len(data) in (64, 65):
        return Sm2PublicKey(checked_point(data))
    try:
        return parse_spki(der.parse(data))
    except DerError:
        raise KeyFormError("neither an SM2 point of 64 or 65 bytes nor a SubjectPublicKeyInfo") from None


def certificate_scheme(algorithm: der.Element) -> Scheme | None:
    """The scheme of a certificate's or CRL's AlgorithmIdentifier; None where it is not one we trust, as SHA-1."""
    fields = algorithm.expect(der.SEQUENCE, "AlgorithmIdentifier").cursor()
    oid = fields.take(der.OID, "algorithm").oid()
    if not fields.exhausted:
        fields.take(der.NULL, "parameters")
        fields.finish("AlgorithmIdentifier")
    return Scheme.SM3_WITH_SM2 if oid == oids.SM2_WITH_SM3 else _RSA_SCHEMES.get(oid)


def signer_scheme(signature_oid: str, digest_oid: str) -> Scheme | None:
    """The scheme of a SignerInfo from its two algorithms; None where they contradict each other or are unknown."""
    if signature_oid in oids.SM2_SIGNATURE_OIDS:
        return Scheme.SM3_WITH_SM2 if digest_oid in oids.SM3_OIDS else None
    by_digest = _RSA_SCHEME_BY_DIGEST.get(digest_oid)
    if signature_oid == oids.RSA_ENCRYPTION:
        return by_digest
    named = _RSA_SCHEMES.get(signature_oid)
    return named if named is by_digest else None


def seal_scheme(signature_oid: str) -> Scheme | None:
    """The scheme of a seal's algorithm OID."""
    return Scheme.SM3_WITH_SM2 if signature_oid in oids.SM2_SIGNATURE_OIDS else _RSA_SCHEMES.get(signature_oid)
