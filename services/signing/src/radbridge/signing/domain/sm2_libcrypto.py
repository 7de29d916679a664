"""SM2 through the system's libcrypto (OpenSSL 3 or later) by ctypes.

Z is computed here and the 32-byte digest e handed over, so the ID can never fall back to libcrypto's own default (the
empty ID before 4.0). An EVP_PKEY costs half a verification to make: `_Key` keeps it with the contexts made for it.
Calls release the GIL; a context is used by one thread at a time.
"""

from __future__ import annotations

import ctypes
import weakref
from collections import deque
from functools import lru_cache

from radbridge.signing.domain.errors import KeyFormError
from radbridge.signing.domain.sm2_curve import encode_signature, parse_signature
from radbridge.signing.domain.sm2_pure import public_point

_NAMES = ("libcrypto.so.4", "libcrypto.so.3", "libcrypto.4.dylib", "libcrypto.3.dylib")
_SPKI_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004")
_PKCS8_PREFIX = bytes.fromhex("308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420")
_PKCS8_PUBLIC = bytes.fromhex("a14403420004")
_KEPT_KEYS = 2048

_POINTER, _BYTES, _SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t


class LibcryptoUnavailableError(RuntimeError):
    """No libcrypto of the system, or one without the functions needed."""


def _load() -> ctypes.CDLL:
    for name in _NAMES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        try:
            _declare(library)
        except AttributeError:
            continue
        return library
    raise LibcryptoUnavailableError("no libcrypto with the EVP interface of OpenSSL 3")


def _declare(library: ctypes.CDLL) -> None:
    key_bytes = ctypes.POINTER(_BYTES)
    for name, result, arguments in (
        ("d2i_PUBKEY", _POINTER, [_POINTER, key_bytes, ctypes.c_long]),
        ("d2i_AutoPrivateKey", _POINTER, [_POINTER, key_bytes, ctypes.c_long]),
        ("EVP_PKEY_free", None, [_POINTER]),
        ("EVP_PKEY_CTX_new_from_pkey", _POINTER, [_POINTER, _POINTER, _BYTES]),
        ("EVP_PKEY_CTX_free", None, [_POINTER]),
        ("EVP_PKEY_verify_init", ctypes.c_int, [_POINTER]),
        ("EVP_PKEY_verify", ctypes.c_int, [_POINTER, _BYTES, _SIZE, _BYTES, _SIZE]),
        ("EVP_PKEY_sign_init", ctypes.c_int, [_POINTER]),
        ("EVP_PKEY_sign", ctypes.c_int, [_POINTER, _BYTES, ctypes.POINTER(_SIZE), _BYTES, _SIZE]),
        ("ERR_clear_error", None, []),
    ):
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments


class _Key:
    """An EVP_PKEY and its idle contexts, freed with this object."""

    def __init__(self, library: ctypes.CDLL, decode: str, encoded: bytes, initialise: str) -> None:
        self._library = library
        self._initialise = initialise
        pointer = _BYTES(encoded)
        handle: int | None = getattr(library, decode)(None, ctypes.byref(pointer), len(encoded))
        if not handle:
            library.ERR_clear_error()
            raise KeyFormError("libcrypto refuses the SM2 key")
        self._handle = handle
        self._idle: deque[int] = deque()
        weakref.finalize(self, _release, library, handle, self._idle).atexit = False

    def borrow(self) -> int:
        """A context ready for use by this thread alone; give it back with `give_back`."""
        try:
            return self._idle.pop()
        except IndexError:
            pass
        context: int | None = self._library.EVP_PKEY_CTX_new_from_pkey(None, self._handle, None)
        if not context:
            self._library.ERR_clear_error()
            raise LibcryptoUnavailableError("libcrypto gives no context for an SM2 key")
        if getattr(self._library, self._initialise)(context) != 1:
            self._library.EVP_PKEY_CTX_free(context)
            self._library.ERR_clear_error()
            raise LibcryptoUnavailableError("libcrypto cannot use an SM2 key")
        return context

    def give_back(self, context: int) -> None:
        self._idle.append(context)


def _release(library: ctypes.CDLL, handle: int, contexts: deque[int]) -> None:
    for context in contexts:
        library.EVP_PKEY_CTX_free(context)
    library.EVP_PKEY_free(handle)


class LibcryptoSm2:
    """The `Sm2Backend` of `sm2` on the system's libcrypto; LibcryptoUnavailableError where there is none."""

    name = "libcrypto"

    def __init__(self) -> None:
        self._library = _load()
        self._public_key = lru_cache(maxsize=_KEPT_KEYS)(self._load_public)

    def _load_public(self, point: bytes) -> _Key:
        return _Key(self._library, "d2i_PUBKEY", _SPKI_PREFIX + point, "EVP_PKEY_verify_init")

    def verify_digest(self, point: bytes, e: bytes, r: int, s: int) -> bool:
        """Whether (r, s), both in range, signs the digest `e` under the checked 64-byte `point`."""
        key = self._public_key(point)
        context = key.borrow()
        signature = encode_signature(r, s)
        good: bool = self._library.EVP_PKEY_verify(context, signature, len(signature), e, len(e)) == 1
        if not good:
            self._library.ERR_clear_error()
        key.give_back(context)
        return good

    def sign_digest(self, private_key: int, e: bytes) -> tuple[int, int]:
        """(r, s) over the digest `e` (GM/T 0003.2 clause 6.1)."""
        encoded = _PKCS8_PREFIX + private_key.to_bytes(32, "big") + _PKCS8_PUBLIC + public_point(private_key)
        key = _Key(self._library, "d2i_AutoPrivateKey", encoded, "EVP_PKEY_sign_init")
        context = key.borrow()
        size = _SIZE(80)
        buffer = ctypes.create_string_buffer(size.value)
        done: int = self._library.EVP_PKEY_sign(context, buffer, ctypes.byref(size), e, len(e))
        key.give_back(context)
        if done != 1:
            self._library.ERR_clear_error()
            raise LibcryptoUnavailableError("libcrypto cannot sign with the SM2 key")
        return parse_signature(buffer.raw[: size.value])
