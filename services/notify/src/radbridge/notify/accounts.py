"""Accounts at the vendors as data: what each kind consists of, and how it is sealed.

An account belongs to an institution, or to the platform for all institutions without one of their own. It is sealed
whole under its owner's ``credentials`` key. Receipts come to an address with an unguessable part of its own, because
the SMS vendors do not sign them; a replaced account keeps its address.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.domain.templates import TEMPLATES
from radbridge.notify.store.accounts import SealedAccount
from radbridge.runtime.security.keyring import Keyring
from radbridge.runtime.settings import HttpUrl

PURPOSE = "credentials"
_CALLBACK_SECRET_BYTES = 24

Identifier = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[\x21-\x7e]{1,256}$")]
SignName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]
Secret = Annotated[Identifier, Field(repr=False)]


class AccountSettings(BaseModel):
    """What accounts of every kind have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    SECRETS: ClassVar[frozenset[str]]
    """Members that no answer shows."""

    base_url: HttpUrl | None = None
    """The vendor's host by default; another one for a proxy or a stand-in."""
    templates: dict[str, Identifier] = Field(min_length=1)
    """Our template keys (``report_ready``) and the ids of the vendor's templates."""

    @field_validator("templates")
    @classmethod
    def _are_known(cls, templates: dict[str, str]) -> dict[str, str]:
        unknown = sorted(templates.keys() - TEMPLATES.keys())
        if unknown:
            raise ValueError(f"unknown template keys; known are: {', '.join(sorted(TEMPLATES))}")
        return templates

    def shown(self) -> dict[str, object]:
        """The settings without secrets."""
        return self.model_dump(mode="json", exclude=set(self.SECRETS), exclude_none=True)


class AliyunSmsSettings(AccountSettings):
    """An access key of Aliyun's SMS service."""

    SECRETS: ClassVar[frozenset[str]] = frozenset({"access_key_secret"})

    access_key_id: Identifier
    access_key_secret: Secret
    sign_name: SignName


class TencentSmsSettings(AccountSettings):
    """A secret of Tencent Cloud's SMS service."""

    SECRETS: ClassVar[frozenset[str]] = frozenset({"secret_key"})

    secret_id: Identifier
    secret_key: Secret
    sdk_app_id: Identifier
    sign_name: SignName
    region: Identifier = "ap-guangzhou"


class WeChatSettings(AccountSettings):
    """What official accounts and mini-programs have in common."""

    SECRETS: ClassVar[frozenset[str]] = frozenset({"secret", "callback_token"})

    appid: Identifier
    secret: Secret
    callback_token: Secret
    """Signs WeChat's callbacks."""
    mini_page: Identifier | None = None
    """Page of the mini-program that messages open; it gets ``?code=`` with the link's code."""


class WeChatOfficialSettings(WeChatSettings):
    """An official account."""

    mini_program_appid: Identifier | None = None
    """The associated mini-program whose ``mini_page`` messages open instead of the link."""


class WeChatMiniSettings(WeChatSettings):
    """A mini-program."""


SETTINGS: Mapping[ChannelName, type[AccountSettings]] = {
    ChannelName.ALIYUN_SMS: AliyunSmsSettings,
    ChannelName.TENCENT_SMS: TencentSmsSettings,
    ChannelName.WECHAT_OFFICIAL: WeChatOfficialSettings,
    ChannelName.WECHAT_MINI: WeChatMiniSettings,
}
VENDORS: Mapping[ChannelName, str] = {
    ChannelName.ALIYUN_SMS: "aliyun",
    ChannelName.TENCENT_SMS: "tencent",
    ChannelName.WECHAT_OFFICIAL: "wechat",
    ChannelName.WECHAT_MINI: "wechat",
}
"""Whose callbacks a channel's receipts are."""


@dataclass(frozen=True, slots=True)
class Account:
    """An opened account. ``callback_secret`` is the unguessable part of its callback address."""

    owner: str
    channel: ChannelName
    settings: AccountSettings
    callback_secret: str = field(repr=False)
    updated_at: datetime

    @property
    def callback_path(self) -> str:
        """Where the vendor sends this account's receipts."""
        return f"/callbacks/notify/{VENDORS[self.channel]}/{self.callback_secret}"


class _SealedForm(BaseModel):
    settings: dict[str, object]
    callback_secret: str


def new_callback_secret() -> str:
    """192 random bits."""
    return secrets.token_urlsafe(_CALLBACK_SECRET_BYTES)


def callback_digest(secret: str) -> str:
    """By what rows find the account of a callback address."""
    return hashlib.sha256(secret.encode()).hexdigest()


def seal_account(keyring: Keyring, account: Account) -> SealedAccount:
    """The account's row."""
    form = _SealedForm(settings=account.settings.model_dump(mode="json"), callback_secret=account.callback_secret)
    return SealedAccount(
        owner=account.owner,
        channel=account.channel,
        sealed=keyring.seal(
            account.owner, PURPOSE, form.model_dump_json().encode(), place=_place(account.owner, account.channel)
        ),
        callback_digest=callback_digest(account.callback_secret),
        updated_at=account.updated_at,
    )


def open_account(keyring: Keyring, row: SealedAccount) -> Account:
    """The account of a row.

    :raises SealError: it was changed, or its key is not known.
    """
    form = _SealedForm.model_validate_json(keyring.open(row.sealed, place=_place(row.owner, row.channel)))
    settings = SETTINGS[row.channel].model_validate(form.settings)
    return Account(row.owner, row.channel, settings, form.callback_secret, row.updated_at)


def _place(owner: str, channel: ChannelName) -> str:
    return f"account/{owner}/{channel}"
