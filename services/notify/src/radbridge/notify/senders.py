"""Channels made of accounts: one per account, made anew when it changes."""

from dataclasses import dataclass
from datetime import timedelta

from radbridge.notify.accounts import (
    Account,
    AliyunSmsSettings,
    TencentSmsSettings,
    WeChatMiniSettings,
    WeChatOfficialSettings,
    WeChatSettings,
)
from radbridge.notify.channels import aliyun_sms, tencent_sms, wechat_api
from radbridge.notify.channels.protocol import Channel
from radbridge.notify.channels.vendor_http import VendorHttp
from radbridge.notify.channels.wechat_mini import WeChatMini
from radbridge.notify.channels.wechat_official import WeChatOfficial
from radbridge.notify.channels.wechat_token import TokenStore, WeChatAccount, WeChatTokens
from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.domain.templates import REPORT_READY_FIELDS, TemplateCatalogue, VendorTemplate
from radbridge.runtime.clock import Clock
from radbridge.runtime.http_client import OutboundClient


@dataclass(frozen=True, slots=True)
class Sender:
    """An account's channel with the templates that it may use."""

    account: Account
    channel: Channel
    templates: TemplateCatalogue

    @property
    def mini_page(self) -> str | None:
        """The page of the mini-program that messages open."""
        settings = self.account.settings
        return settings.mini_page if isinstance(settings, WeChatSettings) else None


class Senders:
    """The senders in use. ``holder`` names this process among its replicas."""

    def __init__(
        self, client: OutboundClient, tokens: TokenStore, holder: str, clock: Clock, timeout: timedelta
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._holder = holder
        self._clock = clock
        self._timeout = timeout
        self._made: dict[tuple[str, ChannelName], Sender] = {}

    def of(self, account: Account) -> Sender:
        """The sender of an account."""
        key = (account.owner, account.channel)
        known = self._made.get(key)
        if known is None or known.account != account:
            known = self._made[key] = Sender(account, self._channel(account), _catalogue(account))
        return known

    def _channel(self, account: Account) -> Channel:
        match account.settings:
            case AliyunSmsSettings() as settings:
                return aliyun_sms.AliyunSms(
                    self._http(settings.base_url or aliyun_sms.BASE_URL),
                    aliyun_sms.AliyunAccount(settings.access_key_id, settings.access_key_secret, settings.sign_name),
                    self._clock,
                )
            case TencentSmsSettings() as settings:
                return tencent_sms.TencentSms(
                    self._http(settings.base_url or tencent_sms.BASE_URL),
                    tencent_sms.TencentAccount(
                        settings.secret_id,
                        settings.secret_key,
                        settings.sdk_app_id,
                        settings.sign_name,
                        settings.region,
                    ),
                    self._clock,
                )
            case WeChatOfficialSettings() as settings:
                return WeChatOfficial(self._wechat(settings), self._clock, settings.mini_program_appid)
            case WeChatMiniSettings() as settings:
                return WeChatMini(self._wechat(settings))
            case other:
                raise TypeError(f"no channel for {type(other).__name__}")

    def _wechat(self, settings: WeChatSettings) -> wechat_api.WeChatApi:
        http = self._http(settings.base_url or wechat_api.BASE_URL)
        account = WeChatAccount(settings.appid, settings.secret)
        tokens = WeChatTokens(http, account, self._tokens, self._holder, self._clock)
        return wechat_api.WeChatApi(http, tokens, self._clock)

    def _http(self, base_url: str) -> VendorHttp:
        return VendorHttp(self._client, base_url, self._clock, self._timeout)


def _catalogue(account: Account) -> TemplateCatalogue:
    return TemplateCatalogue(
        tuple(
            VendorTemplate(key, account.channel, vendor_id, REPORT_READY_FIELDS[account.channel])
            for key, vendor_id in account.settings.templates.items()
        )
    )
