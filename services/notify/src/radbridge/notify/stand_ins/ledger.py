"""What the stand-ins accepted, kept in memory for tests and for people who watch the demo."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Gateway(StrEnum):
    """The APIs that accept messages."""

    ALIYUN = "aliyun"
    TENCENT = "tencent"
    WECHAT_OFFICIAL = "wechat_official"
    WECHAT_MINI = "wechat_mini"


@dataclass(slots=True)
class AcceptedMessage:
    """One accepted message. ``correlation_id`` is the sender's own id; ``text`` what an SMS shows on the phone.

    ``report`` is None until the receipt is due, then the vendor's code of it.
    """

    gateway: Gateway
    provider_id: str
    correlation_id: str
    recipient: str
    template_id: str
    fields: dict[str, str]
    accepted_at: datetime
    sign_name: str = ""
    text: str = ""
    link: str = ""
    delivered: bool | None = None
    report: str | None = None


class Ledger:
    """The accepted messages in order of arrival."""

    def __init__(self) -> None:
        self._messages: list[AcceptedMessage] = []

    def add(self, message: AcceptedMessage) -> None:
        """Keep ``message``."""
        self._messages.append(message)

    def of(self, gateway: Gateway | None = None, *, recipient: str | None = None) -> Iterator[AcceptedMessage]:
        """The messages of a gateway, to a recipient, or all."""
        for message in self._messages:
            if gateway in {None, message.gateway} and recipient in {None, message.recipient}:
                yield message
