"""Vendors' receipts. Each account has an address of its own with an unguessable part; WeChat signs besides."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse

from radbridge.notify.accounts import VENDORS, Account, WeChatSettings, callback_digest, open_account
from radbridge.notify.delivery_book import DeliveryBook
from radbridge.notify.domain.receipts import (
    MalformedReceiptError,
    Receipt,
    parse_aliyun_sms_report,
    parse_tencent_sms_report,
    parse_wechat_event,
    wechat_signature_holds,
)
from radbridge.notify.store import accounts as store
from radbridge.runtime.body import offload
from radbridge.runtime.database.protocol import Transaction
from radbridge.runtime.problems import Problem
from radbridge.runtime.service import Resources

_MOST_BYTES = 1024 * 1024
_MOST_RECEIPTS = 1000

Parse = Callable[[bytes], Sequence[Receipt]]
Signed = Annotated[str, Query(max_length=200)]


def router(resources: Resources, book: DeliveryBook) -> APIRouter:
    """Routes below ``/callbacks/notify``. What is malformed answers 400 and changes nothing; ids that are not ours
    are ignored, since vendors repeat what is not answered well."""
    api = APIRouter(prefix="/callbacks/notify", tags=["callbacks"])

    @api.post("/aliyun/{secret}")
    async def aliyun(secret: str, request: Request) -> dict[str, Any]:
        """Aliyun's ``SmsReport``."""
        await take(await account_of("aliyun", secret), await body_of(request), parse_aliyun_sms_report)
        return {"code": 0, "msg": "OK"}

    @api.post("/tencent/{secret}")
    async def tencent(secret: str, request: Request) -> dict[str, Any]:
        """Tencent Cloud's status report."""
        await take(await account_of("tencent", secret), await body_of(request), parse_tencent_sms_report)
        return {"result": 0, "errmsg": "OK"}

    @api.get("/wechat/{secret}", response_class=PlainTextResponse)
    async def verify_wechat(
        secret: str, signature: Signed, timestamp: Signed, nonce: Signed, echostr: Signed
    ) -> PlainTextResponse:
        """WeChat's test of the address when it is entered in its console."""
        check_signature(await account_of("wechat", secret), timestamp, nonce, signature)
        return PlainTextResponse(echostr, headers={"x-content-type-options": "nosniff"})

    @api.post("/wechat/{secret}", response_class=PlainTextResponse)
    async def wechat(secret: str, signature: Signed, timestamp: Signed, nonce: Signed, request: Request) -> str:
        """WeChat's events; those that are no receipts are answered and ignored."""
        account = await account_of("wechat", secret)
        check_signature(account, timestamp, nonce, signature)
        await take(account, await body_of(request), parse_wechat_event)
        return "success"

    async def account_of(vendor: str, secret: str) -> Account:
        digest = callback_digest(secret)
        row = await resources.database.read(lambda tx: store.find_by_callback(tx, digest))
        if row is None or VENDORS[row.channel] != vendor:
            raise Problem(404, "No such address")
        return open_account(resources.keyring, row)

    async def take(account: Account, body: bytes, parse: Parse) -> None:
        try:
            found = await offload(parse, len(body), body)
        except MalformedReceiptError as error:
            raise Problem(400, "Not a receipt", str(error)) from None
        if len(found) > _MOST_RECEIPTS or any(not receipt.provider_id.isprintable() for receipt in found):
            raise Problem(400, "Not a receipt", "too many receipts, or ids that are no text")

        async def work(tx: Transaction) -> None:
            for receipt in found:
                await book.take_receipt(tx, account.owner, account.channel, receipt)

        if found:
            await resources.database.write(work)

    return api


def check_signature(account: Account, timestamp: str, nonce: str, signature: str) -> None:
    """Let in only who knows the account's callback token.

    :raises Problem: 403 for a wrong signature.
    """
    settings = account.settings
    token = settings.callback_token if isinstance(settings, WeChatSettings) else ""
    if not token or not wechat_signature_holds(token, timestamp, nonce, signature):
        raise Problem(403, "The signature does not hold")


async def body_of(request: Request) -> bytes:
    """The body, of a size that receipts have.

    :raises Problem: 413 for a larger one.
    """
    body = await request.body()
    if len(body) > _MOST_BYTES:
        raise Problem(413, detail=f"The request's body is over {_MOST_BYTES} bytes.")
    return body
