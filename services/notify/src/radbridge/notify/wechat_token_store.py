"""WeChat's access tokens in the database: shared by all replicas, sealed, fetched by one of them at a time."""

from dataclasses import dataclass
from datetime import datetime

from radbridge.notify.channels.wechat_token import StoredToken
from radbridge.runtime.clock import Clock, from_micros, to_micros
from radbridge.runtime.database.protocol import Database
from radbridge.runtime.security.keyring import PLATFORM, Keyring

_PURPOSE = "credentials"


@dataclass(frozen=True, slots=True)
class DatabaseTokenStore:
    """The ``TokenStore`` of a service's database."""

    database: Database
    keyring: Keyring
    clock: Clock

    async def read(self, appid: str) -> StoredToken | None:
        """The token last written, whether or not it is still valid."""
        row = await self.database.fetch_one(
            """SELECT token_sealed, expires_at, forced_at FROM wechat_token
               WHERE appid = $1 AND token_sealed IS NOT NULL""",
            appid,
        )
        if row is None:
            return None
        forced_at = row["forced_at"]
        return StoredToken(
            value=self.keyring.open(row["token_sealed"], place=_place(appid)).decode(),
            expires_at=from_micros(row["expires_at"]),
            forced_at=None if forced_at is None else from_micros(forced_at),
        )

    async def acquire(self, appid: str, holder: str, until: datetime) -> bool:
        """Take or prolong the lease; ``False`` where another holder's has not ended."""
        rows = await self.database.write_one(
            """INSERT INTO wechat_token (appid, holder, leased_until) VALUES ($1, $2, $3)
               ON CONFLICT (appid) DO UPDATE SET holder = excluded.holder, leased_until = excluded.leased_until
               WHERE wechat_token.holder IS NULL OR wechat_token.holder = excluded.holder
                   OR wechat_token.leased_until <= $4
               RETURNING appid""",
            appid,
            holder,
            to_micros(until),
            to_micros(self.clock()),
        )
        return bool(rows)

    async def write(self, appid: str, holder: str, token: StoredToken) -> bool:
        """Store a token and end the lease; ``False`` where another holder took the lease meanwhile."""
        rows = await self.database.write_one(
            """UPDATE wechat_token SET token_sealed = $3, expires_at = $4, forced_at = $5, holder = NULL
               WHERE appid = $1 AND holder = $2 RETURNING appid""",
            appid,
            holder,
            self.keyring.seal(PLATFORM, _PURPOSE, token.value.encode(), place=_place(appid)),
            to_micros(token.expires_at),
            None if token.forced_at is None else to_micros(token.forced_at),
        )
        return bool(rows)

    async def release(self, appid: str, holder: str) -> None:
        """End the lease without a new token."""
        await self.database.write_one(
            "UPDATE wechat_token SET holder = NULL WHERE appid = $1 AND holder = $2", appid, holder
        )


def _place(appid: str) -> str:
    return f"wechat_token/{appid}"
