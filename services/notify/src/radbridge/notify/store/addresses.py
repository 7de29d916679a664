"""Bindings of people to WeChat addresses, and phones that get no messages. Nothing here names a person in clear."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from radbridge.notify.domain.messages import ChannelName
from radbridge.runtime.clock import to_micros
from radbridge.runtime.database.protocol import Row, Transaction


class BlockReason(StrEnum):
    """Why a phone gets no messages."""

    OPTED_OUT = "opted_out"
    UNUSABLE = "unusable_address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A person's address on a channel; the binding's id is the place of the sealed address."""

    binding_id: str
    owner: str
    channel: ChannelName
    phone_index: str | None
    document_index: str | None
    address_index: str
    address_sealed: str = field(repr=False)


async def save_binding(tx: Transaction, binding: Binding, now: datetime) -> None:
    """Store or replace a binding."""
    await tx.execute(
        """INSERT INTO binding (binding_id, owner, channel, phone_index, document_index, address_index, address_sealed,
                                updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (binding_id) DO UPDATE SET address_index = excluded.address_index,
               address_sealed = excluded.address_sealed, updated_at = excluded.updated_at""",
        binding.binding_id,
        binding.owner,
        binding.channel.value,
        binding.phone_index,
        binding.document_index,
        binding.address_index,
        binding.address_sealed,
        to_micros(now),
    )


async def binding(tx: Transaction, binding_id: str) -> Binding | None:
    """One binding."""
    row = await tx.fetch_one("SELECT * FROM binding WHERE binding_id = $1", binding_id)
    return None if row is None else _binding(row)


async def binding_of(
    tx: Transaction,
    channel: ChannelName,
    owners: tuple[str, str],
    *,
    phone_index: str | None,
    document_index: str | None,
) -> Binding | None:
    """A person's newest binding on a channel; the first owner's before the second's."""
    row = await tx.fetch_one(
        """SELECT * FROM binding WHERE channel = $1 AND owner IN ($2, $3) AND (phone_index = $4 OR document_index = $5)
           ORDER BY CASE WHEN owner = $2 THEN 0 ELSE 1 END, updated_at DESC LIMIT 1""",
        channel.value,
        *owners,
        phone_index,
        document_index,
    )
    return None if row is None else _binding(row)


async def remove_binding(tx: Transaction, binding_id: str) -> None:
    """Forget a binding."""
    await tx.execute("DELETE FROM binding WHERE binding_id = $1", binding_id)


async def remove_address(tx: Transaction, address_index: str) -> None:
    """Forget an address that a vendor calls wrong, in whatever bindings it stands."""
    await tx.execute("DELETE FROM binding WHERE address_index = $1", address_index)


async def block(tx: Transaction, phone_index: str, reason: BlockReason, now: datetime) -> None:
    """Send nothing to a phone any more. A person's own wish is not replaced by a vendor's complaint."""
    await tx.execute(
        """INSERT INTO address_block (address_index, reason, since) VALUES ($1, $2, $3)
           ON CONFLICT (address_index) DO UPDATE SET reason = excluded.reason, since = excluded.since
           WHERE address_block.reason <> 'opted_out'""",
        phone_index,
        reason.value,
        to_micros(now),
    )


async def unblock(tx: Transaction, phone_index: str) -> None:
    """Send to a phone again."""
    await tx.execute("DELETE FROM address_block WHERE address_index = $1", phone_index)


async def block_of(tx: Transaction, phone_index: str | None) -> BlockReason | None:
    """Why nothing is sent to a phone; ``None`` where it may be."""
    row = await tx.fetch_one("SELECT reason FROM address_block WHERE address_index = $1", phone_index)
    return None if row is None else BlockReason(row["reason"])


def _binding(row: Row) -> Binding:
    return Binding(
        binding_id=row["binding_id"],
        owner=row["owner"],
        channel=ChannelName(row["channel"]),
        phone_index=row["phone_index"],
        document_index=row["document_index"],
        address_index=row["address_index"],
        address_sealed=row["address_sealed"],
    )
