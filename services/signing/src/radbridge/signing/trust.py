"""The trust store that verdicts are made with, always as the database has it now."""

import asyncio

from radbridge.runtime.database.protocol import Database, Transaction
from radbridge.signing import store
from radbridge.signing.domain.errors import DerError
from radbridge.signing.domain.trust_store import TrustStore
from radbridge.signing.store import Material, MaterialKind


class TrustKeeper:
    """Keeps the parsed store until the material's version counts on, in whichever process that was done."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version = -1
        self._store = TrustStore(())
        self._lock = asyncio.Lock()

    async def current(self) -> TrustStore:
        """The store of this moment.

        :raises DatabaseUnavailable: it cannot be told.
        """
        version = await self._database.read(store.trust_version)
        if version == self._version:
            return self._store
        async with self._lock:
            version, materials = await self._database.read(_version_and_material)
            if version != self._version:
                self._store = await asyncio.to_thread(build_store, materials)
                self._version = version
        return self._store


def build_store(materials: list[Material]) -> TrustStore:
    """A trust store of the given material. Every piece was parsed when it was added; a fetched list that cannot be read
    counts as missing."""

    def data_of(kind: MaterialKind) -> list[bytes]:
        return [m.data for m in materials if m.kind is kind and m.data is not None]

    return TrustStore.from_bytes(
        data_of(MaterialKind.ROOT),
        data_of(MaterialKind.INTERMEDIATE),
        [crl for crl in data_of(MaterialKind.CRL) if _readable(crl)],
    )


def _readable(crl: bytes) -> bool:
    try:
        TrustStore.from_bytes((), (), [crl])
    except DerError:
        return False
    return True


async def _version_and_material(tx: Transaction) -> tuple[int, list[Material]]:
    return await store.trust_version(tx), await store.all_material(tx)
