"""SMS through Tencent Cloud: SendSms and PullSmsSendStatusByPhoneNumber, version 2021-01-11."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from radbridge.notify.channels.tencent_signature import CONTENT_TYPE, authorization
from radbridge.notify.channels.vendor_http import Answer, VendorHttp, objects_of
from radbridge.notify.domain.addresses import UnusableAddressError, mainland_mobile
from radbridge.notify.domain.messages import ChannelName, OutboundMessage
from radbridge.notify.domain.outcomes import (
    Accepted,
    AskOutcome,
    Confirmed,
    Reason,
    Refused,
    Retry,
    SendOutcome,
    StopAddress,
    Unknown,
)
from radbridge.notify.domain.retry_policy import Action, outcome_of, rule_for
from radbridge.runtime.clock import Clock

BASE_URL = "https://sms.tencentcloudapi.com"
VERSION = "2021-01-11"
_WINDOW = timedelta(minutes=10)
_MOST_STATES = 100


@dataclass(frozen=True, slots=True)
class TencentAccount:
    """A secret with the right to send, the SMS application, and the approved signature that messages carry."""

    secret_id: str
    secret_key: str = field(repr=False)
    sdk_app_id: str
    sign_name: str
    region: str = "ap-guangzhou"


class TencentSms:
    """The ``Channel`` of a Tencent Cloud account. ``SessionContext`` is our delivery id."""

    name = ChannelName.TENCENT_SMS

    def __init__(self, http: VendorHttp, account: TencentAccount, clock: Clock) -> None:
        self._http = http
        self._account = account
        self._clock = clock

    async def send(self, message: OutboundMessage) -> SendOutcome:
        """Hand the message to SendSms, signing again once where the signature's time was refused."""
        try:
            phone = mainland_mobile(message.recipient)
        except UnusableAddressError as error:
            return StopAddress(Reason("unusable_address", str(error)))
        payload = {
            "PhoneNumberSet": [f"+86{phone}"],
            "SmsSdkAppId": self._account.sdk_app_id,
            "TemplateId": message.template.vendor_template_id,
            "SignName": self._account.sign_name,
            "TemplateParamSet": [value for _, value in message.template.fields],
            "SessionContext": str(message.delivery_id),
        }
        outcome = await self._attempt(payload)
        if isinstance(outcome, Reason) and rule_for(self.name, outcome.code).action is Action.SIGN_AGAIN:
            outcome = await self._attempt(payload)
        if isinstance(outcome, Reason):
            return outcome_of(self.name, outcome, message.attempt, self._clock())
        return outcome

    async def _attempt(self, payload: Mapping[str, object]) -> SendOutcome | Reason:
        """One signed call; a Reason is the vendor's refusal."""
        answer = await self._call("SendSms", payload)
        if not isinstance(answer, Answer):
            return answer
        response = _response(answer)
        status = response.get("Error") or next(objects_of(response.get("SendStatusSet")), None)
        if not isinstance(status, dict):
            return Unknown(Reason(f"http_{answer.status}", "neither a status nor an error"))
        entry = cast("dict[str, object]", status)
        code = str(entry.get("Code"))
        if code == "Ok":
            return Accepted(str(entry.get("SerialNo")))
        return Reason.from_vendor(code, str(entry.get("Message", "")))

    async def ask(self, message: OutboundMessage, attempted_at: datetime) -> AskOutcome:
        """Look for our ``SessionContext`` among the number's states around the send.

        Never SafeToRepeat: Tencent lists a message only once its carrier has reported, and SessionContext only for
        accounts that had it switched on, so a missing state proves nothing.
        """
        answer = await self._call(
            "PullSmsSendStatusByPhoneNumber",
            {
                "BeginTime": int(attempted_at.timestamp()),
                "EndTime": int((attempted_at + _WINDOW).timestamp()),
                "Offset": 0,
                "Limit": _MOST_STATES,
                "PhoneNumber": f"+86{mainland_mobile(message.recipient)}",
                "SmsSdkAppId": self._account.sdk_app_id,
            },
        )
        if not isinstance(answer, Answer):
            return Unknown(answer.reason)
        response = _response(answer)
        error = response.get("Error")
        if isinstance(error, dict):
            return Unknown(Reason(str(cast("dict[str, object]", error).get("Code"))))
        states = list(objects_of(response.get("PullSmsSendStatusSet")))
        for state in states:
            if state.get("SessionContext") == str(message.delivery_id):
                return _state_of(state)
        return Unknown(Reason("not_listed"))

    async def _call(self, action: str, payload: Mapping[str, object]) -> Answer | Retry | Unknown:
        body = json.dumps(payload).encode()
        timestamp = int(self._clock().timestamp())
        account = self._account
        headers = {
            "content-type": CONTENT_TYPE,
            "host": self._http.host,
            "x-tc-action": action,
            "x-tc-version": VERSION,
            "x-tc-timestamp": str(timestamp),
            "x-tc-region": account.region,
            "authorization": authorization(account.secret_id, account.secret_key, self._http.host, body, timestamp),
        }
        return await self._http.post("/", headers=headers, content=body)


def _response(answer: Answer) -> Mapping[str, object]:
    response = answer.body.get("Response")
    return cast("dict[str, object]", response) if isinstance(response, dict) else {}


def _state_of(state: Mapping[str, object]) -> AskOutcome:
    description = str(state.get("Description") or "")
    if state.get("ReportStatus") == "SUCCESS":
        return Confirmed(description or "SUCCESS")
    return Refused(Reason.from_vendor(description or "FAIL", ""))
