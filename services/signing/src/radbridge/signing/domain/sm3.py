"""SM3 (GM/T 0004, GB/T 32905) from the interpreter's own libcrypto, else from the `cryptography` package."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Protocol


class Digest(Protocol):
    """What hashing needs of a running digest."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _CryptographySm3:
    def __init__(self) -> None:
        from cryptography.hazmat.primitives import hashes

        self._hash = hashes.Hash(hashes.SM3())

    def update(self, data: bytes, /) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        return self._hash.copy().finalize()


def _hashlib_sm3() -> Digest:
    return hashlib.new("sm3")


@cache
def _factory() -> Callable[[], Digest]:
    try:
        _hashlib_sm3()
    except ValueError:
        return _CryptographySm3
    return _hashlib_sm3


def sm3(*parts: bytes) -> bytes:
    """The 32-byte SM3 digest of the parts joined."""
    running = _factory()()
    for part in parts:
        running.update(part)
    return running.digest()
