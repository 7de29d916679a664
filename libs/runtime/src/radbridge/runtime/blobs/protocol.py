"""What the rest of the system may expect of a blob store."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class BlobError(Exception):
    """The store cannot do what was asked."""


class BlobUnavailable(BlobError):
    """The store does not answer, or is full; trying again later may help."""


class BlobMissing(BlobError):
    """No object of that name."""


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """An object in the store."""

    name: str
    size: int
    modified_at: float
    """Seconds since 1970."""


class BlobStore(Protocol):
    """Objects by name. Names are ``/``-separated segments of ``[A-Za-z0-9._-]``; others raise ``ValueError``.

    An object is whole or absent; ``put`` returns when it is durable. Putting the same name again replaces it whole.
    """

    async def put(self, name: str, data: bytes) -> None:
        """Store an object."""
        ...

    async def put_file(self, name: str, path: Path) -> None:
        """Store a file's content; the file stays."""
        ...

    async def get(self, name: str, *, offset: int = 0, length: int | None = None) -> bytes:
        """The object or a part of it.

        :raises BlobMissing: no such object.
        """
        ...

    def stream(self, name: str, *, chunk_size: int = 1 << 20) -> AsyncIterator[bytes]:
        """The object in chunks; raises ``BlobMissing`` before the first."""
        ...

    async def exists(self, name: str) -> bool:
        """Whether the object is there."""
        ...

    async def delete(self, name: str) -> None:
        """Remove the object; absent is no error."""
        ...

    def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """Objects whose names start with ``prefix``."""
        ...

    async def ping(self) -> None:
        """Answer quickly if the store can be used.

        :raises BlobUnavailable: it cannot.
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
