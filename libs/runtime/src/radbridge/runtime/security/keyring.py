"""Sealing and opening personal data with each institution's own keys.

A sealed text is a token ``rb1.<key id>.<base64url of nonce, ciphertext and tag>``; a sealed blob begins with ``RB1``
and the length of its key id. The place where a value stands (a record's id) is bound to it as associated data: moved
elsewhere, it does not open.
"""

import base64
import binascii
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag

from radbridge.contracts.events.institution import InstitutionUpdated, WrappedKey
from radbridge.contracts.identifiers import new_id
from radbridge.runtime.security.sm4gcm import KEY_BYTES, sm4_gcm_open, sm4_gcm_seal
from radbridge.runtime.security.vault import Vault, VaultError

PLATFORM = "platform"
"""Instead of an institution id: the platform's own keys, derived from the root."""
PURPOSES = ("patient", "document", "credentials")
"""What an institution has a data key for."""

_TOKEN = "rb1"  # noqa: S105 (a format's name)
_BLOB = b"RB1"


class SealError(Exception):
    """A value cannot be sealed or opened. Never carries the value or key material."""


class KeyNotKnown(SealError):
    """The key is not on this keyring (yet): the institution directory may still be on its way."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key that seals what an institution has of one purpose."""

    id: str
    secret: bytes = field(repr=False)


class Keyring:
    """The data keys of all institutions, unwrapped in memory. Thread-safe: entries are only added or replaced."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._by_id: dict[str, bytes] = {}
        self._current: dict[tuple[str, str], DataKey] = {}

    def new_keys(self, institution_id: str) -> list[WrappedKey]:
        """Fresh wrapped keys of a new institution, one per purpose. They seal at once; they must be published with the
        institution before anything sealed with them is."""
        made: list[WrappedKey] = []
        for purpose in PURPOSES:
            key_id = new_id()
            secret = os.urandom(KEY_BYTES)
            root, wrapped = self._vault.wrap(secret, _context(institution_id, purpose, key_id))
            made.append(WrappedKey(key_id=key_id, purpose=purpose, root=root, wrapped=wrapped))
            self._by_id[key_id] = secret
            self._current.setdefault((institution_id, purpose), DataKey(key_id, secret))
        return made

    def add_institution(self, institution: InstitutionUpdated) -> None:
        """Take up an institution's keys; the last key of each purpose is the one that seals.

        :raises SealError: a key does not unwrap with this vault.
        """
        for key in institution.keys:
            secret = self._by_id.get(key.key_id)
            if secret is None:
                context = _context(institution.institution_id, key.purpose, key.key_id)
                try:
                    secret = self._vault.unwrap(key.root, key.wrapped, context)
                except VaultError as error:
                    raise SealError(f"key {key.key_id} of institution {institution.institution_id}: {error}") from error
                self._by_id[key.key_id] = secret
            self._current[institution.institution_id, key.purpose] = DataKey(key.key_id, secret)

    def sealing_key(self, institution_id: str, purpose: str) -> DataKey:
        """The key that seals now; as secret as what it seals.

        :raises KeyNotKnown: the institution is not on this keyring.
        """
        key = self._current.get((institution_id, purpose))
        if key is not None:
            return key
        if institution_id != PLATFORM:
            raise KeyNotKnown(f"no {purpose} key of institution {institution_id}")
        root = self._vault.current_root
        key = DataKey(f"{PLATFORM}:{root}:{purpose}", self._vault.platform_key(purpose))
        self._current[institution_id, purpose] = key
        return key

    def adopt(self, institution_id: str, purpose: str, key: DataKey) -> None:
        """Seal with a key that another keyring of the same vault answered."""
        self._by_id[key.id] = key.secret
        self._current[institution_id, purpose] = key

    def seal(self, institution_id: str, purpose: str, clear: bytes, *, place: str) -> str:
        """A token that holds ``clear`` for this place only.

        :raises KeyNotKnown: the institution is not on this keyring.
        """
        key = self.sealing_key(institution_id, purpose)
        sealed = sm4_gcm_seal(key.secret, clear, _bound(key.id, place))
        return f"{_TOKEN}.{key.id}.{base64.urlsafe_b64encode(sealed).rstrip(b'=').decode()}"

    def open(self, token: str, *, place: str) -> bytes:
        """What ``seal`` put into a token.

        :raises SealError: not a token, changed, or made for another place.
        :raises KeyNotKnown: its key is not on this keyring.
        """
        parts = token.split(".")
        if len(parts) != 3 or parts[0] != _TOKEN:
            raise SealError("not a sealed value")
        _, key_id, body = parts
        try:
            sealed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        except (binascii.Error, ValueError) as error:
            raise SealError("not a sealed value") from error
        return self._open(key_id, sealed, place)

    def seal_bytes(self, institution_id: str, purpose: str, clear: bytes, *, place: str) -> bytes:
        """Sealed bytes of a whole object. Takes about 8 ms per MB: large ones belong in a thread."""
        key = self.sealing_key(institution_id, purpose)
        key_id = key.id.encode()
        return b"".join((_BLOB, bytes((len(key_id),)), key_id, sm4_gcm_seal(key.secret, clear, _bound(key.id, place))))

    def open_bytes(self, sealed: bytes, *, place: str) -> bytes:
        """What ``seal_bytes`` sealed; raises as ``open`` does."""
        if sealed[:3] != _BLOB or len(sealed) < 4:
            raise SealError("not a sealed object")
        end = 4 + sealed[3]
        try:
            key_id = sealed[4:end].decode("ascii")
        except UnicodeDecodeError as error:
            raise SealError("not a sealed object") from error
        return self._open(key_id, sealed[end:], place)

    def _open(self, key_id: str, sealed: bytes, place: str) -> bytes:
        try:
            return sm4_gcm_open(self._opening_key(key_id), sealed, _bound(key_id, place))
        except (InvalidTag, ValueError) as error:
            raise SealError("a sealed value was changed or stands in another place") from error

    def _opening_key(self, key_id: str) -> bytes:
        secret = self._by_id.get(key_id)
        if secret is not None:
            return secret
        owner, _, rest = key_id.partition(":")
        root, _, purpose = rest.partition(":")
        if owner != PLATFORM or not purpose:
            raise KeyNotKnown(f"key {key_id} is not known")
        try:
            secret = self._vault.platform_key(purpose, root)
        except VaultError as error:
            raise KeyNotKnown(str(error)) from error
        self._by_id[key_id] = secret
        return secret


def _context(institution_id: str, purpose: str, key_id: str) -> str:
    return f"{institution_id}/{purpose}/{key_id}"


def _bound(key_id: str, place: str) -> bytes:
    return f"{key_id}\n{place}".encode()
