"""Receipts that came before the row knew the vendor's id."""

from datetime import datetime

from radbridge.notify.domain.messages import ChannelName
from radbridge.notify.domain.receipts import Receipt
from radbridge.notify.store.deliveries import stored_text
from radbridge.runtime.clock import from_micros, to_micros
from radbridge.runtime.database.protocol import Transaction


async def keep(tx: Transaction, owner: str, channel: ChannelName, receipt: Receipt, now: datetime) -> None:
    """Store a receipt for a delivery that may yet say it is its own."""
    await tx.execute(
        """INSERT INTO early_receipt (account_owner, channel, provider_id, delivered, code, reported_at, stored_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account_owner, channel, provider_id) DO UPDATE SET
               delivered = excluded.delivered, code = excluded.code, reported_at = excluded.reported_at""",
        owner,
        channel.value,
        stored_text(receipt.provider_id),
        int(receipt.delivered),
        stored_text(receipt.code),
        to_micros(receipt.reported_at),
        to_micros(now),
    )


async def take(tx: Transaction, owner: str, channel: ChannelName, provider_id: str) -> Receipt | None:
    """The receipt that waited for this id; it is removed."""
    rows = await tx.fetch(
        """DELETE FROM early_receipt WHERE account_owner = $1 AND channel = $2 AND provider_id = $3
           RETURNING delivered, code, reported_at""",
        owner,
        channel.value,
        stored_text(provider_id),
    )
    if not rows:
        return None
    row = rows[0]
    return Receipt(provider_id, None, bool(row["delivered"]), row["code"], from_micros(row["reported_at"]))


async def forget_before(tx: Transaction, moment: datetime) -> int:
    """Remove receipts that nobody asked for; answers how many."""
    return await tx.execute("DELETE FROM early_receipt WHERE stored_at < $1", to_micros(moment))
