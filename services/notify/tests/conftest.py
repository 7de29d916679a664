"""Stand-ins on a real port, channels aimed at them, and a clock that only tests move."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from radbridge.notify.channels.aliyun_sms import AliyunAccount, AliyunSms
from radbridge.notify.channels.tencent_sms import TencentAccount, TencentSms
from radbridge.notify.channels.vendor_http import VendorHttp
from radbridge.notify.channels.wechat_api import WeChatApi
from radbridge.notify.channels.wechat_mini import WeChatMini
from radbridge.notify.channels.wechat_official import WeChatOfficial
from radbridge.notify.channels.wechat_token import StoredToken, WeChatAccount, WeChatTokens
from radbridge.notify.domain.messages import OutboundMessage, RenderedTemplate
from radbridge.notify.stand_ins.accounts import (
    AliyunStandInAccount,
    AliyunTemplate,
    StandInCredentials,
    TencentStandInAccount,
    TencentTemplate,
    WeChatStandInAccount,
)
from radbridge.notify.stand_ins.app import build_stand_ins
from radbridge.notify.stand_ins.callbacks import CallbackPoster
from radbridge.runtime.http_client import OutboundClient
from radbridge.runtime.telemetry.meters import MeterBoard, Meters
from radbridge.runtime.telemetry.traces import Tracing

PHONE = "13800000000"
UNREACHABLE = "13900000009"
OPENID = "oPATIENT0000000000000000001"


class HandClock:
    """Stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **units: float) -> None:
        self.now += timedelta(**units)


class TokensInMemory:
    """A TokenStore of one process; ``lost`` makes the next write fail as if another holder had taken over."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self.tokens: dict[str, StoredToken] = {}
        self.leases: dict[str, tuple[str, datetime]] = {}
        self.lost = False

    async def read(self, appid: str) -> StoredToken | None:
        await asyncio.sleep(0)
        return self.tokens.get(appid)

    async def acquire(self, appid: str, holder: str, until: datetime) -> bool:
        held = self.leases.get(appid)
        if held is not None and held[0] != holder and held[1] > self._clock():
            return False
        self.leases[appid] = (holder, until)
        return True

    async def write(self, appid: str, holder: str, token: StoredToken) -> bool:
        if self.lost or self.leases.get(appid, ("", None))[0] != holder:
            return False
        self.tokens[appid] = token
        del self.leases[appid]
        return True

    async def release(self, appid: str, holder: str) -> None:
        if self.leases.get(appid, ("", None))[0] == holder:
            del self.leases[appid]


@dataclass
class Bench:
    """The running stand-ins and what tests need to reach them."""

    url: str
    clock: HandClock
    client: httpx.AsyncClient
    outbound: OutboundClient
    tokens: TokensInMemory
    nonces: list[str] = field(default_factory=list)

    async def accepted(self, gateway: str) -> list[dict[str, object]]:
        return (await self.client.get(f"{self.url}/accepted", params={"gateway": gateway})).json()

    async def order(self, gateway: str, kind: str, code: str = "", times: int = 1) -> None:
        order = {"gateway": gateway, "kind": kind, "code": code, "times": times}
        (await self.client.post(f"{self.url}/faults", json=order)).raise_for_status()

    async def reported(self, gateway: str, times: int = 1) -> list[dict[str, object]]:
        """The accepted messages once ``times`` of them have their receipt."""
        async with asyncio.timeout(60):
            while True:
                messages = await self.accepted(gateway)
                if sum(message["delivered"] is not None for message in messages) >= times:
                    return messages
                await asyncio.sleep(0.01)

    def http(self, path: str, clock: HandClock | None = None, timeout: float = 30) -> VendorHttp:
        clock = clock or self.clock
        return VendorHttp(self.outbound, self.url + path, clock, timedelta(seconds=timeout))

    def aliyun(self, clock: HandClock | None = None, timeout: float = 30, **account: str) -> AliyunSms:
        known = replace(AliyunAccount("AKEXAMPLE", "SECRETEXAMPLE", "影桥"), **account)
        new_nonce = (lambda: self.nonces.pop(0)) if self.nonces else (lambda: uuid4().hex)
        return AliyunSms(self.http("/aliyun", clock, timeout), known, clock or self.clock, new_nonce)

    def tencent(self, clock: HandClock | None = None, timeout: float = 30, **account: str) -> TencentSms:
        known = replace(TencentAccount("AKIDEXAMPLE", "SECRETEXAMPLE", "1400006666", "影桥"), **account)
        return TencentSms(self.http("/tencent", clock, timeout), known, clock or self.clock)

    def wechat_tokens(self, appid: str = "wxofficial", secret: str = "OFFICIAL", holder: str = "one") -> WeChatTokens:
        return WeChatTokens(self.http("/wechat"), WeChatAccount(appid, secret), self.tokens, holder, self.clock)

    def official(self, timeout: float = 30, secret: str = "OFFICIAL") -> WeChatOfficial:
        tokens = self.wechat_tokens(secret=secret)
        return WeChatOfficial(WeChatApi(self.http("/wechat", timeout=timeout), tokens, self.clock), self.clock)

    def mini(self, timeout: float = 30) -> WeChatMini:
        tokens = self.wechat_tokens("wxmini", "MINI")
        return WeChatMini(WeChatApi(self.http("/wechat", timeout=timeout), tokens, self.clock))


@pytest.fixture
def credentials() -> StandInCredentials:
    users = frozenset({OPENID, "oREFUSING", "oBLOCKING"})
    return StandInCredentials(
        aliyun=AliyunStandInAccount(
            "AKEXAMPLE",
            "SECRETEXAMPLE",
            frozenset({"影桥"}),
            {"SMS_123456789": AliyunTemplate("${name}您好，您的报告已出：https://r.example.cn/p/${code}")},
            unreachable=frozenset({UNREACHABLE}),
            daily_limit=5,
        ),
        tencent=TencentStandInAccount(
            "AKIDEXAMPLE",
            "SECRETEXAMPLE",
            "1400006666",
            frozenset({"影桥"}),
            {"1110": TencentTemplate("{1}您好，您的报告已出：https://r.example.cn/p/{2}")},
            unreachable=frozenset({UNREACHABLE}),
        ),
        wechat_official=WeChatStandInAccount(
            "wxofficial",
            "OFFICIAL",
            {"TPL-OFFICIAL": ("thing1", "time2")},
            users,
            refusing=frozenset({"oREFUSING"}),
            blocking=frozenset({"oBLOCKING"}),
        ),
        wechat_mini=WeChatStandInAccount(
            "wxmini",
            "MINI",
            {"TPL-MINI": ("thing1", "phrase2")},
            users,
            refusing=frozenset({"oREFUSING"}),
            blocking=frozenset({"oBLOCKING"}),
            pages=frozenset({"pages/report"}),
            grants=2,
        ),
        wechat_callback_token="CALLBACKTOKEN",
    )


@asynccontextmanager
async def serve(app: FastAPI) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await server.shutdown(sockets=[listener])


@pytest.fixture
async def start() -> AsyncIterator[Callable[[FastAPI], Awaitable[str]]]:
    """Starts an application on a free port and answers its address."""
    async with AsyncExitStack() as stack:

        async def start_one(app: FastAPI) -> str:
            return await stack.enter_async_context(serve(app))

        yield start_one


@pytest.fixture
async def bench(start: Callable[[FastAPI], Awaitable[str]], credentials: StandInCredentials) -> AsyncIterator[Bench]:
    clock = HandClock(datetime(2026, 3, 2, 2, 0, 5, tzinfo=UTC))
    app = build_stand_ins(credentials, clock=clock, poster=CallbackPoster(timedelta(milliseconds=1)))
    outbound = OutboundClient(meters=Meters(MeterBoard(), "notify"), tracing=Tracing("notify"))
    async with httpx.AsyncClient(timeout=60) as client:
        yield Bench(await start(app), clock, client, outbound, TokensInMemory(clock))
    await outbound.close()


@pytest.fixture
def sms() -> Callable[..., OutboundMessage]:
    """An SMS to the known number; keywords change template, fields, recipient, attempt or id."""

    def make(
        template: str = "SMS_123456789",
        fields: tuple[tuple[str, str], ...] = (("name", "张*"), ("code", "4370")),
        recipient: str = PHONE,
        attempt: int = 1,
        delivery: UUID | None = None,
    ) -> OutboundMessage:
        return OutboundMessage(delivery or uuid4(), attempt, recipient, RenderedTemplate(template, fields))

    return make


@pytest.fixture
def tencent_sms(sms: Callable[..., OutboundMessage]) -> Callable[..., OutboundMessage]:
    """As ``sms``, with Tencent's template."""

    def make(template: str = "1110", fields: tuple[tuple[str, str], ...] = (("1", "张*"), ("2", "4370")), **changes):
        return sms(template=template, fields=fields, **changes)

    return make


@pytest.fixture
def official_message() -> Callable[..., OutboundMessage]:
    def make(
        template: str = "TPL-OFFICIAL",
        fields: tuple[tuple[str, str], ...] = (("thing1", "张*"), ("time2", "2026年03月02日 10:00")),
        recipient: str = OPENID,
        delivery: UUID | None = None,
    ) -> OutboundMessage:
        rendered = RenderedTemplate(template, fields)
        return OutboundMessage(delivery or uuid4(), 1, recipient, rendered, link="https://r.example.cn/p/4370")

    return make


@pytest.fixture
def mini_message() -> Callable[..., OutboundMessage]:
    def make(
        template: str = "TPL-MINI",
        fields: tuple[tuple[str, str], ...] = (("thing1", "张*"), ("phrase2", "已出报告")),
        recipient: str = OPENID,
        page: str = "pages/report?t=4370",
    ) -> OutboundMessage:
        return OutboundMessage(uuid4(), 1, recipient, RenderedTemplate(template, fields), mini_page=page)

    return make
