"""Which service processes are alive and how far each has followed the institution directory."""

from datetime import datetime
from typing import ClassVar

from radbridge.contracts.events.base import EventBody


class InstanceSeen(EventBody):
    """A heartbeat. An instance is alive while its newest heartbeat is under 10 s old; ``leaving`` is its farewell."""

    NAME: ClassVar[str] = "instance.seen"
    TOPIC: ClassVar[str] = "presence"

    instance_id: str
    service: str
    ready: bool
    degraded: list[str] = []
    """Checks that fail although the instance is ready: ``event log``, ``consumer notify``."""
    leaving: bool = False
    directory_version: int = 0
    """Count of directory messages applied so far."""
    seen_at: datetime

    def aggregate_id(self) -> str:
        return self.instance_id
