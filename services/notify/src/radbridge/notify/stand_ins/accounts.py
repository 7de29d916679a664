"""What the stand-ins know of the accounts that may use them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_ALIYUN_VARIABLE = re.compile(r"\$\{(\w+)\}")
_TENCENT_VARIABLE = re.compile(r"\{(\d+)\}")


@dataclass(frozen=True, slots=True)
class AliyunTemplate:
    """An audited text with variables written ``${name}``, each of at most ``variable_limit`` characters."""

    text: str
    variable_limit: int = 35

    @property
    def variables(self) -> frozenset[str]:
        """The names that TemplateParam must hold."""
        return frozenset(_ALIYUN_VARIABLE.findall(self.text))

    def fill(self, values: Mapping[str, str]) -> str:
        """The text as it reaches the phone."""
        return _ALIYUN_VARIABLE.sub(lambda found: values[found[1]], self.text)


@dataclass(frozen=True, slots=True)
class AliyunStandInAccount:
    """An access key with its approved signatures and templates (by code).

    ``daily_limit`` is per number and template. Messages to an ``unreachable`` number are accepted and then reported as
    failed.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)
    sign_names: frozenset[str]
    templates: Mapping[str, AliyunTemplate]
    unreachable: frozenset[str] = field(default=frozenset(), repr=False)
    daily_limit: int = 50


@dataclass(frozen=True, slots=True)
class TencentTemplate:
    """An audited text with variables written ``{1}``, ``{2}``, each of at most ``variable_limit`` characters."""

    text: str
    variable_limit: int = 12

    @property
    def parameters(self) -> int:
        """How many values TemplateParamSet must hold."""
        return len(set(_TENCENT_VARIABLE.findall(self.text)))

    def fill(self, values: list[str]) -> str:
        """The text as it reaches the phone."""
        return _TENCENT_VARIABLE.sub(lambda found: values[int(found[1]) - 1], self.text)


@dataclass(frozen=True, slots=True)
class TencentStandInAccount:
    """A secret with its SMS application, approved signatures and templates (by id).

    ``thirty_second_limit`` is per number. Messages to an ``unreachable`` number are accepted and then reported as
    failed.
    """

    secret_id: str
    secret_key: str = field(repr=False)
    sdk_app_id: str
    sign_names: frozenset[str]
    templates: Mapping[str, TencentTemplate]
    unreachable: frozenset[str] = field(default=frozenset(), repr=False)
    thirty_second_limit: int = 3


@dataclass(frozen=True, slots=True)
class WeChatStandInAccount:
    """An official account or mini-program (they differ by the API they may call) with its users.

    ``templates`` maps a template id to its field names. ``refusing`` users do not follow the account, or have not
    subscribed; messages to ``blocking`` users are accepted and then reported as failed. ``grants`` is how many
    subscription messages each user of a mini-program allows.
    """

    appid: str
    secret: str = field(repr=False)
    templates: Mapping[str, tuple[str, ...]]
    openids: frozenset[str] = field(repr=False)
    refusing: frozenset[str] = field(default=frozenset(), repr=False)
    blocking: frozenset[str] = field(default=frozenset(), repr=False)
    pages: frozenset[str] = frozenset()
    grants: int = 5


@dataclass(frozen=True, slots=True)
class StandInCredentials:
    """The accounts of all gateways, and the token with which WeChat signs its callbacks."""

    aliyun: AliyunStandInAccount
    tencent: TencentStandInAccount
    wechat_official: WeChatStandInAccount
    wechat_mini: WeChatStandInAccount
    wechat_callback_token: str = field(repr=False)
