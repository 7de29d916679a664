"""The stand-in for WeChat's API: stable_token, template and subscription messages, and their signed result events."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from secrets import randbelow, token_hex
from typing import cast
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from radbridge.notify.domain.field_rules import fits, wechat_kind
from radbridge.notify.domain.receipts import wechat_signature
from radbridge.notify.stand_ins.accounts import WeChatStandInAccount
from radbridge.notify.stand_ins.bench import Bench
from radbridge.notify.stand_ins.callbacks import Callback
from radbridge.notify.stand_ins.faults import FaultKind, hold
from radbridge.notify.stand_ins.ledger import AcceptedMessage, Gateway
from radbridge.notify.stand_ins.wechat_tokens import StableTokens, WeChatRefusalError

REPEAT_WINDOW = timedelta(minutes=10)
CLIENT_MSG_ID_LIMIT = 32


class WeChatStandIn:
    """One official account and one mini-program on the API host."""

    def __init__(
        self, official: WeChatStandInAccount, mini: WeChatStandInAccount, callback_token: str, bench: Bench
    ) -> None:
        self._accounts = {Gateway.WECHAT_OFFICIAL: official, Gateway.WECHAT_MINI: mini}
        self._tokens = {gateway: StableTokens(bench.clock) for gateway in self._accounts}
        self._callback_token = callback_token
        self._bench = bench

    def app(self) -> FastAPI:
        """The API host, to be mounted."""
        app = FastAPI(title="WeChat API stand-in")
        app.add_api_route("/cgi-bin/stable_token", self._stable_token, methods=["POST"])
        app.add_api_route("/cgi-bin/message/template/send", self._template_send, methods=["POST"])
        app.add_api_route("/cgi-bin/message/subscribe/send", self._subscribe_send, methods=["POST"])
        app.add_exception_handler(WeChatRefusalError, _answer_refusal)
        return app

    async def _stable_token(self, request: Request) -> JSONResponse:
        body = await _json_object(request)
        if body.get("grant_type") != "client_credential":
            raise WeChatRefusalError(40002, "invalid grant_type")
        gateway = next((key for key, account in self._accounts.items() if account.appid == body.get("appid")), None)
        if gateway is None:
            raise WeChatRefusalError(40013, "invalid appid")
        if body.get("secret") != self._accounts[gateway].secret:
            raise WeChatRefusalError(40125, "invalid appsecret")
        value, expires_in = self._tokens[gateway].issue(force=body.get("force_refresh") is True)
        return JSONResponse({"access_token": value, "expires_in": expires_in})

    async def _template_send(self, request: Request) -> JSONResponse:
        gateway = Gateway.WECHAT_OFFICIAL
        self._tokens[gateway].check(request.query_params.get("access_token"))
        body = await _json_object(request)
        correlation_id = body.get("client_msg_id", "")
        if not isinstance(correlation_id, str) or len(correlation_id) > CLIENT_MSG_ID_LIMIT:
            raise WeChatRefusalError(40097, "invalid args: client_msg_id")
        message = self._checked(gateway, body, correlation_id)
        if message.recipient in self._accounts[gateway].refusing:
            raise WeChatRefusalError(43004, "require subscribe")
        message.link = str(body.get("url", ""))
        return await self._accept(request, message, self._first_of(message) or message)

    async def _subscribe_send(self, request: Request) -> JSONResponse:
        gateway = Gateway.WECHAT_MINI
        self._tokens[gateway].check(request.query_params.get("access_token"))
        body = await _json_object(request)
        account = self._accounts[gateway]
        message = self._checked(gateway, body, "")
        page = str(body.get("page", ""))
        if page and page.partition("?")[0] not in account.pages:
            raise WeChatRefusalError(41030, "invalid page")
        if body.get("miniprogram_state", "formal") not in {"formal", "trial", "developer"}:
            raise WeChatRefusalError(40097, "invalid args: miniprogram_state")
        used = sum(1 for _ in self._bench.ledger.of(gateway, recipient=message.recipient))
        if message.recipient in account.refusing or used >= account.grants:
            raise WeChatRefusalError(43101, "user refuse to accept the msg")
        message.link = page
        return await self._accept(request, message, message)

    def _checked(self, gateway: Gateway, body: Mapping[str, object], correlation_id: str) -> AcceptedMessage:
        account = self._accounts[gateway]
        openid = body.get("touser")
        if not isinstance(openid, str) or openid not in account.openids:
            raise WeChatRefusalError(40003, "invalid openid")
        template_id = body.get("template_id")
        if not isinstance(template_id, str) or template_id not in account.templates:
            raise WeChatRefusalError(40037, "invalid template_id")
        return AcceptedMessage(
            gateway=gateway,
            provider_id=str(10**17 + randbelow(10**17)),
            correlation_id=correlation_id,
            recipient=openid,
            template_id=template_id,
            fields=_checked_fields(account.templates[template_id], body.get("data")),
            accepted_at=self._bench.clock(),
        )

    def _first_of(self, message: AcceptedMessage) -> AcceptedMessage | None:
        """The message of which this is a repeat."""
        for earlier in self._bench.ledger.of(message.gateway, recipient=message.recipient):
            recent = message.accepted_at - earlier.accepted_at < REPEAT_WINDOW
            if message.correlation_id and earlier.correlation_id == message.correlation_id and recent:
                return earlier
        return None

    async def _accept(self, request: Request, message: AcceptedMessage, kept: AcceptedMessage) -> JSONResponse:
        """Answer for ``kept``: ``message`` itself, or the earlier one that it repeats."""
        fault = self._bench.faults.take(message.gateway)
        if fault is not None and fault.kind is FaultKind.REFUSE:
            raise WeChatRefusalError(int(fault.code), "ordered refusal")
        if fault is not None and fault.kind is FaultKind.HOLD_BEFORE_ACCEPTING:
            await hold(request)
            raise WeChatRefusalError(-1, "system error")
        if kept is message:
            self._bench.ledger.add(message)
            self._bench.poster.post_later(lambda: self._event(message), lambda reply: reply == b"success")
        if fault is not None:
            await hold(request)
        return JSONResponse({"errcode": 0, "errmsg": "ok", "msgid": int(kept.provider_id)})

    def _event(self, message: AcceptedMessage) -> Callback | None:
        account = self._accounts[message.gateway]
        message.delivered = message.recipient not in account.blocking
        message.report = "success" if message.delivered else "failed:user block"
        if self._bench.urls.wechat is None:
            return None
        now = self._bench.clock()
        timestamp, nonce = str(int(now.timestamp())), token_hex(8)
        query = urlencode(
            {
                "signature": wechat_signature(self._callback_token, timestamp, nonce),
                "timestamp": timestamp,
                "nonce": nonce,
                "openid": message.recipient,
            }
        )
        joint = "&" if "?" in self._bench.urls.wechat else "?"
        return f"{self._bench.urls.wechat}{joint}{query}", {"content-type": "text/xml"}, _event_xml(message, now)


def _event_xml(message: AcceptedMessage, now: datetime) -> bytes:
    if message.gateway is Gateway.WECHAT_OFFICIAL:
        result = (
            "<Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event>"
            f"<MsgID>{message.provider_id}</MsgID><Status><![CDATA[{message.report}]]></Status>"
        )
    else:
        code = "0" if message.delivered else "43101"
        result = (
            "<Event><![CDATA[subscribe_msg_sent_event]]></Event><SubscribeMsgSentEvent><List>"
            f"<TemplateId><![CDATA[{message.template_id}]]></TemplateId><MsgID>{message.provider_id}</MsgID>"
            f"<ErrorCode>{code}</ErrorCode><ErrorStatus><![CDATA[{message.report}]]></ErrorStatus>"
            "</List></SubscribeMsgSentEvent>"
        )
    return (
        "<xml><ToUserName><![CDATA[gh_000000000000]]></ToUserName>"
        f"<FromUserName>{escape(message.recipient)}</FromUserName><CreateTime>{int(now.timestamp())}</CreateTime>"
        f"<MsgType><![CDATA[event]]></MsgType>{result}</xml>"
    ).encode()


def _checked_fields(names: tuple[str, ...], data: object) -> dict[str, str]:
    given = cast("dict[str, object]", data) if isinstance(data, dict) else {}
    fields: dict[str, str] = {}
    for name in names:
        entry = given.get(name)
        value = cast("dict[str, object]", entry).get("value") if isinstance(entry, dict) else None
        if not isinstance(value, str) or not fits(wechat_kind(name), value):
            raise WeChatRefusalError(47003, f"argument invalid! data.{name}.value invalid")
        fields[name] = value
    return fields


async def _json_object(request: Request) -> Mapping[str, object]:
    try:
        body = cast("object", json.loads(await request.body()))
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise WeChatRefusalError(47001, "data format error")
    return cast("dict[str, object]", body)


async def _answer_refusal(_: Request, error: Exception) -> JSONResponse:
    refusal = cast("WeChatRefusalError", error)
    return JSONResponse({"errcode": refusal.errcode, "errmsg": refusal.errmsg})
