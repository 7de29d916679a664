"""What every channel promises."""

from datetime import datetime
from typing import Protocol

from radbridge.notify.domain.messages import ChannelName, OutboundMessage
from radbridge.notify.domain.outcomes import AskOutcome, SendOutcome


class Channel(Protocol):
    """One vendor's way to reach a recipient. Vendors' and network's troubles are outcomes, never exceptions."""

    @property
    def name(self) -> ChannelName:
        """Which rows and templates are this channel's."""
        ...

    async def send(self, message: OutboundMessage) -> SendOutcome:
        """Hand the message to the vendor once.

        ``Unknown`` means it may have been taken: the caller asks, and repeats only what ``ask`` calls SafeToRepeat.
        """
        ...

    async def ask(self, message: OutboundMessage, attempted_at: datetime) -> AskOutcome:
        """What became of ``message``, sent at ``attempted_at`` without an answer; ``Unknown`` while nobody can say."""
        ...
