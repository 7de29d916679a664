"""The stand-in for Tencent Cloud's SMS service: SendSms, PullSmsSendStatusByPhoneNumber and the status callback."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from radbridge.notify.domain.field_rules import holds_url, length
from radbridge.notify.domain.local_time import SHANGHAI
from radbridge.notify.stand_ins.accounts import TencentStandInAccount
from radbridge.notify.stand_ins.bench import Bench
from radbridge.notify.stand_ins.callbacks import Callback, answers_zero_in
from radbridge.notify.stand_ins.faults import FaultKind, hold
from radbridge.notify.stand_ins.ledger import AcceptedMessage, Gateway

ALLOWED_SKEW = timedelta(minutes=5)

_PHONE = re.compile(r"\+861[3-9]\d{9}")
_VERSION = "2021-01-11"
_AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/]+)/(\d{4}-\d\d-\d\d)/sms/tc3_request, ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})"
)


class TencentRefusalError(Exception):
    """A refusal of the whole request, or of one number where ``of_number``."""

    def __init__(self, code: str, message: str, *, of_number: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.of_number = of_number


class TencentStandIn:
    """Accepts what Tencent Cloud would accept for one account. SessionContext is switched on for it."""

    def __init__(self, account: TencentStandInAccount, bench: Bench) -> None:
        self._account = account
        self._bench = bench

    def app(self) -> FastAPI:
        """The gateway's host, to be mounted."""
        app = FastAPI(title="Tencent Cloud SMS stand-in")
        app.add_api_route("/", self._call, methods=["POST"])
        return app

    async def _call(self, request: Request) -> JSONResponse:
        response: dict[str, object]
        try:
            body = await request.body()
            self._verify(request, body)
            payload = _json_object(body)
            match request.headers.get("x-tc-action"), request.headers.get("x-tc-version"):
                case "SendSms", "2021-01-11":
                    response = {"SendStatusSet": [await self._send(request, payload)]}
                case "PullSmsSendStatusByPhoneNumber", "2021-01-11":
                    response = {"PullSmsSendStatusSet": self._pull(payload)}
                case _, version if version != _VERSION:
                    raise TencentRefusalError("NoSuchVersion", "the version does not exist")
                case _:
                    raise TencentRefusalError("InvalidAction", "the action does not exist")
        except TencentRefusalError as refusal:
            response = {"Error": {"Code": refusal.code, "Message": refusal.message}}
        return JSONResponse({"Response": {**response, "RequestId": str(uuid4())}})

    def _verify(self, request: Request, body: bytes) -> None:
        found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if found is None:
            raise TencentRefusalError("AuthFailure.InvalidAuthorization", "Authorization is not in the TC3 form")
        secret_id, date, signed_headers, signature = found.groups()
        if secret_id != self._account.secret_id:
            raise TencentRefusalError("AuthFailure.SecretIdNotFound", "the secret id does not exist")
        timestamp = request.headers.get("x-tc-timestamp", "")
        if not re.fullmatch(r"\d{1,12}", timestamp):
            raise TencentRefusalError("InvalidParameter", "X-TC-Timestamp is not a unix time")
        sent_at = datetime.fromtimestamp(int(timestamp), UTC)
        if abs(self._bench.clock() - sent_at) > ALLOWED_SKEW:
            raise TencentRefusalError("AuthFailure.SignatureExpire", "the signature has expired")
        names = signed_headers.split(";")
        if sent_at.strftime("%Y-%m-%d") != date or not {"content-type", "host"} <= set(names):
            raise TencentRefusalError("AuthFailure.SignatureFailure", "date or signed headers are wrong")
        lines = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names)
        canonical = f"POST\n/\n\n{lines}\n{signed_headers}\n{hashlib.sha256(body).hexdigest()}"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"TC3{self._account.secret_key}".encode()
        for step in (date, "sms", "tc3_request", f"TC3-HMAC-SHA256\n{timestamp}\n{date}/sms/tc3_request\n{digest}"):
            key = hmac.new(key, step.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(key.hex(), signature):
            raise TencentRefusalError("AuthFailure.SignatureFailure", "the signature does not match")
        if not request.headers.get("x-tc-region"):
            raise TencentRefusalError("MissingParameter", "X-TC-Region is missing")

    async def _send(self, request: Request, payload: Mapping[str, object]) -> dict[str, object]:
        """The status of the one number that each request may hold here."""
        phone = _only_phone(payload)
        session_context = str(payload.get("SessionContext", ""))
        try:
            message = self._checked(phone, session_context, payload)
            fault = self._bench.faults.take(Gateway.TENCENT)
            if fault is not None and fault.kind is FaultKind.REFUSE:
                raise TencentRefusalError(fault.code, "ordered refusal", of_number=True)
        except TencentRefusalError as refusal:
            if not refusal.of_number:
                raise
            return _status(phone, session_context, refusal.code, refusal.message)
        if fault is not None and fault.kind is FaultKind.HOLD_BEFORE_ACCEPTING:
            await hold(request)
            raise TencentRefusalError("RequestLimitExceeded", "not accepted")
        self._bench.ledger.add(message)
        self._bench.poster.post_later(lambda: self._report(message), answers_zero_in("result"))
        if fault is not None:
            await hold(request)
        return _status(phone, session_context, "Ok", "send success", serial=message.provider_id)

    def _checked(self, phone: str, session_context: str, payload: Mapping[str, object]) -> AcceptedMessage:
        if payload.get("SmsSdkAppId") != self._account.sdk_app_id:
            raise TencentRefusalError("UnauthorizedOperation.SmsSdkAppIdVerifyFail", "SmsSdkAppId is not yours")
        if _PHONE.fullmatch(phone) is None:
            raise TencentRefusalError(
                "InvalidParameterValue.IncorrectPhoneNumber", "phone number is not valid", of_number=True
            )
        sign_name = payload.get("SignName")
        if not isinstance(sign_name, str) or sign_name not in self._account.sign_names:
            raise _of_number("FailedOperation.SignatureIncorrectOrUnapproved", "signature is not approved")
        template_id = str(payload.get("TemplateId"))
        template = self._account.templates.get(template_id)
        if template is None:
            raise _of_number("FailedOperation.TemplateIncorrectOrUnapproved", "template is not approved")
        values = _strings(payload.get("TemplateParamSet") or [])
        if len(values) != template.parameters:
            raise _of_number("FailedOperation.TemplateParamSetNotMatchApprovedTemplate", "wrong number of parameters")
        if any(length(value) > template.variable_limit for value in values):
            raise _of_number("InvalidParameterValue.TemplateParameterLengthLimit", "a parameter is too long")
        if any(holds_url(value) for value in values):
            raise _of_number("InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", "a parameter holds a URL")
        now = self._bench.clock()
        recent = sum(
            now - message.accepted_at < timedelta(seconds=30)
            for message in self._bench.ledger.of(Gateway.TENCENT, recipient=phone)
        )
        if recent >= self._account.thirty_second_limit:
            raise _of_number("LimitExceeded.PhoneNumberThirtySecondLimit", "too many messages in 30 seconds")
        return AcceptedMessage(
            gateway=Gateway.TENCENT,
            provider_id=f"5000:{uuid4().int % 10**25}",
            correlation_id=session_context,
            recipient=phone,
            template_id=template_id,
            fields={str(number): value for number, value in enumerate(values, start=1)},
            accepted_at=now,
            sign_name=sign_name,
            text=f"【{sign_name}】{template.fill(values)}",
        )

    def _pull(self, payload: Mapping[str, object]) -> list[dict[str, object]]:
        """Only messages that the carrier has reported, as the real service."""
        begin, end = payload.get("BeginTime"), payload.get("EndTime")
        if not isinstance(begin, int) or payload.get("Offset") != 0 or payload.get("Limit") not in range(1, 101):
            raise TencentRefusalError("InvalidParameterValue.LimitVerifyFail", "BeginTime, Offset or Limit is wrong")
        latest = end if isinstance(end, int) else int(self._bench.clock().timestamp())
        return [
            {
                "UserReceiveTime": int(message.accepted_at.timestamp()),
                "CountryCode": "86",
                "SubscriberNumber": message.recipient.removeprefix("+86"),
                "PhoneNumber": message.recipient,
                "SerialNo": message.provider_id,
                "ReportStatus": "SUCCESS" if message.delivered else "FAIL",
                "Description": message.report,
                "SessionContext": message.correlation_id,
            }
            for message in self._bench.ledger.of(Gateway.TENCENT, recipient=str(payload.get("PhoneNumber")))
            if message.delivered is not None and begin <= int(message.accepted_at.timestamp()) <= latest
        ]

    def _report(self, message: AcceptedMessage) -> Callback | None:
        message.delivered = message.recipient.removeprefix("+86") not in self._account.unreachable
        message.report = "DELIVRD" if message.delivered else "UNDELIV"
        if self._bench.urls.tencent is None:
            return None
        report = {
            "user_receive_time": self._bench.clock().astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"),
            "nationcode": "86",
            "mobile": message.recipient.removeprefix("+86"),
            "report_status": "SUCCESS" if message.delivered else "FAIL",
            "errmsg": message.report,
            "description": "用户短信送达成功" if message.delivered else "用户短信送达失败",
            "sid": message.provider_id,
        }
        return self._bench.urls.tencent, {"content-type": "application/json"}, json.dumps([report]).encode()


def _of_number(code: str, message: str) -> TencentRefusalError:
    return TencentRefusalError(code, message, of_number=True)


def _status(phone: str, session_context: str, code: str, message: str, serial: str = "") -> dict[str, object]:
    return {
        "SerialNo": serial,
        "PhoneNumber": phone,
        "Fee": 1 if serial else 0,
        "SessionContext": session_context,
        "Code": code,
        "Message": message,
        "IsoCode": "CN",
    }


def _json_object(body: bytes) -> Mapping[str, object]:
    try:
        payload = cast("object", json.loads(body))
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise TencentRefusalError("InvalidRequest", "the body is not a JSON object")
    return cast("dict[str, object]", payload)


def _strings(value: object) -> list[str]:
    if isinstance(value, list) and all(isinstance(item, str) for item in cast("list[object]", value)):
        return cast("list[str]", value)
    raise TencentRefusalError("InvalidParameter", "an array of strings is needed")


def _only_phone(payload: Mapping[str, object]) -> str:
    phones = _strings(payload.get("PhoneNumberSet"))
    if len(phones) != 1:
        raise TencentRefusalError("InvalidParameterValue.LimitVerifyFail", "this stand-in takes one number a request")
    return phones[0]
