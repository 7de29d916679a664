"""Objects sealed per institution and named by what they hold: CAData, PDFs, long texts (design: personal data)."""

import asyncio
from hashlib import sha256
from typing import Protocol

from radbridge.contracts.events.base import BlobRef
from radbridge.runtime.blobs.protocol import BlobStore

PURPOSE = "document"
"""Which of the institution's keys seals."""
FETCHED = "fetched/"
"""Where objects lie that a service fetched itself, apart from those that were sent. Nobody sweeps there: what is
fetched is stored by a handler that is repeated until its commit names it."""
_LARGEST_ON_THE_LOOP = 64 * 1024  # bytes that are hashed and sealed in well under a millisecond


class Sealer(Protocol):
    """The part of ``security.keyring.Keyring`` that is needed here."""

    def seal_bytes(self, institution_id: str, purpose: str, clear: bytes, *, place: str) -> bytes:
        """Seal under the institution's newest key of that purpose, bound to ``place``."""
        ...

    def open_bytes(self, sealed: bytes, *, place: str) -> bytes:
        """The inverse."""
        ...


def blob_ref(
    institution_id: str, data: bytes, media_type: str = "application/octet-stream", *, below: str = ""
) -> BlobRef:
    """What ``SealedBlobs.put`` will answer for these bytes."""
    return BlobRef(name=f"{below}{institution_id}/{sha256(data).hexdigest()}", size=len(data), media_type=media_type)


class SealedBlobs:
    """Sealed objects ``<institution id>/<SHA-256 of the clear bytes>``, those that were fetched below ``fetched/``; the
    name is bound to the content."""

    def __init__(self, blobs: BlobStore, keyring: Sealer) -> None:
        self._blobs = blobs
        self._keyring = keyring

    async def put(
        self, institution_id: str, data: bytes, media_type: str = "application/octet-stream", *, below: str = ""
    ) -> BlobRef:
        """Seal and store; durable when it returns, so that a row or event may name it. A repeat stores it anew.

        :param below: ``FETCHED`` for what a service fetched.
        :raises BlobUnavailable: the store is away or full.
        :raises SealError: there is no key of that institution.
        """

        def seal() -> tuple[BlobRef, bytes]:
            ref = blob_ref(institution_id, data, media_type, below=below)
            return ref, self._keyring.seal_bytes(institution_id, PURPOSE, data, place=ref.name)

        ref, sealed = seal() if len(data) <= _LARGEST_ON_THE_LOOP else await asyncio.to_thread(seal)
        await self._blobs.put(ref.name, sealed)
        return ref

    async def get(self, institution_id: str, ref: BlobRef) -> bytes:
        """The clear bytes.

        :raises ValueError: the object is another institution's.
        :raises BlobMissing: there is no such object.
        :raises BlobUnavailable: the store is away.
        :raises SealError: the object was changed or moved, or its key is not known.
        """
        if not ref.name.removeprefix(FETCHED).startswith(f"{institution_id}/"):
            raise ValueError("the object belongs to another institution")
        sealed = await self._blobs.get(ref.name)
        if len(sealed) <= _LARGEST_ON_THE_LOOP:
            return self._keyring.open_bytes(sealed, place=ref.name)
        return await asyncio.to_thread(self._keyring.open_bytes, sealed, place=ref.name)
