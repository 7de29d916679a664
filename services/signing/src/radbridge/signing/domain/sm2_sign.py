"""SM2 signing (GM/T 0003.2 clause 6) for co-signing and for the trial authority."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import cached_property

from radbridge.signing.domain.errors import KeyFormError
from radbridge.signing.domain.sm2 import Sm2Backend, default_backend
from radbridge.signing.domain.sm2_curve import DEFAULT_ID, N, encode_signature, signer_digest
from radbridge.signing.domain.sm2_pure import public_point
from radbridge.signing.domain.sm3 import sm3


@dataclass(frozen=True)
class Sm2PrivateKey:
    """A private key 1..n-2; never shown in `repr`."""

    value: int = field(repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.value < N - 1:
            raise KeyFormError("an SM2 private key lies within 1..n-2")

    @classmethod
    def generate(cls) -> Sm2PrivateKey:
        return cls(secrets.randbelow(N - 2) + 1)

    @cached_property
    def point(self) -> bytes:
        """The public key X‖Y, 64 bytes."""
        return public_point(self.value)

    def sign(self, message: bytes, *, user_id: bytes = DEFAULT_ID, backend: Sm2Backend | None = None) -> bytes:
        """The DER signature SM2-with-SM3 over `message`."""
        e = sm3(signer_digest(self.point, user_id), message)
        return encode_signature(*(backend or default_backend()).sign_digest(self.value, e))
