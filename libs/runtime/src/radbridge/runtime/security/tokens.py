"""Signed tokens: claims that whoever holds the token can read, and only this platform can make.

JWS compact serialisation (RFC 7515) with HS256 (RFC 7518) of a JWT (RFC 7519). The header is one constant per purpose
and is compared as text, so a token can neither choose its algorithm nor pass for one of another purpose.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

import orjson

from radbridge.runtime.clock import Clock
from radbridge.runtime.security.vault import Vault

TOKEN_CHARACTERS_MAX = 8192


class TokenInvalid(Exception):
    """Not a token of this purpose, or changed."""


class TokenExpired(Exception):
    """A genuine token whose time is over. ``claims`` are what it says."""

    def __init__(self, claims: Mapping[str, Any]) -> None:
        super().__init__("expired")
        self.claims = claims


class TokenCodec:
    """Makes and checks tokens of one purpose. After a rotation of the root, tokens of the older root still verify."""

    def __init__(self, vault: Vault, clock: Clock, *, purpose: str) -> None:
        self._keys = vault.hmac_keys(purpose)
        self._clock = clock
        self._header = _encode(orjson.dumps({"alg": "HS256", "typ": f"radbridge-{purpose}+jwt"}))

    def issue(self, claims: Mapping[str, Any], valid: timedelta) -> str:
        """A token with these claims and ``exp``."""
        expires = self._clock() + valid
        body = _encode(orjson.dumps({**claims, "exp": int(expires.timestamp())}))
        signed = self._header + b"." + body
        return (signed + b"." + self._signature(self._keys[0], signed)).decode()

    def looks_alike(self, token: str) -> bool:
        """Whether the token claims to be of this purpose; nothing is verified."""
        return token.startswith(self._header.decode() + ".")

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a token.

        :raises TokenInvalid: not a token of this purpose, or changed.
        :raises TokenExpired: genuine, but its time is over.
        """
        if len(token) > TOKEN_CHARACTERS_MAX or not token.isascii():
            raise TokenInvalid("not a token")
        signed, _, signature = token.encode().rpartition(b".")
        header, _, body = signed.partition(b".")
        if header != self._header or not any(
            hmac.compare_digest(signature, self._signature(key, signed)) for key in self._keys
        ):
            raise TokenInvalid("not a token of this purpose")
        try:
            claims = cast(dict[str, Any], orjson.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4))))
            expires = int(claims["exp"])
        except (binascii.Error, ValueError, KeyError, TypeError) as error:
            raise TokenInvalid("not a token") from error
        if self._clock().timestamp() >= expires:
            raise TokenExpired(claims)
        return claims

    @staticmethod
    def _signature(key: bytes, signed: bytes) -> bytes:
        return _encode(hmac.digest(key, signed, "sha256"))


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
