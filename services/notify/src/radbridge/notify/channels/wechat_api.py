"""Calls to WeChat's API with an access token, renewed once where WeChat refuses it."""

import json
from collections.abc import Mapping
from urllib.parse import quote

from radbridge.notify.channels.vendor_http import Answer, VendorHttp
from radbridge.notify.channels.wechat_token import StoredToken, WeChatTokens
from radbridge.notify.domain.messages import ChannelName, OutboundMessage
from radbridge.notify.domain.outcomes import Accepted, Reason, SendOutcome
from radbridge.notify.domain.retry_policy import Action, outcome_of, rule_for
from radbridge.runtime.clock import Clock

BASE_URL = "https://api.weixin.qq.com"


class WeChatApi:
    """Sends messages for one account."""

    def __init__(self, http: VendorHttp, tokens: WeChatTokens, clock: Clock) -> None:
        self._http = http
        self._tokens = tokens
        self._clock = clock

    async def send(self, channel: ChannelName, path: str, body: Mapping[str, object], attempt: int) -> SendOutcome:
        """POST ``body`` to a message API; its ``msgid`` is the provider id."""
        token = await self._tokens.current()
        if not isinstance(token, StoredToken):
            return token
        outcome = await self._attempt(path, body, token)
        if isinstance(outcome, Reason) and rule_for(channel, outcome.code).action is Action.REFRESH_TOKEN:
            token = await self._tokens.replace(token.value)
            if not isinstance(token, StoredToken):
                return token
            outcome = await self._attempt(path, body, token)
        if isinstance(outcome, Reason):
            return outcome_of(channel, outcome, attempt, self._clock())
        return outcome

    async def _attempt(self, path: str, body: Mapping[str, object], token: StoredToken) -> SendOutcome | Reason:
        """One call; a Reason is WeChat's refusal."""
        answer = await self._http.post(
            path,
            query=f"access_token={quote(token.value, safe='')}",
            headers={"content-type": "application/json"},
            content=json.dumps(body, ensure_ascii=False).encode(),
        )
        if not isinstance(answer, Answer):
            return answer
        code = str(answer.body.get("errcode", f"http_{answer.status}"))
        if code == "0":
            message_id = answer.body.get("msgid")
            return Accepted(None if message_id is None else str(message_id))
        return Reason.from_vendor(code, str(answer.body.get("errmsg", "")))


def template_data(message: OutboundMessage) -> dict[str, dict[str, str]]:
    """The ``data`` member of both message APIs."""
    return {name: {"value": value} for name, value in message.template.fields}
