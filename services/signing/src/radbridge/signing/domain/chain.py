"""Is this certificate good, at this moment, for this use? Path building and validation (RFC 5280 clause 6, GB/T 20518).

All paths to an anchor are tried and the best answer counts, so that a same-named root or a cross-certificate in the way
does no harm. Of several faults of one path the one nearest the anchor is told first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from radbridge.signing.domain import oids
from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.crl import CertificateList
from radbridge.signing.domain.extensions import DIGITAL_SIGNATURE, ENCRYPTION_USAGES, KEY_CERT_SIGN, NON_REPUDIATION
from radbridge.signing.domain.name_constraints import names_allowed
from radbridge.signing.domain.ocsp import OcspFinding
from radbridge.signing.domain.revocation import (
    NOT_REVOKED_BY_OCSP,
    OCSP_FAULTS,
    REVOCATION_REASONS,
    WEAKNESS,
    Revocation,
    RevocationState,
)
from radbridge.signing.domain.trust_store import Lookup, TrustStore

_NO_DOCUMENTS = oids.IPSEC_PURPOSES | {oids.SERVER_AUTH, oids.CODE_SIGNING, oids.TIME_STAMPING, oids.OCSP_SIGNING}
"""A key that a CA gave out for nothing but these signs no documents (RFC 5280 clause 4.2.1.12)."""
_MAX_PATH = 16
_MAX_LINKS = 48


class Usage(StrEnum):
    """What a certificate is asked to be good for."""

    SIGNATURE = "signature"
    TIMESTAMP = "timestamp"
    CA = "ca"
    ENCRYPTION = "encryption"


class CertStatus(StrEnum):
    """The verdict on a certificate; the words are those of the cases format, but for two that it does not have:
    name_constraint and revocation_unknown."""

    GOOD = "good"
    BAD_SIGNATURE = "bad_signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    REVOKED = "revoked"
    UNTRUSTED = "untrusted"
    WRONG_USAGE = "wrong_usage"
    ISSUER_EXPIRED = "issuer_expired"
    ISSUER_REVOKED = "issuer_revoked"
    ISSUER_NOT_CA = "issuer_not_ca"
    PATH_LENGTH = "path_length"
    NAME_CONSTRAINT = "name_constraint"
    UNKNOWN_CRITICAL_EXTENSION = "unknown_critical_extension"
    REVOCATION_UNKNOWN = "revocation_unknown"
    NOT_FOUND = "not_found"
    NONE = "none"


STATUS_REASONS = {
    CertStatus.GOOD: "证书有效",
    CertStatus.BAD_SIGNATURE: "证书签名错误（证书被改动或签名算法不受信任）",
    CertStatus.EXPIRED: "证书已过有效期",
    CertStatus.NOT_YET_VALID: "证书尚未生效",
    CertStatus.REVOKED: "证书已被吊销",
    CertStatus.UNTRUSTED: "证书链不能到达受信任的根证书",
    CertStatus.WRONG_USAGE: "证书的密钥用途不允许此用途",
    CertStatus.ISSUER_EXPIRED: "颁发者证书不在有效期内",
    CertStatus.ISSUER_REVOKED: "颁发者证书已被吊销",
    CertStatus.ISSUER_NOT_CA: "颁发者证书不是CA证书",
    CertStatus.PATH_LENGTH: "证书链超过颁发者允许的长度",
    CertStatus.NAME_CONSTRAINT: "证书的名称不在颁发者允许的范围内（nameConstraints）",
    CertStatus.UNKNOWN_CRITICAL_EXTENSION: "证书含有不能识别的关键扩展项",
    CertStatus.REVOCATION_UNKNOWN: "没有可用的吊销列表，无法确认证书是否被吊销",
    CertStatus.NOT_FOUND: "找不到签名人证书",
    CertStatus.NONE: "没有可验证的证书",
}


@dataclass(frozen=True)
class CertVerdict:
    """`path` runs from the judged certificate to the anchor and is empty where none is reached.

    `revocation` is the weakest state of its links; `crl` and `ocsp` are the list and the answer that were asked for the
    judged certificate, `entry` what they say of its revocation, also where that came too late to count.
    """

    status: CertStatus
    path: tuple[Certificate, ...] = ()
    revocation: RevocationState = RevocationState.NO_LIST
    crl: CertificateList | None = None
    ocsp: OcspFinding | None = None
    entry: Revocation | None = None

    @property
    def good(self) -> bool:
        return self.status is CertStatus.GOOD

    @property
    def reason(self) -> str:
        """In Chinese."""
        if self.status is CertStatus.REVOCATION_UNKNOWN and self.revocation in OCSP_FAULTS:
            return f"{REVOCATION_REASONS[self.revocation]}，无法确认证书是否被吊销"
        return STATUS_REASONS[self.status]

    @property
    def revocation_reason(self) -> str:
        """What `revocation` says, in Chinese."""
        by_ocsp = self.revocation is RevocationState.GOOD and self.ocsp is not None
        return NOT_REVOKED_BY_OCSP if by_ocsp else REVOCATION_REASONS[self.revocation]


def judge_certificate(
    certificate: Certificate,
    store: TrustStore,
    *,
    at: datetime,
    now: datetime | None = None,
    revoked_by: datetime | None = None,
    usage: Usage = Usage.SIGNATURE,
    extra: Sequence[Certificate] = (),
) -> CertVerdict:
    """Whether `certificate` was good for `usage` at the moment `at`.

    `now` is the moment of judging, by which lists are stale (default `at`). Revocations up to `revoked_by` (default
    `at`) count: a moment that the signer alone claims must not undo one. `extra` are further certificates that came
    along, believed only as far as they chain to an anchor. Never raises for what the certificates contain.
    """
    best = CertVerdict(CertStatus.UNTRUSTED)
    for path, broken in _Paths(store, extra).walk(certificate):
        if broken:
            best = CertVerdict(CertStatus.BAD_SIGNATURE) if best.status is CertStatus.UNTRUSTED else best
            continue
        verdict = _judge_path(path, store, _Moments(at, now or at, revoked_by or at), usage)
        if verdict.good:
            return verdict
        if not best.path:
            best = verdict
    return best


@dataclass(frozen=True, slots=True)
class _Moments:
    at: datetime
    now: datetime
    revoked_by: datetime


class _Paths:
    """Walks all paths of one certificate, within a budget of signature verifications."""

    def __init__(self, store: TrustStore, extra: Sequence[Certificate]) -> None:
        self._store = store
        self._extra = extra
        self._links_left = _MAX_LINKS

    def walk(self, certificate: Certificate) -> Iterator[tuple[tuple[Certificate, ...], bool]]:
        """(path, False) for each path that ends at an anchor, (stub, True) for each link whose signature is wrong."""
        return self._extend((certificate,))

    def _extend(self, path: tuple[Certificate, ...]) -> Iterator[tuple[tuple[Certificate, ...], bool]]:
        last = path[-1]
        if self._store.is_anchor(last):
            yield path, False
            return
        if len(path) == _MAX_PATH:
            return
        for issuer in self._store.issuers_of(last, self._extra):
            if any(issuer.spki == one.spki and issuer.subject == one.subject for one in path) or not self._links_left:
                continue
            self._links_left -= 1
            if self._store.link_verifies(last, issuer):
                yield from self._extend((*path, issuer))
            else:
                yield path, True


def _judge_path(path: tuple[Certificate, ...], store: TrustStore, moments: _Moments, usage: Usage) -> CertVerdict:
    at = moments.at
    status = _issuer_fault(path, at) or (
        CertStatus.UNKNOWN_CRITICAL_EXTENSION if path[0].extensions.unknown_critical else None
    )
    if status is not None:
        return CertVerdict(status, path)
    weakest, leaf = RevocationState.GOOD, path[0]
    looked_up: Lookup | None = None
    for index in range(len(path) - 2, -1, -1):
        looked_up = store.revocation(path[index], path[index + 1], moments.now)
        weakest = max(weakest, looked_up.state, key=WEAKNESS.index)
        if index and _counts(looked_up, moments):
            return CertVerdict(CertStatus.ISSUER_REVOKED, path, looked_up.state, looked_up.crl, looked_up.ocsp)
    if at < leaf.not_before:
        status = CertStatus.NOT_YET_VALID
    elif at > leaf.not_after:
        status = CertStatus.EXPIRED
    elif looked_up is not None and _counts(looked_up, moments):
        status = CertStatus.REVOKED
    elif not allows(leaf, usage):
        status = CertStatus.WRONG_USAGE
    elif weakest in OCSP_FAULTS or (store.require_revocation and weakest is not RevocationState.GOOD):
        status = CertStatus.REVOCATION_UNKNOWN
    else:
        status = CertStatus.GOOD
    if looked_up is None:
        return CertVerdict(status, path, weakest)
    return CertVerdict(status, path, weakest, looked_up.crl, looked_up.ocsp, looked_up.entry)


def _counts(looked_up: Lookup, moments: _Moments) -> bool:
    return looked_up.entry is not None and looked_up.entry.since <= moments.revoked_by


def _issuer_fault(path: tuple[Certificate, ...], at: datetime) -> CertStatus | None:
    """The first fault of the issuers, from the anchor down, that is none of revocation."""
    # A root of version 1 has no extensions to say that it is a CA: being an anchor says so.
    if not all(_is_ca(one) for one in path[1:] if one is not path[-1] or one.version != 1):
        return CertStatus.ISSUER_NOT_CA
    for index in range(len(path) - 1, 0, -1):
        issuer = path[index]
        limit = issuer.extensions.path_length
        below = sum(1 for one in path[1:index] if one.subject_key != one.issuer_key)
        if limit is not None and below > limit:
            return CertStatus.PATH_LENGTH
        if not names_allowed(issuer, [path[0], *(one for one in path[1:index] if one.subject_key != one.issuer_key)]):
            return CertStatus.NAME_CONSTRAINT
        if issuer.extensions.unknown_critical:
            return CertStatus.UNKNOWN_CRITICAL_EXTENSION
        if not issuer.not_before <= at <= issuer.not_after:
            return CertStatus.ISSUER_EXPIRED
    return None


def _is_ca(certificate: Certificate) -> bool:
    return certificate.extensions.ca and certificate.may(KEY_CERT_SIGN)


def allows(certificate: Certificate, usage: Usage) -> bool:
    """Whether key usage and extended key usage allow `usage`."""
    extensions = certificate.extensions
    purposes = extensions.extended_key_usage
    if usage is Usage.CA:
        return _is_ca(certificate)
    if usage is Usage.ENCRYPTION:
        return certificate.may(ENCRYPTION_USAGES)
    if not certificate.may(DIGITAL_SIGNATURE | NON_REPUDIATION):
        return False
    if usage is Usage.TIMESTAMP:
        # RFC 3161 clause 2.3: this purpose alone, and critical
        return purposes == {oids.TIME_STAMPING} and extensions.extended_key_usage_critical
    return purposes is None or not purposes <= _NO_DOCUMENTS
