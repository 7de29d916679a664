"""SMS through Aliyun: SendSms and QuerySendDetails, RPC style, version 2017-05-25."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import uuid4

from radbridge.notify.channels.aliyun_signature import EMPTY_BODY_SHA256, authorization, canonical_query
from radbridge.notify.channels.vendor_http import Answer, VendorHttp, objects_of
from radbridge.notify.domain.addresses import UnusableAddressError, mainland_mobile
from radbridge.notify.domain.local_time import SHANGHAI
from radbridge.notify.domain.messages import ChannelName, OutboundMessage
from radbridge.notify.domain.outcomes import (
    Accepted,
    AskOutcome,
    Confirmed,
    Reason,
    Refused,
    Retry,
    SafeToRepeat,
    SendOutcome,
    StopAddress,
    Unknown,
)
from radbridge.notify.domain.retry_policy import Action, outcome_of, rule_for
from radbridge.runtime.clock import Clock

BASE_URL = "https://dysmsapi.aliyuncs.com"
VERSION = "2017-05-25"
SETTLING_TIME = timedelta(minutes=5)
"""How long after a send its absence from QuerySendDetails proves nothing."""

_PAGE_SIZE = 50
_MOST_PAGES = 20


@dataclass(frozen=True, slots=True)
class AliyunAccount:
    """An access key with the right to send, and the approved signature that messages carry."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    sign_name: str


class AliyunSms:
    """The ``Channel`` of an Aliyun account. ``OutId`` is our delivery id and comes back in receipts and queries."""

    name = ChannelName.ALIYUN_SMS

    def __init__(
        self,
        http: VendorHttp,
        account: AliyunAccount,
        clock: Clock,
        new_nonce: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._http = http
        self._account = account
        self._clock = clock
        self._new_nonce = new_nonce

    async def send(self, message: OutboundMessage) -> SendOutcome:
        """Hand the message to SendSms, signing again once where nonce or date were refused."""
        try:
            phone = mainland_mobile(message.recipient)
        except UnusableAddressError as error:
            return StopAddress(Reason("unusable_address", str(error)))
        parameters = {
            "PhoneNumbers": phone,
            "SignName": self._account.sign_name,
            "TemplateCode": message.template.vendor_template_id,
            "TemplateParam": json.dumps(dict(message.template.fields), ensure_ascii=False, separators=(",", ":")),
            "OutId": str(message.delivery_id),
        }
        outcome = await self._attempt(parameters)
        if isinstance(outcome, Reason) and rule_for(self.name, outcome.code).action is Action.SIGN_AGAIN:
            outcome = await self._attempt(parameters)
        if isinstance(outcome, Reason):
            return outcome_of(self.name, outcome, message.attempt, self._clock())
        return outcome

    async def _attempt(self, parameters: Mapping[str, str]) -> SendOutcome | Reason:
        """One signed call; a Reason is the vendor's refusal."""
        answer = await self._call("SendSms", parameters)
        if not isinstance(answer, Answer):
            return answer
        code = str(answer.body.get("Code") or f"http_{answer.status}")
        if code == "OK":
            return Accepted(str(answer.body.get("BizId")))
        return Reason.from_vendor(code, str(answer.body.get("Message", "")))

    async def ask(self, message: OutboundMessage, attempted_at: datetime) -> AskOutcome:
        """Look for our ``OutId`` among the number's messages of that day (and the next, around midnight)."""
        phone = mainland_mobile(message.recipient)
        for day in _days_of(attempted_at):
            found = await self._find(phone, day, str(message.delivery_id))
            if found is not None:
                return found
        if self._clock() - attempted_at < SETTLING_TIME:
            return Unknown(Reason("not_listed_yet"))
        return SafeToRepeat()

    async def _find(self, phone: str, day: str, out_id: str) -> AskOutcome | None:
        for page in range(1, _MOST_PAGES + 1):
            answer = await self._call(
                "QuerySendDetails",
                {"PhoneNumber": phone, "SendDate": day, "PageSize": str(_PAGE_SIZE), "CurrentPage": str(page)},
            )
            if not isinstance(answer, Answer):
                return Unknown(answer.reason)
            code = str(answer.body.get("Code") or f"http_{answer.status}")
            if code != "OK":
                return Unknown(Reason.from_vendor(code, str(answer.body.get("Message", ""))))
            details = list(_details(answer.body))
            for detail in details:
                if detail.get("OutId") == out_id:
                    return _state_of(detail)
            if len(details) < _PAGE_SIZE:
                return None
        return Unknown(Reason("too_many_messages"))

    async def _call(self, action: str, parameters: Mapping[str, str]) -> Answer | Retry | Unknown:
        headers = {
            "host": self._http.host,
            "x-acs-action": action,
            "x-acs-version": VERSION,
            "x-acs-date": self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": self._new_nonce(),
            "x-acs-content-sha256": EMPTY_BODY_SHA256,
        }
        query = canonical_query(parameters)
        signature = authorization(self._account.access_key_id, self._account.access_key_secret, query, headers)
        return await self._http.post("/", query=query, headers={**headers, "authorization": signature})


def _days_of(attempted_at: datetime) -> list[str]:
    moments = (attempted_at, attempted_at + SETTLING_TIME)
    return sorted({moment.astimezone(SHANGHAI).strftime("%Y%m%d") for moment in moments})


def _details(body: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    listed = body.get("SmsSendDetailDTOs")
    if isinstance(listed, dict):
        yield from objects_of(cast("dict[str, object]", listed).get("SmsSendDetailDTO"))


def _state_of(detail: Mapping[str, object]) -> AskOutcome:
    code = str(detail.get("ErrCode") or "")
    match detail.get("SendStatus"):
        case 1:
            return Accepted(None)
        case 2:
            return Refused(Reason(code or "failed"))
        case 3:
            return Confirmed(code or "DELIVERED")
        case other:
            return Unknown(Reason("send_status", str(other)))
