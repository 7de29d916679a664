"""The trust store that verdicts are made with, always as the database has it now."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from radbridge.runtime.database.protocol import Database, Transaction
from radbridge.signing import store
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.sm3 import sm3
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.store import Material, MaterialKind

_RAW_ISSUERS = "raw_issuers"
"""In a manifest: those of its certificates whose CA signs with raw values. Left out where there is none."""


@dataclass(frozen=True)
class Trust:
    """Trust material as it stood at one moment: the store, the files it was made of by their SM3, and the manifest
    that names them, by which the store can be made again."""

    version: int
    store: TrustStore
    manifest: bytes
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def sm3(self) -> str:
        """SM3 of the manifest, hex: names this trust in evidence."""
        return sm3(self.manifest).hex()


class TrustKeeper:
    """Keeps the parsed store until the material's version counts on, in whichever process that was done."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._trust = Trust(-1, TrustStore(()), b"", {})
        self._lock = asyncio.Lock()

    async def current(self) -> TrustStore:
        """The store of this moment; raises as ``snapshot`` does."""
        return (await self.snapshot()).store

    async def snapshot(self) -> Trust:
        """The trust of this moment.

        :raises DatabaseUnavailable: it cannot be told.
        """
        version = await self._database.read(store.trust_version)
        if version == self._trust.version:
            return self._trust
        async with self._lock:
            version, materials = await self._database.read(_version_and_material)
            if version != self._trust.version:
                self._trust = await asyncio.to_thread(build_trust, version, materials)
        return self._trust


def build_trust(version: int, materials: list[Material]) -> Trust:
    """Trust made of the given material. Every piece was parsed when it was added; a fetched list that cannot be read
    counts as missing."""
    files: dict[str, bytes] = {}
    names: dict[str, list[str]] = {kind.value: [] for kind in MaterialKind}
    for material in materials:
        if material.data is None or (material.kind is MaterialKind.CRL and not _readable(material.data)):
            continue
        name = sm3(material.data).hex()
        files[name] = material.data
        names[material.kind.value].append(name)
        if material.raw_signatures and material.kind is not MaterialKind.CRL:
            names.setdefault(_RAW_ISSUERS, []).append(name)
    manifest = orjson.dumps(names, option=orjson.OPT_SORT_KEYS)
    return Trust(version, store_of(manifest, files), manifest, files)


def store_of(manifest: bytes, files: Mapping[str, bytes]) -> TrustStore:
    """The store that a manifest describes.

    :raises KeyError: a file that it names is missing.
    """
    names: dict[str, list[str]] = orjson.loads(manifest)

    def data_of(kind: MaterialKind) -> list[bytes]:
        return [files[name] for name in names[kind.value]]

    return TrustStore.from_bytes(
        data_of(MaterialKind.ROOT),
        data_of(MaterialKind.INTERMEDIATE),
        data_of(MaterialKind.CRL),
        raw_issuers=[files[name] for name in names.get(_RAW_ISSUERS, [])],
    )


def _readable(crl: bytes) -> bool:
    try:
        TrustStore.from_bytes((), (), [crl])
    except DerError:
        return False
    return True


async def _version_and_material(tx: Transaction) -> tuple[int, list[Material]]:
    return await store.trust_version(tx), await store.all_material(tx)
