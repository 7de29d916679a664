"""``/dsvs/v1/pkcs1|pkcs7/verifyDataSign``: is this text signed? For hospitals, before they upload (四(二)4(5))."""

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from radbridge.contracts.dialects.shanxi_v2_1.pack import load_pack
from radbridge.contracts.dialects.shanxi_v2_1.refusals import data_signature_refusal
from radbridge.contracts.dialects.validate import RecordValidator
from radbridge.runtime.body import offload
from radbridge.runtime.clock import Clock
from radbridge.signing.api import wire
from radbridge.signing.api.callers import Callers, peer_of
from radbridge.signing.api.wire import GOOD, INVALID, SUCCESS, TOO_LARGE, Answer, Parameters, Refused
from radbridge.signing.domain.data_signature import ORIGINAL_BYTES_MAX, DataSignature, verify_pkcs1, verify_pkcs7
from radbridge.signing.domain.pkcs1 import scheme_named
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.wire import Base64Error, decode_base64
from radbridge.signing.ocsp_responders import OcspResponders
from radbridge.signing.trust import TrustKeeper

PKCS1, PKCS7 = "pkcs1/verifyDataSign", "pkcs7/verifyDataSign"


def router(callers: Callers, trust: TrustKeeper, responders: OcspResponders, clock: Clock) -> APIRouter:
    """The paths as printed."""
    api = APIRouter(prefix="/dsvs/v1", tags=["Shanxi V2.1"])
    tables = load_pack().tables
    pkcs1_fields = RecordValidator(tables["dsvs_pkcs1_verify_data_sign_request"])
    pkcs7_fields = RecordValidator(tables["dsvs_pkcs7_verify_data_sign_request"])

    def judge_pkcs1(parameters: Parameters, store: TrustStore) -> DataSignature:
        wire.checked((pkcs1_fields,), parameters)
        scheme = scheme_named(wire.text(parameters, "signAlgIdentifier"))
        if scheme is None:
            raise Refused(INVALID, "signAlgIdentifier不受支持，应为SM3WithSM2或SHA256WithRSA")
        certificate, public_key = wire.text(parameters, "base64Cert"), wire.text(parameters, "pubKey")
        if not certificate.strip() and not public_key.strip():
            raise Refused(INVALID, "base64Cert和pubKey不能都为空（二选一）")
        verify_certificate = wire.flag(parameters, "verifyCert")
        if verify_certificate and not certificate.strip():
            raise Refused(INVALID, "verifyCert为true时必须传入base64Cert")
        return verify_pkcs1(
            _original(parameters),
            wire.text(parameters, "signValue"),
            scheme,
            certificate=certificate,
            public_key=public_key,
            verify_certificate=verify_certificate,
            store=store,
            now=clock(),
        )

    def judge_pkcs7(parameters: Parameters, store: TrustStore) -> DataSignature:
        wire.checked((pkcs7_fields,), parameters)
        return verify_pkcs7(
            _original(parameters),
            wire.text(parameters, "signValue"),
            verify_certificate=wire.flag(parameters, "verifyCert"),
            store=store,
            now=clock(),
        )

    async def judged(
        judge: Callable[[Parameters, TrustStore], DataSignature], parameters: Parameters, size: int
    ) -> DataSignature:
        store = await trust.current()
        if not wire.flag(parameters, "verifyCert"):
            return await offload(judge, size, parameters, store)
        found, _ = await responders.judged(store, lambda asking: offload(judge, size, parameters, asking))
        return found

    @api.post("/pkcs1/verifyDataSign", summary="电子签名验证 PKCS1")
    async def pkcs1(request: Request) -> Response:
        """A bare signature over a text. Fields: docs/api/shanxi-v2.1.md."""

        async def serve(parameters: Parameters, size: int) -> Answer:
            await callers.signed_or_near(parameters, size, peer_of(request))
            return _answer(PKCS1, parameters, await judged(judge_pkcs1, parameters, size))

        return await wire.served(request, PKCS1, serve, _refusal)

    @api.post("/pkcs7/verifyDataSign", summary="电子签名验证 PKCS7")
    async def pkcs7(request: Request) -> Response:
        """A GM/T 0010 or CMS SignedData over a text. Fields: docs/api/shanxi-v2.1.md."""

        async def serve(parameters: Parameters, size: int) -> Answer:
            await callers.signed_or_near(parameters, size, peer_of(request))
            return _answer(PKCS7, parameters, await judged(judge_pkcs7, parameters, size))

        return await wire.served(request, PKCS7, serve, _refusal)

    return api


def _original(parameters: Parameters) -> bytes:
    """The original text's bytes, at most 5 MB of them (SX-083)."""
    sent = wire.original_text(parameters)
    if wire.flag(parameters, "base64"):
        try:
            data = decode_base64(sent)
        except Base64Error:
            raise Refused(INVALID, "base64为true，但oriData不是规范的Base64编码") from None
    else:
        data = sent.encode()
    if len(data) > ORIGINAL_BYTES_MAX:
        raise Refused(TOO_LARGE, f"oriData原文{len(data)}字节，超过上限{ORIGINAL_BYTES_MAX}字节（5M）")
    return data


def _answer(interface: str, parameters: Parameters, verdict: DataSignature) -> Answer:
    result = "true" if verdict.good else "false"
    trans_id = wire.text(parameters, "transId")
    wire.log_verdict(interface, trans_id, result)
    message = SUCCESS if verdict.good else verdict.reason
    return {"status": GOOD, "message": message, "data": {"transId": trans_id, "result": result}}


def _refusal(parameters: Parameters, refused: Refused) -> Answer:
    return data_signature_refusal(refused.status, refused.message, wire.text(parameters, "transId"))
