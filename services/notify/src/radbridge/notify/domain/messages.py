"""What leaves this service: a message for one recipient on one channel, rendered for that channel's vendor."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID, uuid5


class ChannelName(StrEnum):
    """The ways to reach a person; the value is what rows, events and settings hold."""

    ALIYUN_SMS = "aliyun_sms"
    TENCENT_SMS = "tencent_sms"
    WECHAT_OFFICIAL = "wechat_official"
    WECHAT_MINI = "wechat_mini"


@dataclass(frozen=True, slots=True)
class RenderedTemplate:
    """A vendor's template with its fields filled, checked and shortened (``templates.render``).

    ``fields`` keeps the vendor's order: Tencent numbers its parameters. Values stay out of ``repr``, hence out of logs.
    """

    vendor_template_id: str
    fields: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """One attempt to tell one recipient one thing.

    ``delivery_id`` travels as the vendor's own correlation id and is what makes a receipt or a repeat recognisable.
    ``recipient`` is a mainland mobile number (SMS) or an openid (WeChat). ``attempt`` counts from 1.
    ``link`` (absolute URL) and ``mini_page`` (path inside the mini-program) are used by WeChat only: SMS vendors refuse
    URLs outside the audited template text.
    """

    delivery_id: UUID
    attempt: int
    recipient: str = field(repr=False)
    template: RenderedTemplate
    link: str | None = field(default=None, repr=False)
    mini_page: str | None = field(default=None, repr=False)


def delivery_id(event_id: UUID, rule: str, person_id: UUID, channel: ChannelName) -> UUID:
    """The id of the one delivery that ``event_id`` may cause for this rule, person and channel.

    Derived, so an event handled twice, or by two replicas, meets its own first row instead of sending again.
    """
    return uuid5(event_id, f"{rule}/{person_id}/{channel}")
