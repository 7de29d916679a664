"""The stand-in for Aliyun's SMS service: SendSms, QuerySendDetails and the SmsReport callback."""

import json
import re
from datetime import datetime
from typing import cast
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from radbridge.notify.domain.field_rules import holds_url, length
from radbridge.notify.domain.local_time import SHANGHAI
from radbridge.notify.stand_ins.accounts import AliyunStandInAccount
from radbridge.notify.stand_ins.aliyun_verification import AliyunRefusalError, AliyunVerifier
from radbridge.notify.stand_ins.bench import Bench
from radbridge.notify.stand_ins.callbacks import Callback, answers_zero_in
from radbridge.notify.stand_ins.faults import FaultKind, hold
from radbridge.notify.stand_ins.ledger import AcceptedMessage, Gateway

_PHONE = re.compile(r"(?:\+86|0086|86)?(1[3-9]\d{9})")
_VERSION = "2017-05-25"
_OK = {"Code": "OK", "Message": "OK"}


class AliyunStandIn:
    """Accepts what Aliyun would accept for one account."""

    def __init__(self, account: AliyunStandInAccount, bench: Bench) -> None:
        self._account = account
        self._bench = bench
        self._verifier = AliyunVerifier(account, bench.clock)

    def app(self) -> FastAPI:
        """The gateway's host, to be mounted."""
        app = FastAPI(title="Aliyun SMS stand-in")
        app.add_api_route("/", self._call, methods=["POST"])
        return app

    async def _call(self, request: Request) -> JSONResponse:
        request_id = str(uuid4()).upper()
        try:
            parameters = self._verifier.verify(request, await request.body())
            if request.headers["x-acs-version"] != _VERSION:
                raise AliyunRefusalError(404, "InvalidVersion", "Specified parameter Version is not valid.")
            match request.headers["x-acs-action"]:
                case "SendSms":
                    answer = await self._send(request, parameters)
                case "QuerySendDetails":
                    answer = self._query(parameters)
                case _:
                    raise AliyunRefusalError(404, "InvalidAction.NotFound", "Specified api is not found.")
        except AliyunRefusalError as refusal:
            body = {"Code": refusal.code, "Message": refusal.message, "RequestId": request_id}
            return JSONResponse(body, refusal.status)
        return JSONResponse({**_OK, **answer, "RequestId": request_id})

    async def _send(self, request: Request, parameters: dict[str, str]) -> dict[str, object]:
        message = self._checked(parameters)
        fault = self._bench.faults.take(Gateway.ALIYUN)
        if fault is not None and fault.kind is FaultKind.REFUSE:
            raise AliyunRefusalError(200, fault.code, "ordered refusal")
        if fault is not None and fault.kind is FaultKind.HOLD_BEFORE_ACCEPTING:
            await hold(request)
            raise AliyunRefusalError(503, "ServiceUnavailable", "not accepted")
        self._bench.ledger.add(message)
        self._bench.poster.post_later(lambda: self._report(message), answers_zero_in("code"))
        if fault is not None:
            await hold(request)
        return {"BizId": message.provider_id}

    def _checked(self, parameters: dict[str, str]) -> AcceptedMessage:
        phone = _PHONE.fullmatch(parameters.get("PhoneNumbers", ""))
        if phone is None:
            raise _business("isv.MOBILE_NUMBER_ILLEGAL", "mobile number is illegal")
        if parameters.get("SignName") not in self._account.sign_names:
            raise _business("isv.SMS_SIGNATURE_ILLEGAL", "signature is not approved")
        template = self._account.templates.get(parameters.get("TemplateCode", ""))
        if template is None:
            raise _business("isv.SMS_TEMPLATE_ILLEGAL", "template is not approved")
        values = _template_values(parameters.get("TemplateParam", "{}"))
        if not template.variables <= values.keys():
            raise _business("isv.TEMPLATE_MISSING_PARAMETERS", "template variables are missing")
        for value in values.values():
            if length(value) > template.variable_limit:
                raise _business("isv.PARAM_LENGTH_LIMIT", "template variable is too long")
            if holds_url(value):
                raise _business("isv.PARAM_NOT_SUPPORT_URL", "template variable holds a URL")
        self._check_daily_limit(phone[1], parameters["TemplateCode"])
        now = self._bench.clock()
        return AcceptedMessage(
            gateway=Gateway.ALIYUN,
            provider_id=f"{uuid4().int % 10**15}^0",
            correlation_id=parameters.get("OutId", ""),
            recipient=phone[1],
            template_id=parameters["TemplateCode"],
            fields=values,
            accepted_at=now,
            sign_name=parameters["SignName"],
            text=f"【{parameters['SignName']}】{template.fill(values)}",
        )

    def _check_daily_limit(self, phone: str, template_code: str) -> None:
        today = _local(self._bench.clock()).date()
        sent = sum(
            message.template_id == template_code and _local(message.accepted_at).date() == today
            for message in self._bench.ledger.of(Gateway.ALIYUN, recipient=phone)
        )
        if sent >= self._account.daily_limit:
            raise _business("isv.BUSINESS_LIMIT_CONTROL", f"day-level flow control, permits:{sent}")

    def _query(self, parameters: dict[str, str]) -> dict[str, object]:
        try:
            size, page = int(parameters["PageSize"]), int(parameters["CurrentPage"])
            phone, day = parameters["PhoneNumber"], parameters["SendDate"]
        except (KeyError, ValueError):
            raise _business(
                "isv.INVALID_PARAMETERS", "PhoneNumber, SendDate, PageSize and CurrentPage are needed"
            ) from None
        if not 1 <= size <= 50 or page < 1:
            raise _business("isv.INVALID_PARAMETERS", "PageSize is 1 to 50, CurrentPage from 1")
        found = [
            message
            for message in self._bench.ledger.of(Gateway.ALIYUN, recipient=phone)
            if _local(message.accepted_at).strftime("%Y%m%d") == day
            and parameters.get("BizId") in {None, "", message.provider_id}
        ]
        shown = found[(page - 1) * size : page * size]
        return {
            "TotalCount": len(found),
            "SmsSendDetailDTOs": {"SmsSendDetailDTO": [_detail(message) for message in shown]},
        }

    def _report(self, message: AcceptedMessage) -> Callback | None:
        message.delivered = message.recipient not in self._account.unreachable
        message.report = "DELIVERED" if message.delivered else "MOBILE_NOT_ON_SERVICE"
        if self._bench.urls.aliyun is None:
            return None
        now = _wire_time(self._bench.clock())
        report = {
            "phone_number": message.recipient,
            "send_time": _wire_time(message.accepted_at),
            "report_time": now,
            "success": message.delivered,
            "err_code": message.report,
            "err_msg": "用户接收成功" if message.delivered else "手机不在服务区",
            "sms_size": str(1 + max(length(message.text) - 4, 0) // 67),
            "biz_id": message.provider_id,
            "out_id": message.correlation_id,
        }
        return self._bench.urls.aliyun, {"content-type": "application/json"}, json.dumps([report]).encode()


def _business(code: str, message: str) -> AliyunRefusalError:
    """Business errors come with HTTP 200, those of the gateway with 4xx."""
    return AliyunRefusalError(200, code, message)


def _template_values(text: str) -> dict[str, str]:
    try:
        values = cast("object", json.loads(text))
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise _business("isv.INVALID_JSON_PARAM", "TemplateParam is not a JSON object")
    checked: dict[str, str] = {}
    for name, value in cast("dict[str, object]", values).items():
        if not isinstance(value, str) or not value:
            raise _business("isv.INVALID_JSON_PARAM", "TemplateParam values must be strings")
        checked[name] = value
    return checked


def _detail(message: AcceptedMessage) -> dict[str, object]:
    status = {None: 1, False: 2, True: 3}[message.delivered]
    return {
        "PhoneNum": message.recipient,
        "OutId": message.correlation_id,
        "TemplateCode": message.template_id,
        "Content": message.text,
        "SendDate": _wire_time(message.accepted_at),
        "SendStatus": status,
        "ErrCode": message.report or "",
    }


def _local(moment: datetime) -> datetime:
    return moment.astimezone(SHANGHAI)


def _wire_time(moment: datetime) -> str:
    return _local(moment).strftime("%Y-%m-%d %H:%M:%S")
