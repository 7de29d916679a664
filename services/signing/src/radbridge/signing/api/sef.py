"""``/sef/v1/SEF_VerifySeal``: every seal of a PDF or OFD, judged (chapter 四(二)4(7), SX-090 to SX-092)."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter, Request, Response

from radbridge.contracts.dialects.codec import format_datetime
from radbridge.contracts.dialects.formats import FORMATS
from radbridge.contracts.dialects.shanxi_v2_1.pack import load_pack
from radbridge.contracts.dialects.shanxi_v2_1.refusals import seal_refusal
from radbridge.contracts.dialects.validate import RecordValidator
from radbridge.runtime.clock import Clock
from radbridge.runtime.directory import Institution
from radbridge.runtime.http_client import AddressRefused, AnswerTooLarge, OutboundClient, OutboundError
from radbridge.signing.api import wire
from radbridge.signing.api.callers import Callers, peer_of
from radbridge.signing.api.wire import INVALID, SUCCESS, TOO_LARGE, Answer, Parameters, Refused
from radbridge.signing.domain import document_signature as words
from radbridge.signing.domain import ofd_seal, oids
from radbridge.signing.domain.certificate import Certificate
from radbridge.signing.domain.document_signature import SealVerdict
from radbridge.signing.domain.public_key import seal_scheme
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.wire import Base64Error, decode_base64
from radbridge.signing.ocsp_responders import OcspResponders
from radbridge.signing.trust import TrustKeeper

INTERFACE = "SEF_VerifySeal"
DATA, ADDRESS = "0", "1"
FILE_BYTES_MAX = 48 * 1024 * 1024
_ADDRESS_LENGTH_MAX = 2000
_UNREACHABLE = 404
_OK = 200
_GOOD_SEAL = 0
_OTHER_FAULT = 1
_VERIFY_RESULTS = {
    words.GOOD: _GOOD_SEAL,
    words.SIGNATURE_INVALID: 2,
    words.DOCUMENT_CHANGED: 3,
    words.MODIFIED_AFTER_SIGNING: 4,
    words.CERT_REVOKED: 5,
    ofd_seal.SEAL_MISMATCH: 6,
}
"""``verifyResult`` of a seal; any other fault is 1 (dictionary ``sef_verify_result``)."""


def router(
    callers: Callers, trust: TrustKeeper, responders: OcspResponders, http: OutboundClient, clock: Clock
) -> APIRouter:
    """The path as printed."""
    api = APIRouter(prefix="/sef/v1", tags=["Shanxi V2.1"])
    fields = RecordValidator(load_pack().tables["sef_verify_seal_request"])

    async def fetched(url: str, callers_found: Sequence[Institution]) -> bytes:
        if len(url) > _ADDRESS_LENGTH_MAX or not FORMATS["http_url"].matches(url):
            raise Refused(INVALID, "fileData不是http或https地址")
        hosts = [host for one in callers_found for host in one.hosts]
        try:
            answer = await http.request("GET", url, hosts=hosts, attempts=1, answer_bytes_max=FILE_BYTES_MAX)
        except AddressRefused:
            raise Refused(INVALID, "fileData的地址不是本机构登记的http或https地址") from None
        except AnswerTooLarge:
            raise Refused(TOO_LARGE, f"fileData地址上的文件超过上限{FILE_BYTES_MAX}字节") from None
        except OutboundError:
            raise Refused(_UNREACHABLE, "fileData的地址无法访问") from None
        if answer.status_code != _OK:
            raise Refused(_UNREACHABLE, f"fileData的地址返回HTTP {answer.status_code}")
        return answer.content

    @api.post("/SEF_VerifySeal", summary="电子签章验签")
    async def verify_seal(request: Request) -> Response:
        """All seals of a document given as data or address. Fields: docs/api/shanxi-v2.1.md."""

        async def serve(parameters: Parameters, size: int) -> Answer:
            found = await callers.signed_or_near(parameters, size, peer_of(request))
            await asyncio.to_thread(wire.checked, (fields,), parameters)
            file_data = wire.text(parameters, "fileData")
            if wire.number(parameters, "fileDataType") == ADDRESS:
                document = await fetched(file_data.strip(), found)
            else:
                document = await asyncio.to_thread(_decoded, file_data)
            answer, _ = await responders.judged(
                await trust.current(), lambda store: asyncio.to_thread(_judged, parameters, document, store, clock)
            )
            return answer

        return await wire.served(request, INTERFACE, serve, _refusal)

    return api


def _decoded(file_data: str) -> bytes:
    try:
        return decode_base64(file_data)
    except Base64Error:
        raise Refused(INVALID, "fileData不是规范的Base64编码") from None


def _judged(parameters: Parameters, document: bytes, store: TrustStore, clock: Clock) -> Answer:
    seals, reason = _seals(document, store, clock)
    good = bool(seals) and all(seal.good for seal in seals)
    trans_id = wire.text(parameters, "transId")
    wire.log_verdict(INTERFACE, trans_id, "true" if good else "false")
    info = {"totalCount": len(seals), "signInfoList": [_shown(index, seal) for index, seal in enumerate(seals)]}
    return {
        "transId": trans_id,
        "resultCode": 0,
        "resultMessage": SUCCESS if seals else reason,
        "fileVerifyInfo": info,
    }


def _seals(document: bytes, store: TrustStore, clock: Clock) -> tuple[tuple[SealVerdict, ...], str]:
    """The document's seals, and why there are none where it has none."""
    if document.startswith(b"PK"):
        judged = ofd_seal.judge_ofd(document, store, now=clock())
        # content that no signature protects is a fault of the document, so of each of its seals
        spoiled = judged.word != ofd_seal.VALID and all(seal.good for seal in judged.seals)
        if spoiled:
            return tuple(replace(seal, word=judged.word, reason=judged.reason) for seal in judged.seals), judged.reason
        return judged.seals, judged.reason
    # the PDF reader is a heavy import that other requests do without
    from radbridge.signing.domain.pdf_seal import judge_pdf

    if b"%PDF-" not in document[:1024]:
        raise Refused(INVALID, "fileData不是PDF或OFD文件")
    verdict = judge_pdf(document, store, now=clock())
    return verdict.seals, verdict.reason


def _shown(index: int, seal: SealVerdict) -> Answer:
    result = _VERIFY_RESULTS.get(seal.word, _OTHER_FAULT)
    moment = seal.signing_time
    scheme = seal_scheme(seal.algorithm) if seal.algorithm and seal.algorithm != oids.RSA_ENCRYPTION else None
    return {
        "signIndex": index,
        "pageIndex": seal.page,
        "verifyResult": result,
        "resultMsg": _message(seal),
        "signedValue": _base64(seal.signed_value),
        "sealImage": _base64(seal.picture.data) if seal.picture else "",
        "signDate": format_datetime(moment) if moment else "",
        "signCert": _certificate(seal.certificate),
        "signAlg": scheme.value if scheme else seal.algorithm,
        "sealMakeCert": _certificate(seal.maker),
    }


def _message(seal: SealVerdict) -> str:
    if not seal.good:
        return seal.reason
    return f"成功（{seal.remark}）" if seal.remark else "成功"


def _certificate(certificate: Certificate | None) -> str:
    return _base64(certificate.raw) if certificate else ""


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _refusal(parameters: Parameters, refused: Refused) -> Answer:
    return seal_refusal(refused.status, refused.message, wire.text(parameters, "transId"))
