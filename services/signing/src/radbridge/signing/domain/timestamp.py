"""Timestamp tokens (RFC 3161, GM/T 0033), bare or inside a TimeStampResp, judged by the TSA certificate at genTime."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from radbridge.signing.domain import der, oids
from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.chain import CertStatus, CertVerdict, Usage, allows, judge_certificate
from radbridge.signing.domain.cms import SignedData, SignerInfo, digest, parse_signed_data, verify_signer
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.ess import names_certificate
from radbridge.signing.domain.revocation import COMPROMISES
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.unforeseen import UNREADABLE, or_malformed

FUTURE_TOLERANCE = timedelta(minutes=10)


class VerifyRes(StrEnum):
    """The answers of /coss/service/v1/verifyTS."""

    VALID = "1"
    INVALID = "-1"
    IMPRINT_MISMATCH = "-2"
    UNTRUSTED = "-3"
    NOT_YET_VALID = "-4"
    NOT_FOUND = "-5"
    EXPIRED = "-6"


@dataclass(frozen=True)
class TimestampVerdict:
    """`gen_time` and `tsa` are set as soon as they are known, even where the verdict is not 1."""

    res: VerifyRes
    reason: str
    gen_time: datetime | None = None
    tsa: Certificate | None = None
    certificate: CertVerdict | None = None

    @property
    def valid(self) -> bool:
        return self.res is VerifyRes.VALID


@dataclass(frozen=True)
class TstInfo:
    """What a token says: the imprint of the data and when it was made."""

    imprint_oid: str
    imprint: bytes
    serial: int
    gen_time: datetime


@dataclass(frozen=True, repr=False)
class TimestampToken:
    """A parsed token; `signer` is the one that RFC 3161 allows."""

    signed: SignedData
    signer: SignerInfo
    content: bytes
    info: TstInfo


@or_malformed(lambda: TimestampVerdict(VerifyRes.INVALID, f"时间戳{UNREADABLE}"))
def judge_timestamp(token: bytes, data: bytes | None, store: TrustStore, *, now: datetime) -> TimestampVerdict:
    """Whether `token` (DER) proves that `data` existed at its genTime. `data` None leaves the imprint unchecked.

    The TSA certificate may come along or be known to `store`. Tests are made in this order: form, -5, -1, -2, -3,
    -4 / -6. A revocation after genTime changes nothing, unless the key was compromised: then nobody can tell the tokens
    that its holder made from those that others did (RFC 3161 clause 4). Never raises for input.
    """
    try:
        parsed = parse_token(token)
    except DerError as fault:
        return TimestampVerdict(VerifyRes.INVALID, f"时间戳结构错误：{fault}")
    gen_time = parsed.info.gen_time
    tsa = _tsa_certificate(parsed, store)
    if tsa is None:
        return TimestampVerdict(VerifyRes.NOT_FOUND, "找不到时间戳服务器证书", gen_time)
    verdict = judge_certificate(
        tsa, store, at=gen_time, now=now, usage=Usage.TIMESTAMP, extra=parsed.signed.certificates
    )
    res, reason = (
        _signature_fault(parsed, tsa, verdict, now)
        or _imprint_fault(parsed.info, data)
        or _certificate_fault(tsa, verdict, gen_time)
        or (VerifyRes.VALID, "时间戳有效")
    )
    return TimestampVerdict(res, reason, gen_time, tsa, verdict)


def parse_token(data: bytes) -> TimestampToken:
    """The token that `data` is or carries; DerError where malformed, refused by its TSA or not over a TSTInfo."""
    outer = der.parse(data, ber=True).expect(der.SEQUENCE, "timestamp").cursor()
    if outer.peek() == der.SEQUENCE:
        status = outer.take().cursor().take(der.INTEGER, "status").integer()
        if status not in (0, 1):
            raise DerError("the authority did not grant the timestamp")
        token = outer.take(der.SEQUENCE, "timeStampToken")
        outer.finish("TimeStampResp")
        data = token.raw
    signed = parse_signed_data(data)
    if signed.content_type != oids.TST_INFO or signed.content is None:
        raise DerError("the content is not TSTInfo")
    if len(signed.signers) != 1:
        raise DerError("a timestamp token has one signer")
    return TimestampToken(signed, signed.signers[0], signed.content, _parse_tst_info(signed.content))


def _parse_tst_info(content: bytes) -> TstInfo:
    fields = der.parse(content, ber=True).expect(der.SEQUENCE, "TSTInfo").cursor()
    if fields.take(der.INTEGER, "version").integer() != 1:
        raise DerError("TSTInfo has version 1")
    fields.take(der.OID, "policy").oid()
    imprint = fields.take(der.SEQUENCE, "messageImprint").cursor()
    # Tokens of 2018 have a bare OID where RFC 3161 has an AlgorithmIdentifier.
    algorithm = imprint.take(what="hashAlgorithm")
    oid = algorithm.oid() if algorithm.tag == der.OID else algorithm.cursor().take(der.OID, "hashAlgorithm").oid()
    hashed = imprint.take(what="hashedMessage").octets()
    imprint.finish("messageImprint")
    serial = fields.take(der.INTEGER, "serialNumber").integer()
    gen_time = fields.take(der.GENERALIZED_TIME, "genTime").time()
    for tag in (der.SEQUENCE, der.BOOLEAN, der.INTEGER, der.context(0)):  # accuracy, ordering, nonce, tsa
        fields.optional(tag)
    if (extensions := fields.optional(der.context(1))) is not None:
        _refuse_critical(extensions)
    fields.finish("TSTInfo")
    return TstInfo(oid, hashed, serial, gen_time)


def _refuse_critical(extensions: der.Element) -> None:
    """Nothing here knows any extension of TSTInfo."""
    for extension in extensions.children(64):
        fields = extension.expect(der.SEQUENCE, "Extension").cursor()
        fields.take(der.OID, "extnID")
        critical = fields.optional(der.BOOLEAN)
        if critical is not None and critical.boolean():
            raise DerError("TSTInfo has an unknown critical extension")


def _tsa_certificate(token: TimestampToken, store: TrustStore) -> Certificate | None:
    # Where certificates came along the signer's is among them: one that was damaged must not be made up for.
    if token.signed.certificates:
        return token.signer.find_certificate(token.signed.certificates)
    if token.signer.issuer_and_serial is not None:
        return store.find(*token.signer.issuer_and_serial)
    return token.signer.find_certificate((*store.anchors, *store.intermediates))


def _signature_fault(
    token: TimestampToken, tsa: Certificate, verdict: CertVerdict, now: datetime
) -> tuple[VerifyRes, str] | None:
    if token.signer.signed_attributes is None:
        return VerifyRes.INVALID, "时间戳没有签名属性"
    arithmetic = verify_signer(token.signer, token.signed.content_type, token.content, tsa.key)
    if arithmetic.fault is not None:
        return VerifyRes.INVALID, f"时间戳{arithmetic.reason}"
    if not names_certificate(token.signer, tsa):
        return VerifyRes.INVALID, "时间戳中的签名证书标识与时间戳服务器证书不符"
    if not allows(tsa, Usage.TIMESTAMP):
        return VerifyRes.INVALID, "证书不是时间戳服务器证书（扩展密钥用途须为关键扩展，且只含时间戳）"
    if token.info.gen_time - now > FUTURE_TOLERANCE:
        return VerifyRes.INVALID, "时间戳的时间晚于当前时间"
    if verdict.status in (CertStatus.REVOKED, CertStatus.ISSUER_REVOKED, CertStatus.BAD_SIGNATURE):
        return VerifyRes.INVALID, f"时间戳服务器{verdict.reason}"
    if verdict.entry is not None and verdict.entry.reason in COMPROMISES:
        return VerifyRes.INVALID, "时间戳服务器证书因私钥泄露被吊销，它签发的时间戳都不可信"
    return None


def _imprint_fault(info: TstInfo, data: bytes | None) -> tuple[VerifyRes, str] | None:
    if data is None:
        return None
    hashed = digest(info.imprint_oid, data)
    if hashed is None:
        name = "SHA-1" if info.imprint_oid == oids.SHA1 else info.imprint_oid
        return VerifyRes.INVALID, f"时间戳的摘要算法（{name}）不受支持，不能与原文核对"
    if hashed != info.imprint:
        return VerifyRes.IMPRINT_MISMATCH, "时间戳的摘要与原文不符"
    return None


def _certificate_fault(tsa: Certificate, verdict: CertVerdict, gen_time: datetime) -> tuple[VerifyRes, str] | None:
    if verdict.good:
        return None
    dated = verdict.status in (CertStatus.NOT_YET_VALID, CertStatus.EXPIRED, CertStatus.ISSUER_EXPIRED)
    if dated and gen_time < tsa.not_before:
        return VerifyRes.NOT_YET_VALID, "签发时间戳时服务器证书尚未生效"
    if dated and gen_time > tsa.not_after:
        return VerifyRes.EXPIRED, "签发时间戳时服务器证书已过有效期"
    return VerifyRes.UNTRUSTED, f"时间戳服务器{verdict.reason}"
