"""Ends of sessions: heeded until the cookie has expired, then forgotten."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from radbridge.contracts.events.session import SessionEnded
from radbridge.contracts.topics import TOPICS
from radbridge.runtime.bus.open import open_log
from radbridge.runtime.security.ended_sessions import EndedSessions
from radbridge.runtime.security.sessions import Session
from tests.support.cut_log import CutLog

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)


def test_an_end_is_forgotten_when_it_does_not_matter_any_more(tmp_path: Path) -> None:
    moment = [NOW]
    ended = EndedSessions(open_log(f"sqlite:///{tmp_path}/events.db"), lambda: moment[0])
    ended.add(SessionEnded(session_id="s1", ended_at=NOW, expires_at=NOW + timedelta(hours=1)))
    ended.add(SessionEnded(session_id="long ago", ended_at=NOW, expires_at=NOW - timedelta(hours=1)))
    assert "s1" in ended
    assert "long ago" not in ended
    moment[0] = NOW + timedelta(hours=2)
    ended.add(SessionEnded(session_id="s2", ended_at=NOW, expires_at=moment[0] + timedelta(hours=1)))
    assert "s1" not in ended
    assert "s2" in ended


async def test_until_the_ends_are_known_sessions_from_before_the_start_count_as_ended(tmp_path: Path) -> None:
    log = CutLog(open_log(f"sqlite:///{tmp_path}/events.db"))
    await log.ensure_topics(TOPICS)
    log.away = True
    ended = EndedSessions(log, lambda: NOW)

    def refused(issued_at: datetime | None) -> bool:
        return ended.may_hold(Session(subject="u1", name="u1", roles=frozenset(), id="s1", issued_at=issued_at))

    following = asyncio.create_task(ended.run())
    await asyncio.sleep(0.05)
    assert refused(NOW - timedelta(seconds=1))
    assert refused(None)
    assert not refused(NOW)
    log.away = False
    await ended.caught_up()
    assert not refused(NOW - timedelta(seconds=1))
    assert not refused(None)
    following.cancel()
    await log.close()
