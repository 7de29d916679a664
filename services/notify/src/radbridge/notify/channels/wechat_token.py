"""WeChat's access token: one per appid for all replicas, held in a store, fetched from ``cgi-bin/stable_token``.

``stable_token`` answers the same token while it is valid and a new one in its last five minutes, both good until the
old one ends. It is apart from ``cgi-bin/token``; nothing else may use that for the same appid.
"""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from radbridge.notify.channels.vendor_http import Answer, VendorHttp
from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.domain.outcomes import Reason, Retry, StopConfiguration
from radbridge.notify.domain.retry_policy import outcome_of
from radbridge.runtime.clock import Clock

RENEW_BEFORE = timedelta(minutes=5)
LEASE = timedelta(seconds=20)
FORCE_INTERVAL = timedelta(seconds=30)

_POLLS = 20
_POLL_INTERVAL = timedelta(milliseconds=100)


@dataclass(frozen=True, slots=True)
class WeChatAccount:
    """An official account or a mini-program."""

    appid: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredToken:
    """An access token (up to 512 characters and more) and its times, UTC. ``forced_at``: the last forced refresh."""

    value: str = field(repr=False)
    expires_at: datetime
    forced_at: datetime | None = None


class TokenStore(Protocol):
    """Where replicas share tokens, one row per appid; a lease names the one that may fetch."""

    async def read(self, appid: str) -> StoredToken | None:
        """The token last written, whether or not it is still valid."""
        ...

    async def acquire(self, appid: str, holder: str, until: datetime) -> bool:
        """Take or prolong the lease until ``until``; False where another holder's lease has not ended."""
        ...

    async def write(self, appid: str, holder: str, token: StoredToken) -> bool:
        """Store ``token`` and end the lease; False, and nothing stored, where ``holder`` lost the lease meanwhile."""
        ...

    async def release(self, appid: str, holder: str) -> None:
        """End the lease, if ``holder`` has it, without a new token."""
        ...


class WeChatTokens:
    """The current access token of one account.

    ``holder`` names this process among its replicas. Secrets that WeChat refuses and hosts that do not answer come back
    as the outcome that the waiting message gets: it was not sent.
    """

    def __init__(self, http: VendorHttp, account: WeChatAccount, store: TokenStore, holder: str, clock: Clock) -> None:
        self._http = http
        self._account = account
        self._store = store
        self._holder = holder
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def current(self) -> StoredToken | Retry | StopConfiguration:
        """A token that is valid, fetched first where the stored one ends within five minutes."""
        token = await self._store.read(self._account.appid)
        if token is not None and token.expires_at - self._clock() > RENEW_BEFORE:
            return token
        return await self._renew(refused=None)

    async def replace(self, refused: str) -> StoredToken | Retry | StopConfiguration:
        """A token other than ``refused``, which WeChat did not take (40001, 40014, 42001)."""
        return await self._renew(refused)

    async def _renew(self, refused: str | None) -> StoredToken | Retry | StopConfiguration:
        async with self._one_at_a_time:
            for _ in range(_POLLS):
                stored = await self._store.read(self._account.appid)
                if stored is not None and self._serves(stored, refused):
                    return stored
                if await self._store.acquire(self._account.appid, self._holder, self._clock() + LEASE):
                    return await self._renew_under_lease(refused)
                await asyncio.sleep(_POLL_INTERVAL.total_seconds())
        return Retry(self._clock() + LEASE, Reason("token_lease_held"))

    def _serves(self, stored: StoredToken, refused: str | None) -> bool:
        return stored.value != refused and stored.expires_at - self._clock() > RENEW_BEFORE

    async def _renew_under_lease(self, refused: str | None) -> StoredToken | Retry | StopConfiguration:
        stored = await self._store.read(self._account.appid)
        if stored is not None and self._serves(stored, refused):
            await self._store.release(self._account.appid, self._holder)
            return stored
        token = await self._fetch(stored, forced=False)
        if isinstance(token, StoredToken) and token.value == refused:
            token = await self._force(stored)
        if not isinstance(token, StoredToken):
            await self._store.release(self._account.appid, self._holder)
            return token
        if not await self._store.write(self._account.appid, self._holder, token):
            return Retry(self._clock(), Reason("token_lease_lost"))
        return token

    async def _force(self, stored: StoredToken | None) -> StoredToken | Retry | StopConfiguration:
        """WeChat allows 20 forced refreshes a day, 30 s apart."""
        forced_at = stored.forced_at if stored else None
        if forced_at is not None and self._clock() - forced_at < FORCE_INTERVAL:
            return Retry(forced_at + FORCE_INTERVAL, Reason("token_forced_recently"))
        return await self._fetch(stored, forced=True)

    async def _fetch(self, stored: StoredToken | None, *, forced: bool) -> StoredToken | Retry | StopConfiguration:
        now = self._clock()
        request = {
            "grant_type": "client_credential",
            "appid": self._account.appid,
            "secret": self._account.secret,
            "force_refresh": forced,
        }
        answer = await self._http.post(
            "/cgi-bin/stable_token",
            headers={"content-type": "application/json"},
            content=json.dumps(request).encode(),
        )
        if not isinstance(answer, Answer):
            return Retry(self._clock() + timedelta(seconds=5), answer.reason)
        value, lifetime = answer.body.get("access_token"), answer.body.get("expires_in")
        if isinstance(value, str) and isinstance(lifetime, int):
            forced_at = now if forced else (stored.forced_at if stored else None)
            return StoredToken(value, now + timedelta(seconds=lifetime), forced_at)
        return self._refusal(answer)

    def _refusal(self, answer: Answer) -> Retry | StopConfiguration:
        code = str(answer.body.get("errcode", f"http_{answer.status}"))
        reason = Reason.from_vendor(code, str(answer.body.get("errmsg", "")))
        outcome = outcome_of(ChannelName.WECHAT_OFFICIAL, reason, 1, self._clock())
        return outcome if isinstance(outcome, Retry) else StopConfiguration(reason)
