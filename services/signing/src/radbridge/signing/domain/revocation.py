"""How well it could be looked up whether a certificate is revoked, and what is said about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

CERTIFICATE_HOLD = "certificateHold"
REASONS = {
    0: "unspecified",
    1: "keyCompromise",
    2: "cACompromise",
    3: "affiliationChanged",
    4: "superseded",
    5: "cessationOfOperation",
    6: CERTIFICATE_HOLD,
    9: "privilegeWithdrawn",
    10: "aACompromise",
}
"""CRLReason (RFC 5280 clause 5.3.1); any other value counts as unspecified."""
COMPROMISES = frozenset({"keyCompromise", "cACompromise", "aACompromise"})
"""Reasons after which the key may be in any hands."""


class RevocationState(StrEnum):
    """GOOD alone rests on a current list or OCSP answer. OUT_OF_SCOPE: the issuer's lists are about other certificates
    or tell of some revocations only. INDIRECT: there are only lists of a kind that is not used. UNREADABLE: there is no
    list, but a file that should be one. The states of OCSP are those of a certificate that names a responder, was
    asked about, and got no answer that counts."""

    GOOD = "good"
    STALE = "stale"
    FORGED = "forged"
    NO_LIST = "no_list"
    OUT_OF_SCOPE = "out_of_scope"
    INDIRECT = "indirect"
    UNREADABLE = "unreadable"
    OCSP_UNREACHABLE = "ocsp_unreachable"
    OCSP_MALFORMED = "ocsp_malformed"
    OCSP_TRY_LATER = "ocsp_try_later"
    OCSP_REFUSED = "ocsp_refused"
    OCSP_FORGED = "ocsp_forged"
    OCSP_NONCE = "ocsp_nonce"
    OCSP_WRONG_CERTIFICATE = "ocsp_wrong_certificate"
    OCSP_STALE = "ocsp_stale"
    OCSP_UNKNOWN = "ocsp_unknown"


REVOCATION_REASONS = {
    RevocationState.GOOD: "吊销列表有效，证书未被吊销",
    RevocationState.STALE: "吊销列表已过下次更新时间",
    RevocationState.FORGED: "吊销列表签名错误，未采用",
    RevocationState.NO_LIST: "没有颁发者的吊销列表",
    RevocationState.OUT_OF_SCOPE: "颁发者的吊销列表不涵盖该证书（其他分发点或种类的证书、部分原因或增量列表）",
    RevocationState.INDIRECT: "颁发者只有间接吊销列表（indirectCRL），不受支持，未采用",
    RevocationState.UNREADABLE: "吊销列表不能读取，未采用",
    RevocationState.OCSP_UNREACHABLE: "OCSP服务无法访问",
    RevocationState.OCSP_MALFORMED: "OCSP应答格式错误",
    RevocationState.OCSP_TRY_LATER: "OCSP服务暂不应答（tryLater）",
    RevocationState.OCSP_REFUSED: "OCSP服务拒绝应答",
    RevocationState.OCSP_FORGED: "OCSP应答的签名错误或签发者无权应答，未采用",
    RevocationState.OCSP_NONCE: "OCSP应答的随机数与请求不符，未采用",
    RevocationState.OCSP_WRONG_CERTIFICATE: "OCSP应答不是针对该证书的，未采用",
    RevocationState.OCSP_STALE: "OCSP应答已过期或尚未生效，未采用",
    RevocationState.OCSP_UNKNOWN: "OCSP服务不认识该证书（unknown）",
}
NOT_REVOKED_BY_OCSP = "OCSP应答有效，证书未被吊销"
OCSP_FAULTS = frozenset(state for state in RevocationState if state.name.startswith("OCSP_"))
WEAKNESS = (
    RevocationState.GOOD,
    RevocationState.NO_LIST,
    RevocationState.OUT_OF_SCOPE,
    RevocationState.INDIRECT,
    RevocationState.UNREADABLE,
    RevocationState.STALE,
    RevocationState.FORGED,
    *(state for state in RevocationState if state in OCSP_FAULTS),
)
"""From what can be relied on to what cannot at all."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """Revoked from `since` on (the invalidity date where it is the earlier)."""

    since: datetime
    reason: str


def earliest(entries: Iterable[Revocation]) -> Revocation:
    """What the entries of one certificate, at least one, say together: the earliest moment, and a compromise if any
    tells of one."""
    found = sorted(entries, key=lambda one: one.since)
    told = next((one for one in found if one.reason in COMPROMISES), found[0])
    return Revocation(found[0].since, told.reason)
