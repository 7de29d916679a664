"""How well it could be looked up whether a certificate is revoked, and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

REASONS = {
    0: "unspecified",
    1: "keyCompromise",
    2: "cACompromise",
    3: "affiliationChanged",
    4: "superseded",
    5: "cessationOfOperation",
    6: "certificateHold",
    9: "privilegeWithdrawn",
    10: "aACompromise",
}
"""CRLReason (RFC 5280 clause 5.3.1); any other value counts as unspecified."""


class RevocationState(StrEnum):
    """GOOD alone rests on a current list or OCSP answer. The states of OCSP are those of a certificate that names a
    responder, was asked about, and got no answer that counts."""

    GOOD = "good"
    STALE = "stale"
    FORGED = "forged"
    NO_LIST = "no_list"
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
