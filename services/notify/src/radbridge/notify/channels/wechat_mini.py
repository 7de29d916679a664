"""Subscription messages of a WeChat mini-program."""

from datetime import datetime
from typing import Literal

from radbridge.notify.channels.wechat_api import WeChatApi, template_data
from radbridge.notify.domain.messages import ChannelName, OutboundMessage
from radbridge.notify.domain.outcomes import AskOutcome, Reason, SendOutcome, Unknown

PATH = "/cgi-bin/message/subscribe/send"


class WeChatMini:
    """The ``Channel`` of a mini-program. Each message uses up one grant of the recipient (43101 where none is left).

    ``state`` is which published stage of the mini-program the message opens.
    """

    name = ChannelName.WECHAT_MINI

    def __init__(self, api: WeChatApi, state: Literal["formal", "trial", "developer"] = "formal") -> None:
        self._api = api
        self._state = state

    async def send(self, message: OutboundMessage) -> SendOutcome:
        """Hand the message to WeChat."""
        body: dict[str, object] = {
            "touser": message.recipient,
            "template_id": message.template.vendor_template_id,
            "miniprogram_state": self._state,
            "lang": "zh_CN",
            "data": template_data(message),
        }
        if message.mini_page is not None:
            body["page"] = message.mini_page
        return await self._api.send(self.name, PATH, body, message.attempt)

    async def ask(self, message: OutboundMessage, attempted_at: datetime) -> AskOutcome:
        """WeChat neither answers such a question nor knows our id here."""
        return Unknown(Reason("no_query"))
