"""Queries on the chain of evidence and on the trust archive (the tables: ``migrations/versions/0002``)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from radbridge.runtime.database.protocol import Row, Transaction
from radbridge.signing.domain.evidence_chain import GENESIS, canonical, link
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.trust import Trust

_CHAIN_LOCK = "signing-evidence"


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The newest entry; position 0 of an empty chain."""

    position: int
    hash: str


async def head(tx: Transaction) -> ChainHead:
    """Where the chain stands."""
    row = await tx.fetch_one("SELECT position, hash FROM evidence ORDER BY position DESC LIMIT 1")
    return ChainHead(0, GENESIS) if row is None else ChainHead(row["position"], row["hash"])


async def append(tx: Transaction, report_id: str, entry: Mapping[str, object]) -> ChainHead:
    """Append an entry; its ``position`` is added. Other writers wait until the transaction ends."""
    await tx.lock(_CHAIN_LOCK)
    before = await head(tx)
    position = before.position + 1
    text = canonical({**entry, "position": position})
    own = link(before.hash, text)
    await tx.execute(
        "INSERT INTO evidence (position, report_id, previous, hash, entry) VALUES ($1, $2, $3, $4, $5)",
        position,
        report_id,
        before.hash,
        own,
        text.decode(),
    )
    return ChainHead(position, own)


async def entries_after(tx: Transaction, position: int, limit: int) -> list[Row]:
    """Entries in order, those after a position."""
    return await tx.fetch("SELECT * FROM evidence WHERE position > $1 ORDER BY position LIMIT $2", position, limit)


async def entry_at(tx: Transaction, position: int) -> Row | None:
    """One entry."""
    return await tx.fetch_one("SELECT * FROM evidence WHERE position = $1", position)


async def archive_trust(tx: Transaction, trust: Trust) -> None:
    """Keep what a verdict rests on, once."""
    if await tx.fetch_one("SELECT 1 FROM trust_manifest WHERE sm3 = $1", trust.sm3) is not None:
        return
    await archive_files(tx, trust.files)
    await tx.execute(
        "INSERT INTO trust_manifest (sm3, manifest) VALUES ($1, $2) ON CONFLICT (sm3) DO NOTHING",
        trust.sm3,
        trust.manifest.decode(),
    )


async def archive_files(tx: Transaction, files: Mapping[str, bytes]) -> None:
    """Keep files by their SM3, each once."""
    for name, data in files.items():
        if await tx.fetch_one("SELECT 1 FROM trust_archive WHERE sm3 = $1", name) is None:
            await tx.execute(
                "INSERT INTO trust_archive (sm3, data) VALUES ($1, $2) ON CONFLICT (sm3) DO NOTHING", name, data
            )


async def archived_files(tx: Transaction, names: Iterable[str]) -> dict[str, bytes]:
    """Those of the named files that are there and are what they were."""
    files: dict[str, bytes] = {}
    for name in names:
        file = await tx.fetch_one("SELECT data FROM trust_archive WHERE sm3 = $1", name)
        if file is not None and sm3(bytes(file["data"])).hex() == name:
            files[name] = bytes(file["data"])
    return files


async def archived_trust(tx: Transaction, manifest_sm3: str) -> tuple[bytes, dict[str, bytes]] | None:
    """An archived manifest and the files that it names, as far as they are what they were."""
    row = await tx.fetch_one("SELECT manifest FROM trust_manifest WHERE sm3 = $1", manifest_sm3)
    manifest: bytes = b"" if row is None else row["manifest"].encode()
    if sm3(manifest).hex() != manifest_sm3:
        return None
    names: dict[str, list[str]] = orjson.loads(manifest)
    return manifest, await archived_files(tx, (name for listed in names.values() for name in listed))
