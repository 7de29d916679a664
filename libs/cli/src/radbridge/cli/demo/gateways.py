"""The patient's side of the demonstration: local stand-ins of Aliyun SMS and WeChat that check what they are sent."""

import secrets
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvicorn

from radbridge.cli.demo.parties import PATIENCE_S, StepFailedError
from radbridge.notify.stand_ins.accounts import (
    AliyunStandInAccount,
    AliyunTemplate,
    StandInCredentials,
    TencentStandInAccount,
    WeChatStandInAccount,
)
from radbridge.notify.stand_ins.app import build_stand_ins

SIGN_NAME = "影桥"
SMS_TEMPLATE = "SMS_100000001"
WECHAT_TEMPLATE = "REPORT_READY_0001"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it reached the patient: the SMS's text, or the link of the WeChat message."""

    text: str
    link: str


@dataclass(frozen=True, slots=True)
class ChannelAccount:
    """What the suite is told of an account, in the form of ``PUT …/channels/{channel}``."""

    channel: str
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Gateways:
    """Running stand-ins and the accounts that they accept."""

    url: str
    credentials: StandInCredentials
    open_id: str

    def accounts(self) -> list[ChannelAccount]:
        """The accounts that the suite needs to send through these stand-ins."""
        aliyun, wechat = self.credentials.aliyun, self.credentials.wechat_official
        return [
            ChannelAccount(
                "aliyun_sms",
                {
                    "base_url": f"{self.url}/aliyun",
                    "access_key_id": aliyun.access_key_id,
                    "access_key_secret": aliyun.access_key_secret,
                    "sign_name": SIGN_NAME,
                    "templates": {"report_ready": SMS_TEMPLATE},
                },
            ),
            ChannelAccount(
                "wechat_official",
                {
                    "base_url": f"{self.url}/wechat",
                    "appid": wechat.appid,
                    "secret": wechat.secret,
                    "callback_token": self.credentials.wechat_callback_token,
                    "templates": {"report_ready": WECHAT_TEMPLATE},
                },
            ),
        ]

    def sent(self) -> int:
        """How many messages have come so far."""
        return len(self._accepted())

    def messages_for(self, phone: str, *, after: int = 0) -> tuple[Message, Message] | None:
        """The newest SMS to the phone and WeChat message to the patient that hold the same link; ``None`` until both
        are there. ``after`` is how many messages came before those that are meant.
        """
        accepted = self._accepted()[after:]
        sms = [m for m in reversed(accepted) if m["gateway"] == "aliyun" and m["recipient"].endswith(phone)]
        wechat = [m for m in reversed(accepted) if m["gateway"] == "wechat_official" and m["recipient"] == self.open_id]
        pairs = ((Message(s["text"], ""), Message("", w["link"])) for w in wechat for s in sms)
        return next((pair for pair in pairs if code_of(pair[1].link) in pair[0].text), None)

    def _accepted(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/accepted", timeout=PATIENCE_S).raise_for_status().json()
        return found


def code_of(link: str) -> str:
    """The code in a patient's link."""
    return urlsplit(link).path.rsplit("/", 1)[-1]


@contextmanager
def running_gateways() -> Generator[Gateways]:
    """Stand-ins on a free port of this machine, with fresh accounts, until the block ends.

    :raises StepFailedError: they did not start.
    """
    open_id = f"o{secrets.token_hex(13)}"
    credentials = _credentials(open_id)
    config = uvicorn.Config(
        build_stand_ins(credentials), host="127.0.0.1", port=0, log_level="warning", access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="stand-ins", daemon=True)
    thread.start()
    deadline = time.monotonic() + PATIENCE_S
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise StepFailedError("短信与微信的本地替身没有启动")
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Gateways(f"http://127.0.0.1:{port}", credentials, open_id)
    finally:
        server.should_exit = True
        thread.join(5)


def _credentials(open_id: str) -> StandInCredentials:
    return StandInCredentials(
        aliyun=AliyunStandInAccount(
            access_key_id=f"LTAI{secrets.token_hex(8)}",
            access_key_secret=secrets.token_hex(16),
            sign_names=frozenset({SIGN_NAME}),
            templates={
                SMS_TEMPLATE: AliyunTemplate(
                    "${name}您好，您在${hospital}的影像检查报告已出，请打开 http://radbridge.example/p/${code} 查看。"
                )
            },
        ),
        tencent=TencentStandInAccount(
            secret_id=f"AKID{secrets.token_hex(8)}",
            secret_key=secrets.token_hex(16),
            sdk_app_id="1400000001",
            sign_names=frozenset({SIGN_NAME}),
            templates={},
        ),
        wechat_official=WeChatStandInAccount(
            appid=f"wx{secrets.token_hex(8)}",
            secret=secrets.token_hex(16),
            templates={WECHAT_TEMPLATE: ("thing1", "thing2", "time3", "thing4")},
            openids=frozenset({open_id}),
        ),
        wechat_mini=WeChatStandInAccount(
            appid=f"wx{secrets.token_hex(8)}",
            secret=secrets.token_hex(16),
            templates={},
            openids=frozenset(),
        ),
        wechat_callback_token=secrets.token_hex(16),
    )
