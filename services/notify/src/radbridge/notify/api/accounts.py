"""Accounts at the vendors, for administrators."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from radbridge.notify.accounts import (
    Account,
    AccountSettings,
    AliyunSmsSettings,
    TencentSmsSettings,
    WeChatMiniSettings,
    WeChatOfficialSettings,
    new_callback_secret,
    open_account,
    seal_account,
)
from radbridge.notify.api.institutions import owner_of
from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.store import accounts as store
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.service import Resources

Administrator = Annotated[Principal, Depends(require("admin"))]


class AccountView(BaseModel):
    """An account without its secrets. ``callback_url`` is what the vendor's console is to be told for receipts; keep
    it to yourselves."""

    channel: ChannelName
    settings: dict[str, Any]
    callback_url: str
    updated_at: datetime


class AccountList(BaseModel):
    """The accounts of an institution, or of the platform (``default``)."""

    institution: str
    channels: list[AccountView]


def router(resources: Resources) -> APIRouter:
    """Routes below ``/api/notify/v1/institutions/{code}/channels``. The code ``default`` stands for all institutions
    without an account of their own on a channel."""
    api = APIRouter(prefix="/api/notify/v1/institutions/{code}/channels", tags=["channels"])

    @api.put("/aliyun_sms")
    async def put_aliyun_sms(code: str, settings: AliyunSmsSettings, _: Administrator) -> AccountView:
        """Register or replace an account of Aliyun's SMS service."""
        return await save(code, ChannelName.ALIYUN_SMS, settings)

    @api.put("/tencent_sms")
    async def put_tencent_sms(code: str, settings: TencentSmsSettings, _: Administrator) -> AccountView:
        """Register or replace an account of Tencent Cloud's SMS service."""
        return await save(code, ChannelName.TENCENT_SMS, settings)

    @api.put("/wechat_official")
    async def put_wechat_official(code: str, settings: WeChatOfficialSettings, _: Administrator) -> AccountView:
        """Register or replace a WeChat official account."""
        return await save(code, ChannelName.WECHAT_OFFICIAL, settings)

    @api.put("/wechat_mini")
    async def put_wechat_mini(code: str, settings: WeChatMiniSettings, _: Administrator) -> AccountView:
        """Register or replace a WeChat mini-program."""
        return await save(code, ChannelName.WECHAT_MINI, settings)

    @api.get("")
    async def list_all(code: str, _: Administrator) -> AccountList:
        """The registered accounts."""
        owner = owner_of(resources.directory, code)
        rows = await resources.database.read(lambda tx: store.of_owner(tx, owner))
        return AccountList(institution=code, channels=[view(open_account(resources.keyring, row)) for row in rows])

    @api.delete("/{channel}", status_code=204)
    async def delete(code: str, channel: ChannelName, _: Administrator) -> None:
        """Remove an account. What waits to be sent by it is suppressed."""
        owner = owner_of(resources.directory, code)
        if not await resources.database.write(lambda tx: store.remove(tx, owner, channel)):
            raise Problem(404, "No such account", f"{code} has no account for {channel}")

    async def save(code: str, channel: ChannelName, settings: AccountSettings) -> AccountView:
        owner = owner_of(resources.directory, code)

        async def work(tx: Transaction) -> Account:
            await tx.lock(f"account:{owner}/{channel}")
            known = await store.find(tx, owner, channel)
            # the vendor's console holds the callback address: replacing a key must not change it
            secret = open_account(resources.keyring, known).callback_secret if known else new_callback_secret()
            account = Account(owner, channel, settings, secret, resources.clock())
            await store.save(tx, seal_account(resources.keyring, account))
            return account

        return view(await resources.database.write(work))

    def view(account: Account) -> AccountView:
        return AccountView(
            channel=account.channel,
            settings=account.settings.shown(),
            callback_url=f"{resources.settings.base_url}{account.callback_path}",
            updated_at=account.updated_at,
        )

    return api
