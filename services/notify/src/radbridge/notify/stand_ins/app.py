"""All stand-ins as one application: ``/aliyun``, ``/tencent``, ``/wechat``, and addresses to watch and disturb them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import BaseModel, Field

from radbridge.notify.stand_ins.accounts import StandInCredentials
from radbridge.notify.stand_ins.aliyun import AliyunStandIn
from radbridge.notify.stand_ins.bench import Bench
from radbridge.notify.stand_ins.callbacks import CallbackPoster, CallbackUrls
from radbridge.notify.stand_ins.faults import Fault, FaultKind
from radbridge.notify.stand_ins.ledger import AcceptedMessage, Gateway
from radbridge.notify.stand_ins.tencent import TencentStandIn
from radbridge.notify.stand_ins.wechat import WeChatStandIn
from radbridge.runtime.clock import Clock, utc_now


class FaultOrder(BaseModel):
    """Let the next ``times`` good messages to ``gateway`` meet a trouble; ``code`` is what ``refuse`` answers."""

    gateway: Gateway
    kind: FaultKind
    code: str = ""
    times: int = Field(default=1, ge=1, le=1000)


class CallbackOrder(BaseModel):
    """Where receipts go from now on."""

    aliyun: str | None = None
    tencent: str | None = None
    wechat: str | None = None


def build_stand_ins(
    credentials: StandInCredentials,
    callbacks: CallbackUrls | None = None,
    *,
    clock: Clock = utc_now,
    poster: CallbackPoster | None = None,
) -> FastAPI:
    """The stand-ins for these accounts, for the demo and the tests only: they show what was sent to whom.

    ``GET /accepted`` lists accepted messages, ``POST /faults`` orders a trouble, ``PUT /callbacks`` sets where receipts
    go. Without a callback address, receipts show in ``/accepted`` and in the vendors' query APIs.
    """
    bench = Bench(clock, callbacks or CallbackUrls(), poster or CallbackPoster())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await bench.poster.close()

    app = FastAPI(title="RadBridge notification stand-ins", lifespan=lifespan)
    _add_bench_routes(app, bench)
    app.mount("/aliyun", AliyunStandIn(credentials.aliyun, bench).app())
    app.mount("/tencent", TencentStandIn(credentials.tencent, bench).app())
    wechat = WeChatStandIn(
        credentials.wechat_official, credentials.wechat_mini, credentials.wechat_callback_token, bench
    )
    app.mount("/wechat", wechat.app())
    return app


def _add_bench_routes(app: FastAPI, bench: Bench) -> None:
    @app.get("/accepted")
    async def accepted(gateway: Gateway | None = None) -> list[AcceptedMessage]:  # pyright: ignore[reportUnusedFunction]
        return list(bench.ledger.of(gateway))

    @app.post("/faults", status_code=204)
    async def order_fault(order: FaultOrder) -> None:  # pyright: ignore[reportUnusedFunction]
        bench.faults.order(order.gateway, Fault(order.kind, order.code), order.times)

    @app.put("/callbacks", status_code=204)
    async def set_callbacks(order: CallbackOrder) -> None:  # pyright: ignore[reportUnusedFunction]
        bench.urls.aliyun, bench.urls.tencent, bench.urls.wechat = order.aliyun, order.tencent, order.wechat
