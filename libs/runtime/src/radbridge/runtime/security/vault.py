"""The root keys: everything sealed or signed hangs on them.

A vault is a small JSON text, kept in a file (embedded: ``DIR/vault.key``, mode 0600) or a secret. It holds versioned
root keys, of which the newest wraps new data keys while older ones still open what they wrapped, and versioned
blind-index keys, which are separate so that rotating a root leaves equality search as it is.

Algorithms: SM4-GCM (GB/T 32907 in NIST SP 800-38D mode), HMAC-SM3 (GB/T 32905 in RFC 2104), HKDF (RFC 5869) over SM3.
"""

import base64
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from radbridge.runtime.security.sm4gcm import KEY_BYTES, sm4_gcm_open, sm4_gcm_seal

ROOT_BYTES = 32
FORMAT = 1


class VaultError(Exception):
    """The vault cannot be read, or does not hold the key that is needed. Never carries key material."""


@dataclass(frozen=True, slots=True)
class Vault:
    """Root keys and blind-index keys, each by version; the highest version is the current one."""

    roots: dict[int, bytes]
    index_keys: dict[int, bytes]
    _index_mac: HMAC = field(init=False, repr=False, compare=False)
    """Keyed once: a copy of it costs a third of a new one."""

    def __post_init__(self) -> None:
        if not self.roots or not self.index_keys:
            raise VaultError("a vault needs at least one root key and one index key")
        if any(len(key) != ROOT_BYTES for key in (*self.roots.values(), *self.index_keys.values())):
            raise VaultError(f"a vault's keys are {ROOT_BYTES} bytes each")
        object.__setattr__(self, "_index_mac", HMAC(self.index_keys[max(self.index_keys)], hashes.SM3()))

    def __repr__(self) -> str:
        return f"Vault(roots={sorted(self.roots)}, index_keys={sorted(self.index_keys)})"

    @classmethod
    def create(cls) -> "Vault":
        """A new vault with fresh keys."""
        return cls({1: os.urandom(ROOT_BYTES)}, {1: os.urandom(ROOT_BYTES)})

    @classmethod
    def from_text(cls, text: str) -> "Vault":
        """The vault of a JSON text.

        :raises VaultError: the text is not a vault.
        """
        try:
            loaded = orjson.loads(text)
            if loaded["format"] != FORMAT:
                raise VaultError(f"vault format {loaded['format']!r} is not known")
            return cls(_keys(loaded["roots"]), _keys(loaded["index_keys"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise VaultError(f"not a vault: {type(error).__name__}") from None

    @classmethod
    def load(cls, path: Path) -> "Vault":
        """The vault in a file.

        :raises VaultError: no such file, or not a vault.
        """
        try:
            return cls.from_text(path.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise VaultError(f"{path}: {getattr(error, 'strerror', None) or 'not a vault'}") from error

    @classmethod
    def load_or_create(cls, path: Path) -> "Vault":
        """The vault in a file; made with fresh keys, whole or not at all, where there is none."""
        if not path.exists():
            cls.create().save(path, replace_existing=False)
        return cls.load(path)

    def save(self, path: Path, *, replace_existing: bool = True) -> None:
        """Write the vault: mode 0600, on disk before the name appears, an existing one replaced whole or left alone."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self.to_text().encode())
                file.flush()
                os.fsync(file.fileno())
            if replace_existing:
                temporary.replace(path)
            else:
                try:
                    os.link(temporary, path)
                except FileExistsError:  # another starter was first: its vault counts
                    return
            _sync_directory(path.parent)
        finally:
            temporary.unlink(missing_ok=True)

    def to_text(self) -> str:
        """The vault as JSON text; as secret as the keys."""
        return orjson.dumps(
            {"format": FORMAT, "roots": _texts(self.roots), "index_keys": _texts(self.index_keys)},
            option=orjson.OPT_INDENT_2,
        ).decode()

    def rotate(self) -> "Vault":
        """A vault with one more root, which becomes the current one. Older roots stay, to open what they wrapped."""
        return replace(self, roots={**self.roots, self._current + 1: os.urandom(ROOT_BYTES)})

    @property
    def _current(self) -> int:
        return max(self.roots)

    @property
    def current_root(self) -> str:
        """Name of the root that wraps new keys."""
        return f"r{self._current}"

    def wrap(self, data_key: bytes, context: str) -> tuple[str, str]:
        """Seal a data key under the current root; answers (root name, wrapped key). ``context`` is bound to it."""
        sealed = sm4_gcm_seal(self._derive(self._current, "wrap"), data_key, context.encode())
        return self.current_root, base64.urlsafe_b64encode(sealed).decode()

    def unwrap(self, root: str, wrapped: str, context: str) -> bytes:
        """The data key that ``wrap`` sealed.

        :raises VaultError: the root is not in this vault, or key or context were changed.
        """
        try:
            return sm4_gcm_open(
                self._derive(self._version(root), "wrap"), base64.urlsafe_b64decode(wrapped), context.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise VaultError("a wrapped key does not open") from error

    def platform_key(self, purpose: str, root: str | None = None) -> bytes:
        """An SM4 key of the platform itself, derived from a root (the current one by default)."""
        return self._derive(self._current if root is None else self._version(root), f"platform/{purpose}")

    def hmac_key(self, purpose: str) -> bytes:
        """The key that signs new tokens of a purpose."""
        return self.hmac_keys(purpose)[0]

    def hmac_keys(self, purpose: str) -> list[bytes]:
        """Keys that tokens of a purpose may be signed with, the current one first."""
        return [self._derive(version, f"hmac/{purpose}", 32) for version in sorted(self.roots, reverse=True)]

    def blind_index(self, kind: str, value: str) -> str:
        """A keyed hash for equality search of a value that must not be readable: ``b<version>:<64 hex digits>``.

        The same value under another ``kind`` gives an unrelated hash.
        """
        mac = self._index_mac.copy()
        mac.update(f"{kind}\0{value}".encode())
        return f"b{max(self.index_keys)}:{mac.finalize().hex()}"

    def _version(self, root: str) -> int:
        try:
            version = int(root.removeprefix("r"))
        except ValueError:
            version = 0
        if version not in self.roots:
            raise VaultError(f"root key {root!r} is not in this vault")
        return version

    def _derive(self, version: int, info: str, length: int = KEY_BYTES) -> bytes:
        return HKDF(hashes.SM3(), length, salt=None, info=f"radbridge/{info}".encode()).derive(self.roots[version])


def _keys(texts: dict[str, str]) -> dict[int, bytes]:
    return {int(version): base64.b64decode(text, validate=True) for version, text in texts.items()}


def _texts(keys: dict[int, bytes]) -> dict[str, str]:
    return {str(version): base64.b64encode(key).decode() for version, key in keys.items()}


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
