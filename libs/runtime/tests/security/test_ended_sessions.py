"""Ends of sessions: heeded until the cookie has expired, then forgotten."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from radbridge.contracts.events.session import SessionEnded
from radbridge.runtime.bus.open import open_log
from radbridge.runtime.security.ended_sessions import EndedSessions

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
