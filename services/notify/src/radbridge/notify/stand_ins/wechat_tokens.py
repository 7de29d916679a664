"""The stand-in's ``stable_token``: which tokens are valid, and since when they are not."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe

from radbridge.runtime.clock import Clock

LIFETIME = timedelta(hours=2)
OVERLAP = timedelta(minutes=5)
FORCE_INTERVAL = timedelta(seconds=30)
FORCED_PER_DAY = 20


@dataclass(frozen=True, slots=True)
class _Issued:
    value: str
    expires_at: datetime


class WeChatRefusalError(Exception):
    """An ``errcode`` with its words."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errmsg)
        self.errcode = errcode
        self.errmsg = errmsg


class StableTokens:
    """The tokens of one appid: at most the current one and, for five minutes, its predecessor."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._current: _Issued | None = None
        self._previous: _Issued | None = None
        self._forced: list[datetime] = []

    def issue(self, *, force: bool) -> tuple[str, int]:
        """The token and its remaining seconds. Raises WeChatRefusalError where forced too often."""
        now = self._clock()
        if force:
            self._count_forced(now)
            self._current = self._previous = None
        if self._current is None or self._current.expires_at - now <= OVERLAP:
            self._previous = self._current
            self._current = _Issued(token_urlsafe(384), now + LIFETIME)
        return self._current.value, int((self._current.expires_at - now).total_seconds())

    def check(self, value: str | None) -> None:
        """Raises WeChatRefusalError unless ``value`` is valid now."""
        if not value:
            raise WeChatRefusalError(41001, "access_token missing")
        for issued in (self._current, self._previous):
            if issued is not None and issued.value == value:
                if issued.expires_at <= self._clock():
                    raise WeChatRefusalError(42001, "access_token expired")
                return
        raise WeChatRefusalError(40001, "invalid credential, access_token is invalid or not latest")

    def _count_forced(self, now: datetime) -> None:
        if self._forced and now - self._forced[-1] < FORCE_INTERVAL:
            raise WeChatRefusalError(45011, "api minute-quota reach limit, must slower, retry next minute")
        self._forced = [moment for moment in self._forced if now - moment < timedelta(days=1)]
        if len(self._forced) >= FORCED_PER_DAY:
            raise WeChatRefusalError(45009, "reach max api daily quota limit")
        self._forced.append(now)
