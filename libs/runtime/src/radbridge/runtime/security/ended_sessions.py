"""Sessions that ended before their time, as every service knows them: followed from the session topic.

Session cookies are signed and carry all that they say, so that any service can check one by itself. What a signature
cannot say is that somebody logged out.

A process that has just started does not know it either, until it has read the topic to its end. Sessions from before
its start count as ended for so long: while the log is away, people log in again rather than that a cookie of somebody
who logged out opens anything.
"""

import asyncio
import contextlib
import logging
from datetime import datetime

from pydantic import ValidationError

from radbridge.contracts.envelope import EnvelopeError, from_headers
from radbridge.contracts.events.session import SessionEnded
from radbridge.runtime.bus.protocol import BusError, EventLog
from radbridge.runtime.clock import Clock
from radbridge.runtime.security.sessions import Session

_RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)


class EndedSessions:
    """Looked up in memory; each is forgotten once its cookie has expired. ``run`` follows the topic for ever."""

    def __init__(self, log: EventLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._expiries: dict[str, datetime] = {}
        self._began_at = clock()
        self._caught_up = asyncio.Event()

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._expiries

    def may_hold(self, session: Session) -> bool:
        """Whether the session has ended, or may have before this process knew of any."""
        if session.id in self:
            return True
        is_older = session.issued_at is None or session.issued_at < self._began_at
        return is_older and not self._caught_up.is_set()

    async def caught_up(self) -> None:
        """Return once the end of the topic was reached."""
        await self._caught_up.wait()

    def add(self, body: SessionEnded) -> None:
        """Heed an end, as this process decided it or another one."""
        now = self._clock()
        for known in [known for known, expires_at in self._expiries.items() if expires_at <= now]:
            del self._expiries[known]
        if body.expires_at > now:
            self._expiries[body.session_id] = body.expires_at

    async def run(self) -> None:
        """Follow the topic for ever; waits while the log is away, and heeds meanwhile what it knows."""
        while True:
            try:
                async for record in self._log.follow(SessionEnded.TOPIC):
                    if record is None:
                        self._caught_up.set()
                    else:
                        with contextlib.suppress(EnvelopeError, ValidationError):
                            event = from_headers(record.headers, record.value)
                            self.add(SessionEnded.model_validate_json(event.data))
            except BusError as error:
                _log.warning("the ends of sessions wait for the event log", extra={"reason": str(error)})
            await asyncio.sleep(_RETRY_SECONDS)
