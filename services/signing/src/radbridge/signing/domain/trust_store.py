"""What is believed or known: trust anchors, further certificates and revocation lists, with verified links remembered.

A store is immutable to its users. It remembers which certificate and CRL signatures it has verified (keys and bytes are
part of what is remembered), so that a chain through known issuers costs the leaf's verification alone.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from radbridge.signing.domain.certificate import Certificate, load_certificates
from radbridge.signing.domain.crl import CertificateList, parse_crl
from radbridge.signing.domain.extensions import CRL_SIGN
from radbridge.signing.domain.names import NameKey
from radbridge.signing.domain.ocsp import OcspFinding
from radbridge.signing.domain.ocsp_desk import OcspDesk
from radbridge.signing.domain.ocsp_response import BasicResponse
from radbridge.signing.domain.revocation import CERTIFICATE_HOLD, Revocation, RevocationState, earliest

_REMEMBERED_LINKS = 16_384
_WORTH = (
    RevocationState.GOOD,
    RevocationState.STALE,
    RevocationState.OUT_OF_SCOPE,
    RevocationState.INDIRECT,
    RevocationState.FORGED,
    RevocationState.UNREADABLE,
    RevocationState.NO_LIST,
)
"""Of several lists the best is told."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What is known of one certificate's revocation: how far that can be relied on, the entry where it is revoked, and
    the list or the OCSP finding that says so."""

    state: RevocationState
    entry: Revocation | None
    crl: CertificateList | None
    ocsp: OcspFinding | None = None


class TrustStore:
    """Anchors are trusted as they are; intermediates are any further certificates, expired, revoked or of TSAs.

    `unreadable_lists`: files came that should be lists and are none, which is told where a list is missing."""

    def __init__(
        self,
        anchors: Iterable[Certificate],
        intermediates: Iterable[Certificate] = (),
        crls: Iterable[CertificateList] = (),
        *,
        raw_issuers: Iterable[Certificate] = (),
        require_revocation: bool = False,
        unreadable_lists: bool = False,
    ) -> None:
        self.anchors = tuple(dict.fromkeys(anchors))
        self.intermediates = tuple(dict.fromkeys(intermediates))
        self.require_revocation = require_revocation
        self._without_list = RevocationState.UNREADABLE if unreadable_lists else RevocationState.NO_LIST
        self._anchors = frozenset(self.anchors)
        self._raw_issuers = frozenset(raw_issuers)
        self._by_subject: dict[NameKey, list[Certificate]] = {}
        self._by_issuer_and_serial: dict[tuple[NameKey, int], Certificate] = {}
        for certificate in dict.fromkeys((*self.anchors, *self.intermediates)):
            self._by_subject.setdefault(certificate.subject_key, []).append(certificate)
            self._by_issuer_and_serial.setdefault((certificate.issuer_key, certificate.serial), certificate)
        self._crls: dict[NameKey, list[CertificateList]] = {}
        for crl in crls:
            self._crls.setdefault(crl.issuer_key, []).append(crl)
        self._links: dict[bytes, bool] = {}
        self._crl_links: dict[tuple[int, bytes], bool] = {}
        self._desk: OcspDesk | None = None

    def asking(self, desk: OcspDesk) -> TrustStore:
        """The same store, which asks `desk` about certificates that no current list covers."""
        store = copy.copy(self)
        store._desk = desk
        return store

    def without_lists(self) -> TrustStore:
        """The same store, which knows no list, so that revocation is told by OCSP alone."""
        store = copy.copy(self)
        store._crls = {}
        return store

    @classmethod
    def from_bytes(
        cls,
        anchors: Iterable[bytes],
        intermediates: Iterable[bytes] = (),
        crls: Iterable[bytes] = (),
        *,
        raw_issuers: Iterable[bytes] = (),
        require_revocation: bool = False,
    ) -> TrustStore:
        """From PEM or DER files; DerError where one cannot be read."""
        return cls(
            (certificate for data in anchors for certificate in load_certificates(data)),
            (certificate for data in intermediates for certificate in load_certificates(data)),
            map(parse_crl, crls),
            raw_issuers=(certificate for data in raw_issuers for certificate in load_certificates(data)),
            require_revocation=require_revocation,
        )

    def is_anchor(self, certificate: Certificate) -> bool:
        return certificate in self._anchors

    def find(self, issuer: NameKey, serial: int) -> Certificate | None:
        """The known certificate of that issuer and serial number."""
        return self._by_issuer_and_serial.get((issuer, serial))

    def issuers_of(self, certificate: Certificate, extra: Sequence[Certificate] = ()) -> list[Certificate]:
        """Known certificates that may have issued `certificate` by name and key identifier, anchors first."""
        known = self._by_subject.get(certificate.issuer_key, [])
        candidates = [*known, *(one for one in extra if one.subject_key == certificate.issuer_key and one not in known)]
        wanted = certificate.extensions.authority_key_id
        return sorted(
            (one for one in candidates if _same_key_id(wanted, one.extensions.subject_key_id)),
            key=lambda one: one not in self._anchors,
        )

    def allows_raw_signatures(self, certificate: Certificate) -> bool:
        """Whether one of `raw_issuers`, the certificates of CAs that sign with raw r‖s values, issued `certificate`."""
        return any(
            issuer.subject_key == certificate.issuer_key and self.link_verifies(certificate, issuer)
            for issuer in self._raw_issuers
        )

    def link_verifies(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Whether `issuer`'s key made `certificate`'s signature."""
        key, scheme = issuer.key, certificate.scheme
        if scheme is None or key is None:
            return False
        link = hashlib.sha256(issuer.spki + certificate.raw).digest()
        return self._remembered(link, lambda: key.verify(scheme, certificate.tbs, certificate.signature))

    def response_verifies(self, response: BasicResponse, signer: Certificate) -> bool:
        """Whether `signer`'s key made the OCSP response's signature."""
        key, scheme = signer.key, response.scheme
        if scheme is None or key is None:
            return False
        signed = scheme.encode() + signer.spki + response.tbs + response.signature
        link = hashlib.sha256(b"OCSP" + signed).digest()
        return self._remembered(link, lambda: key.verify(scheme, response.tbs, response.signature))

    def _remembered(self, link: bytes, verify: Callable[[], bool]) -> bool:
        known = self._links.get(link)
        if known is None:
            known = verify()
            if len(self._links) >= _REMEMBERED_LINKS:
                self._links.clear()
            self._links[link] = known
        return known

    def listed(self, certificate: Certificate, issuer: Certificate) -> Revocation | None:
        """The entry of `certificate` in a genuine list of its issuer, however old."""
        return self._listed(certificate, issuer, certificate.not_before).entry

    def revocation(self, certificate: Certificate, issuer: Certificate, now: datetime) -> Lookup:
        """What is known of `certificate`'s revocation at `now`: by its issuer's lists, and where none of them is
        current, by OCSP.

        A revocation in a genuine list counts even when the list is stale; a forged list counts for nothing.
        """
        by_lists = self._listed(certificate, issuer, now)
        if self._desk is None or by_lists.state is RevocationState.GOOD:
            return by_lists
        found = self._desk.look_up(certificate, issuer, self, now)
        return by_lists if found is None else Lookup(found.state, found.revocation, by_lists.crl, found)

    def _listed(self, certificate: Certificate, issuer: Certificate, now: datetime) -> Lookup:
        state, newest = self._without_list, None
        found: list[tuple[CertificateList, Revocation]] = []
        for crl in self._crls.get(issuer.subject_key, ()):
            if not _same_key_id(crl.authority_key_id, issuer.extensions.subject_key_id):
                continue
            worth = self._worth(crl, certificate, issuer, now)
            state = min(state, worth, key=_WORTH.index)
            if worth in (RevocationState.FORGED, RevocationState.INDIRECT):
                continue
            if (entry := crl.find(certificate.serial)) is not None:
                found.append((crl, entry))
            if worth is not RevocationState.OUT_OF_SCOPE and (newest is None or crl.this_update > newest.this_update):
                newest = crl
        if newest is not None and newest.this_update <= now and all(crl is not newest for crl, _ in found):
            found = [(crl, entry) for crl, entry in found if not _hold_ended(entry, crl, newest)]
        if found:
            entry = earliest(entry for _, entry in found)
            return Lookup(RevocationState.GOOD, entry, min(found, key=lambda one: one[1].since)[0])
        return Lookup(state, None, newest)

    def _worth(
        self, crl: CertificateList, certificate: Certificate, issuer: Certificate, now: datetime
    ) -> RevocationState:
        """What can be concluded of `certificate` where `crl` does not list it."""
        if not self._crl_verifies(crl, issuer):
            return RevocationState.FORGED
        if crl.scope.indirect:
            return RevocationState.INDIRECT
        if not crl.scope.covers(certificate):
            return RevocationState.OUT_OF_SCOPE
        return RevocationState.GOOD if crl.is_current(now) else RevocationState.STALE

    def _crl_verifies(self, crl: CertificateList, issuer: Certificate) -> bool:
        link = (id(crl), issuer.spki)
        known = self._crl_links.get(link)
        if known is None:
            known = self._crl_links[link] = issuer.may(CRL_SIGN) and crl.is_signed_by(issuer.key)
        return known


def _hold_ended(entry: Revocation, crl: CertificateList, newer: CertificateList) -> bool:
    """Whether `newer`, which does not list the certificate, ends the hold that `crl` tells of (RFC 5280 5.3.1)."""
    return entry.reason == CERTIFICATE_HOLD and crl.this_update < newer.this_update


def _same_key_id(wanted: bytes | None, offered: bytes | None) -> bool:
    return wanted is None or offered is None or wanted == offered
