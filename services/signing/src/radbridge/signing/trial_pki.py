"""A complete trial PKI made in code, for the demonstration and for trying out a connection without a real CA.

    authority = TrialAuthority.create(now)
    doctor = authority.issue_doctor("张三", "110101199003070038")
    signature = doctor.sign_pkcs7(ca_data)             # or sign_pkcs1
    token = authority.timestamp(ca_data, now)
    authority.revoke(doctor)                           # authority.crls from now on lists the doctor
    store = authority.trust_store()                    # what `radbridge ca add` would register

Everything is DER with SM2 and SM3: a root, a subordinate CA, a timestamp authority, doctors and two revocation lists,
valid around the moment given. The keys live in memory alone and prove nothing to anybody.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from radbridge.signing.domain import issuing, oids
from radbridge.signing.domain.certificate import Certificate, parse_certificate
from radbridge.signing.domain.cms_write import write_pkcs7, write_timestamp
from radbridge.signing.domain.crl import parse_crl
from radbridge.signing.domain.issuing import Extension, Issuer
from radbridge.signing.domain.sm2_sign import Sm2PrivateKey
from radbridge.signing.domain.trust_store import TrustStore

_ORGANISATION = "影桥试用 RadBridge Trial"
_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Doctor:
    """A certificate with its key."""

    cert_der: bytes
    key: Sm2PrivateKey = field(repr=False)
    signing_time: datetime

    @property
    def certificate(self) -> Certificate:
        return parse_certificate(self.cert_der)

    def sign_pkcs1(self, data: bytes) -> bytes:
        """The DER SM2 signature over `data`."""
        return self.key.sign(data)

    def sign_pkcs7(self, data: bytes, *, attached: bool = True, attributes: bool = True) -> bytes:
        """GM/T 0010 SignedData over `data`."""
        signing_time = self.signing_time if attributes else None
        return write_pkcs7(data, self.certificate, self.key, signing_time=signing_time, attached=attached)


@dataclass
class TrialAuthority:
    """Root, subordinate CA and timestamp authority, made by `create`; grows by doctors and revocations."""

    now: datetime
    root_der: bytes
    sub_der: bytes
    tsa_der: bytes
    _root: Issuer = field(repr=False)
    _sub: Issuer = field(repr=False)
    _tsa_key: Sm2PrivateKey = field(repr=False)
    _revoked: dict[int, datetime] = field(default_factory=dict[int, datetime])
    _crl_number: int = 1

    @classmethod
    def create(cls, now: datetime) -> TrialAuthority:
        """A new authority with new keys, whose certificates are valid from years before `now` to years after."""
        label = secrets.token_hex(4)
        root = Issuer(issuing.distinguished_name(_ORGANISATION, f"Trial SM2 Root {label}"), Sm2PrivateKey.generate())
        sub = Issuer(issuing.distinguished_name(_ORGANISATION, f"Trial SM2 CA {label}"), Sm2PrivateKey.generate())
        tsa_key = Sm2PrivateKey.generate()
        whole_seconds = now.replace(microsecond=0)
        start, end = whole_seconds - 2 * _YEAR, whole_seconds + 20 * _YEAR
        root_der = _certificate(root, root.name, root.key.point, start, end, issuing.ca_extensions(None))
        sub_der = _certificate(root, sub.name, sub.key.point, start, end, issuing.ca_extensions(0))
        tsa_name = issuing.distinguished_name(_ORGANISATION, f"Trial TSA {label}")
        tsa_extensions = issuing.end_entity_extensions(issuing.SIGNING_USAGE, purpose=oids.TIME_STAMPING)
        tsa_der = _certificate(sub, tsa_name, tsa_key.point, start, end, tsa_extensions)
        return cls(whole_seconds, root_der, sub_der, tsa_der, root, sub, tsa_key)

    @property
    def crls(self) -> tuple[bytes, bytes]:
        """The current lists of the subordinate CA and of the root."""
        moments = {"this_update": self.now, "next_update": self.now + _YEAR}
        return (
            issuing.issue_crl(self._sub, revoked=self._revoked, number=self._crl_number, **moments),
            issuing.issue_crl(self._root, revoked={}, number=1, **moments),
        )

    def issue_doctor(
        self,
        name: str,
        id_number: str,
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        usage: bytes = issuing.SIGNING_USAGE,
    ) -> Doctor:
        """A doctor's signing certificate, valid from a year before to two years after the authority's moment."""
        key = Sm2PrivateKey.generate()
        subject = issuing.distinguished_name(_ORGANISATION, name)
        extensions = issuing.end_entity_extensions(usage, identity=id_number)
        start, end = not_before or self.now - _YEAR, not_after or self.now + 2 * _YEAR
        return Doctor(_certificate(self._sub, subject, key.point, start, end, extensions), key, self.now)

    def revoke(self, doctor: Doctor, at: datetime | None = None) -> None:
        """From `at` (default: the authority's moment) the doctor's certificate is revoked in `crls`."""
        self._revoked[doctor.certificate.serial] = at or self.now
        self._crl_number += 1

    def timestamp(self, data: bytes, at: datetime, *, attach_certificate: bool = True) -> bytes:
        """A bare timestamp token over `data` with genTime `at`, in whole seconds."""
        return write_timestamp(
            data,
            at,
            secrets.randbits(63),
            parse_certificate(self.tsa_der),
            self._tsa_key,
            attach_certificate=attach_certificate,
        )

    def trust_store(self) -> TrustStore:
        """The root as anchor, the other certificates and the current lists."""
        return TrustStore(
            [parse_certificate(self.root_der)],
            [parse_certificate(self.sub_der), parse_certificate(self.tsa_der)],
            [parse_crl(crl) for crl in self.crls],
        )


def _certificate(
    issuer: Issuer, subject: bytes, point: bytes, start: datetime, end: datetime, extensions: list[Extension]
) -> bytes:
    return issuing.issue_certificate(
        issuer,
        subject=subject,
        point=point,
        serial=secrets.randbits(120) | 1 << 119,
        not_before=start,
        not_after=end,
        extensions=extensions,
    )
