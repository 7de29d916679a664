"""New secrets of an institution: random, sealed at once, shown in clear only to administrators."""

import secrets

from radbridge.contracts.events.institution import SealedCredentials
from radbridge.runtime.directory import seal_credentials
from radbridge.runtime.security.keyring import Keyring


def issue(keyring: Keyring, institution_id: str) -> SealedCredentials:
    """Fresh credentials, sealed with the institution's keys."""
    return seal_credentials(
        keyring,
        institution_id,
        sm4_key=secrets.token_bytes(16),
        access_key=secrets.token_hex(8),
        secret_key=secrets.token_hex(16),
        app_id=f"APP_{secrets.token_hex(16).upper()}",
        secure_code=secrets.token_urlsafe(24),
    )
