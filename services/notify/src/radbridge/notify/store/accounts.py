"""Accounts at the vendors, sealed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from radbridge.notify.domain.messages import ChannelName
from radbridge.runtime.clock import from_micros, to_micros
from radbridge.runtime.database.protocol import Row, Transaction


@dataclass(frozen=True, slots=True)
class SealedAccount:
    """An account's row. ``owner``: an institution's id, or ``platform``."""

    owner: str
    channel: ChannelName
    sealed: str = field(repr=False)
    callback_digest: str = field(repr=False)
    updated_at: datetime


async def save(tx: Transaction, account: SealedAccount) -> None:
    """Store or replace an account."""
    await tx.execute(
        """INSERT INTO account (owner, channel, sealed, callback_digest, updated_at) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (owner, channel) DO UPDATE SET sealed = excluded.sealed,
               callback_digest = excluded.callback_digest, updated_at = excluded.updated_at""",
        account.owner,
        account.channel.value,
        account.sealed,
        account.callback_digest,
        to_micros(account.updated_at),
    )


async def remove(tx: Transaction, owner: str, channel: ChannelName) -> bool:
    """Remove an account; ``False`` where there is none."""
    return await tx.execute("DELETE FROM account WHERE owner = $1 AND channel = $2", owner, channel.value) > 0


async def find(tx: Transaction, owner: str, channel: ChannelName) -> SealedAccount | None:
    """One account."""
    row = await tx.fetch_one("SELECT * FROM account WHERE owner = $1 AND channel = $2", owner, channel.value)
    return None if row is None else _account(row)


async def find_by_callback(tx: Transaction, digest: str) -> SealedAccount | None:
    """The account whose callback address holds the secret of this digest."""
    row = await tx.fetch_one("SELECT * FROM account WHERE callback_digest = $1", digest)
    return None if row is None else _account(row)


async def of_owner(tx: Transaction, owner: str) -> Sequence[SealedAccount]:
    """All accounts of an owner."""
    return [_account(row) for row in await tx.fetch("SELECT * FROM account WHERE owner = $1 ORDER BY channel", owner)]


async def owners(tx: Transaction, institution_id: str, platform: str) -> dict[ChannelName, str]:
    """The channels an institution can send on, and whose account each uses: its own before the platform's."""
    rows = await tx.fetch("SELECT owner, channel FROM account WHERE owner IN ($1, $2)", institution_id, platform)
    found: dict[ChannelName, str] = {}
    for row in rows:
        channel = ChannelName(row["channel"])
        if found.get(channel) != institution_id:
            found[channel] = row["owner"]
    return found


def _account(row: Row) -> SealedAccount:
    return SealedAccount(
        owner=row["owner"],
        channel=ChannelName(row["channel"]),
        sealed=row["sealed"],
        callback_digest=row["callback_digest"],
        updated_at=from_micros(row["updated_at"]),
    )
