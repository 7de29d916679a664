"""``/coss/service/v1/verifyTS``: is this a timestamp over this text (chapter 四(二)4(5)3, SX-088)."""

from fastapi import APIRouter, Request, Response

from radbridge.contracts.dialects.shanxi_v2_1.pack import load_pack
from radbridge.contracts.dialects.shanxi_v2_1.refusals import timestamp_refusal
from radbridge.contracts.dialects.validate import RecordValidator
from radbridge.runtime.body import offload
from radbridge.runtime.clock import Clock
from radbridge.signing.api import wire
from radbridge.signing.api.callers import Callers
from radbridge.signing.api.wire import GOOD, INVALID, SUCCESS, Answer, Parameters, Refused
from radbridge.signing.domain.timestamp import TimestampVerdict, VerifyRes, judge_timestamp
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.domain.wire import Base64Error, decode_base64
from radbridge.signing.ocsp_responders import OcspResponders
from radbridge.signing.trust import TrustKeeper

INTERFACE = "verifyTS"
VERSION = "1.0"


def router(callers: Callers, trust: TrustKeeper, responders: OcspResponders, clock: Clock) -> APIRouter:
    """The path as printed."""
    api = APIRouter(prefix="/coss/service/v1", tags=["Shanxi V2.1"])
    tables = load_pack().tables
    fields = (RecordValidator(tables["coss_public_request"]), RecordValidator(tables["verify_ts_request"]))

    def judge(parameters: Parameters, store: TrustStore) -> TimestampVerdict:
        wire.checked(fields, parameters)
        if wire.text(parameters, "version").strip() != VERSION:
            raise Refused(INVALID, f"version（请求消息版本号）应为{VERSION}")
        data = wire.original_text(parameters).encode()
        try:
            token = decode_base64(wire.text(parameters, "tsResp"))
        except Base64Error:
            return TimestampVerdict(VerifyRes.INVALID, "tsResp不是规范的Base64编码")
        return judge_timestamp(token, data, store, now=clock())

    @api.post("/verifyTS", summary="验证时间戳")
    async def verify_ts(request: Request) -> Response:
        """A timestamp token over a text, signed by the caller's HMAC. Fields: docs/api/shanxi-v2.1.md."""

        async def serve(parameters: Parameters, size: int) -> Answer:
            await callers.signed(parameters, size)
            verdict, _ = await responders.judged(
                await trust.current(), lambda store: offload(judge, size, parameters, store)
            )
            wire.log_verdict(INTERFACE, wire.text(parameters, "transId")[:64], verdict.res.value)
            message = SUCCESS if verdict.valid else verdict.reason
            return _answer(parameters, GOOD, message, {"verifyRes": verdict.res.value})

        return await wire.served(request, INTERFACE, serve, _refusal)

    return api


def _answer(parameters: Parameters, status: int, message: str, data: dict[str, str] | None) -> Answer:
    """The public response (SX-071): ``transId`` as it was sent."""
    return {"status": status, "message": message, "transId": wire.text(parameters, "transId"), "data": data}


def _refusal(parameters: Parameters, refused: Refused) -> Answer:
    return timestamp_refusal(refused.status, refused.message, wire.text(parameters, "transId"))
