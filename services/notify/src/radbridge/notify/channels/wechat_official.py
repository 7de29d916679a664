"""Template messages of a WeChat official account."""

from datetime import datetime, timedelta

from radbridge.notify.channels.wechat_api import WeChatApi, template_data
from radbridge.notify.domain.messages import ChannelName, OutboundMessage
from radbridge.notify.domain.outcomes import AskOutcome, Reason, SafeToRepeat, SendOutcome, Unknown
from radbridge.runtime.clock import Clock

PATH = "/cgi-bin/message/template/send"
REPEAT_WINDOW = timedelta(minutes=8)
"""WeChat drops a repeated ``client_msg_id`` for 10 minutes; the rest is for the repeat to arrive."""


class WeChatOfficial:
    """The ``Channel`` of an official account. ``client_msg_id`` is our delivery id in 32 hex digits.

    ``mini_program_appid`` is the associated mini-program that messages with a ``mini_page`` open instead of their link.
    """

    name = ChannelName.WECHAT_OFFICIAL

    def __init__(self, api: WeChatApi, clock: Clock, mini_program_appid: str | None = None) -> None:
        self._api = api
        self._clock = clock
        self._mini_program_appid = mini_program_appid

    async def send(self, message: OutboundMessage) -> SendOutcome:
        """Hand the message to WeChat."""
        body: dict[str, object] = {
            "touser": message.recipient,
            "template_id": message.template.vendor_template_id,
            "client_msg_id": message.delivery_id.hex,
            "data": template_data(message),
        }
        if message.link is not None:
            body["url"] = message.link
        if message.mini_page is not None and self._mini_program_appid is not None:
            body["miniprogram"] = {"appid": self._mini_program_appid, "pagepath": message.mini_page}
        return await self._api.send(self.name, PATH, body, message.attempt)

    async def ask(self, message: OutboundMessage, attempted_at: datetime) -> AskOutcome:
        """WeChat answers no such question, but drops a repeat for a while; after that only its event can tell."""
        if self._clock() - attempted_at < REPEAT_WINDOW:
            return SafeToRepeat()
        return Unknown(Reason("no_query"))
