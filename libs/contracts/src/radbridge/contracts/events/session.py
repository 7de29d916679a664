"""The end of people's sessions, published by ``portal`` and heeded by every service."""

from datetime import datetime
from typing import ClassVar

from radbridge.contracts.events.base import EventBody


class SessionEnded(EventBody):
    """Somebody logged out: the session's cookie opens nothing any more, whoever still holds it. After ``expires_at`` it
    would open nothing anyway."""

    NAME: ClassVar[str] = "session.ended"
    TOPIC: ClassVar[str] = "session"

    session_id: str
    ended_at: datetime
    expires_at: datetime

    def aggregate_id(self) -> str:
        return self.session_id
